package images

import (
	"archive/tar"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// layerTime is the time of every file in a layer: equal content, equal digest.
var layerTime = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// capabilityXattr is how a tar carries a file's capabilities.
const capabilityXattr = "SCHILY.xattr.security.capability"

// layer collects files, by their path in the image.
type layer struct{ files map[string]layerFile }

type layerFile struct {
	header tar.Header
	source string // where the content is, for a regular file
	data   []byte // or the content itself
	inode  [2]uint64
}

func newLayer() *layer { return &layer{files: map[string]layerFile{}} }

// addTree takes everything below root, with owners, modes, hard links and file
// capabilities. Devices and sockets are left out: the runtime makes its own.
func (l *layer) addTree(root string) error {
	return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		return l.add(rel, p, info)
	})
}

func (l *layer) add(name, source string, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s: no owner to be read", source)
	}
	f := layerFile{header: tar.Header{Name: name, Mode: int64(info.Mode().Perm()), Uid: int(st.Uid), Gid: int(st.Gid)}}
	for bit, octal := range map[fs.FileMode]int64{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if info.Mode()&bit != 0 {
			f.header.Mode |= octal
		}
	}
	switch {
	case info.IsDir():
		f.header.Typeflag = tar.TypeDir
		f.header.Name += "/"
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(source)
		if err != nil {
			return err
		}
		f.header.Typeflag, f.header.Linkname = tar.TypeSymlink, target
	case info.Mode().IsRegular():
		f.header.Typeflag, f.header.Size, f.source = tar.TypeReg, info.Size(), source
		if st.Nlink > 1 {
			f.inode = [2]uint64{uint64(st.Dev), st.Ino}
		}
		capability := make([]byte, 64)
		if n, err := unix.Lgetxattr(source, "security.capability", capability); err == nil && n > 0 {
			f.header.PAXRecords = map[string]string{capabilityXattr: string(capability[:n])}
		}
	default:
		return nil
	}
	l.files[name] = f
	return nil
}

// addFile puts a file of the host into the layer, owned by root.
func (l *layer) addFile(name, source string, mode int64) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	l.files[name] = layerFile{source: source, header: tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: mode, Size: info.Size()}}
	return nil
}

func (l *layer) addData(name string, data []byte, mode int64) {
	l.files[name] = layerFile{data: data, header: tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: mode, Size: int64(len(data))}}
}

func (l *layer) addDir(name string, mode int64) {
	l.files[name] = layerFile{header: tar.Header{Name: name + "/", Typeflag: tar.TypeDir, Mode: mode}}
}

// setCapability gives a file of the layer a capability, permitted and effective
// (struct vfs_cap_data, revision 2, of the kernel's uapi/linux/capability.h).
func (l *layer) setCapability(name string, capability uint) error {
	f, ok := l.files[name]
	if !ok {
		return fmt.Errorf("%s is not in the layer", name)
	}
	const revision2, effective = 0x02000000, 1
	var data [20]byte
	binary.LittleEndian.PutUint32(data[0:], revision2|effective)
	binary.LittleEndian.PutUint32(data[4+8*(capability/32):], 1<<(capability%32))
	f.header.PAXRecords = map[string]string{capabilityXattr: string(data[:])}
	l.files[name] = f
	return nil
}

// write writes the layer as a tar: sorted, each parent before its children, of
// files that are one file on disk the first with the content and the others as
// links to it.
func (l *layer) write(to io.Writer) error {
	names := make([]string, 0, len(l.files))
	for n := range l.files {
		for dir := path.Dir(n); dir != "."; dir = path.Dir(dir) {
			if _, ok := l.files[dir]; !ok {
				l.addDir(dir, 0o755)
				names = append(names, dir)
			}
		}
		names = append(names, n)
	}
	sort.Strings(names)
	w := tar.NewWriter(to)
	first := map[[2]uint64]string{}
	for i, n := range names {
		if i > 0 && n == names[i-1] {
			continue
		}
		f := l.files[n]
		h := f.header
		h.ModTime, h.Format = layerTime, tar.FormatPAX
		if f.inode != [2]uint64{} {
			if target, ok := first[f.inode]; ok {
				h.Typeflag, h.Linkname, h.Size, h.PAXRecords = tar.TypeLink, target, 0, nil
			} else {
				first[f.inode] = n
			}
		}
		if err := w.WriteHeader(&h); err != nil {
			return fmt.Errorf("layer: %s: %w", n, err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := f.copy(w); err != nil {
			return fmt.Errorf("layer: %s: %w", n, err)
		}
	}
	return w.Close()
}

func (f layerFile) copy(w io.Writer) error {
	if f.source == "" {
		_, err := io.Copy(w, strings.NewReader(string(f.data)))
		return err
	}
	r, err := os.Open(f.source)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.CopyN(w, r, f.header.Size)
	return err
}
