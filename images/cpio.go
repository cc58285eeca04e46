package images

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// writeInitramfs writes the tree below root as a cpio archive of the "newc" kind
// that Linux unpacks (Documentation/driver-api/early-userspace/buffer-format.rst),
// owned by root, without times. It is left uncompressed: unpacking it is the
// first thing that an emulated processor has to do.
func writeInitramfs(to io.Writer, root string) error {
	w := bufio.NewWriterSize(to, 1<<20)
	inode := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		inode++
		return writeCpio(w, inode, name, path, info)
	})
	if err != nil {
		return err
	}
	if err := cpioHeader(w, 0, "TRAILER!!!", 0, 0); err != nil {
		return err
	}
	return w.Flush()
}

// File kinds of st_mode.
const (
	cpioDir  = 0o040000
	cpioFile = 0o100000
	cpioLink = 0o120000
)

func writeCpio(w io.Writer, inode int, name, path string, info fs.FileInfo) error {
	mode := uint32(info.Mode().Perm())
	switch {
	case info.IsDir():
		return cpioHeader(w, inode, name, cpioDir|mode, 0)
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		if err != nil {
			return err
		}
		if err := cpioHeader(w, inode, name, cpioLink|0o777, int64(len(target))); err != nil {
			return err
		}
		_, err = io.WriteString(w, target+padding(int64(len(target))))
		return err
	case info.Mode().IsRegular():
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := cpioHeader(w, inode, name, cpioFile|mode, info.Size()); err != nil {
			return err
		}
		if _, err := io.CopyN(w, f, info.Size()); err != nil {
			return err
		}
		_, err = io.WriteString(w, padding(info.Size()))
		return err
	}
	return fmt.Errorf("%s: neither file, directory nor link", name)
}

func cpioHeader(w io.Writer, inode int, name string, mode uint32, size int64) error {
	// magic ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
	head := fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
		inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len(name)+1, 0, name)
	_, err := io.WriteString(w, head+padding(int64(len(head))))
	return err
}

func padding(n int64) string { return "\x00\x00\x00"[:(4-n%4)%4] }
