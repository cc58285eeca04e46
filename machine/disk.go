package machine

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/vmnet-project/vmnet/internal/files"
)

// Disk says what a machine's disk is made from.
type Disk struct {
	// Root is what BuildRoot returned.
	Root string
	// NodeRoot is the file system that becomes the node image, NodeTag its name in Docker, as "kindest/node:v1.34.4".
	NodeRoot string
	NodeTag  string
	// Store is a containerd store that the disk gets at StorePath; may be empty.
	Store string
	// Key changes whenever NodeRoot or Store do.
	Key string
}

// StorePath is where the machine has Disk.Store.
const StorePath = "/srv/store"

var (
	//go:embed disk/load.sh
	loadScript string
	//go:embed disk/make.sh
	makeScript string
)

// BuildDisk returns the path of a disk that machines are copies of: the root, the node image in Docker's store and
// the containerd store. Disks that no machine uses any more are removed: each takes several GiB.
func BuildDisk(ctx context.Context, o Options, d Disk) (_ string, err error) {
	o, err = o.complete()
	if err != nil {
		return "", err
	}
	if err := requireRoot(); err != nil {
		return "", err
	}
	base := filepath.Join(o.Cache, "disk")
	unlock, err := files.Lock(ctx, filepath.Join(base, lockFile))
	if err != nil {
		return "", err
	}
	defer unlock()
	dir := filepath.Join(base, d.key(o))
	disk := filepath.Join(dir, "disk.img")
	if _, err := os.Stat(dir); err == nil {
		return disk, nil
	}
	if err := pruneDisks(o, base, dir+".new"); err != nil {
		return "", fmt.Errorf("machine disk: %w", err)
	}
	work := dir + ".new"
	if err := os.MkdirAll(work, 0o700); err != nil {
		return "", fmt.Errorf("machine disk: %w", err)
	}
	if err := d.load(ctx, o, work); err != nil {
		return "", fmt.Errorf("machine disk: %w", err)
	}
	if err := d.make(ctx, o, work); err != nil {
		return "", fmt.Errorf("machine disk: %w", err)
	}
	if err := files.Replace(filepath.Join(work, "root"), []byte(d.Root+"\n"), 0o644); err != nil {
		return "", fmt.Errorf("machine disk: %w", err)
	}
	for _, name := range []string{"m", "docker"} {
		if err := os.RemoveAll(filepath.Join(work, name)); err != nil {
			return "", fmt.Errorf("machine disk: %w", err)
		}
	}
	if err := os.Rename(work, dir); err != nil {
		return "", fmt.Errorf("machine disk: %w", err)
	}
	return disk, nil
}

// key names a disk by all that it is made from. A root's directory is named by its own key.
func (d Disk) key(o Options) string {
	h := sha256.New()
	for _, s := range []string{filepath.Base(d.Root), d.NodeTag, d.Key, strconv.FormatBool(d.Store != ""), strconv.Itoa(o.DiskGiB), loadScript, makeScript} {
		fmt.Fprintf(h, "%d %s\n", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// load makes work/docker, as a whole or not at all.
func (d Disk) load(ctx context.Context, o Options, work string) (err error) {
	if _, err := os.Stat(filepath.Join(work, "docker")); err == nil {
		return nil
	}
	done := o.Step("machine: node image into Docker's store")
	defer func() { done(err) }()
	part := filepath.Join(work, "load")
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	if err := os.MkdirAll(part, 0o700); err != nil {
		return err
	}
	if err := sandbox(ctx, filepath.Join(work, "load.log"), true, "sh", "-c", loadScript, "load", d.Root, part, d.NodeRoot, d.NodeTag); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(part, "docker"), filepath.Join(work, "docker")); err != nil {
		return err
	}
	return os.RemoveAll(part)
}

func (d Disk) make(ctx context.Context, o Options, work string) (err error) {
	done := o.Step("machine: disk")
	defer func() { done(err) }()
	return sandbox(ctx, filepath.Join(work, "make.log"), false, "sh", "-c", makeScript, "make", d.Root, work, d.Store, strconv.Itoa(o.DiskGiB))
}

// pruneDisks removes what is under base but for the disk in the making and those of machines that have a state,
// alive or not.
func pruneDisks(o Options, base, keep string) error {
	used, err := disksInUse(o)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(base)
	if err != nil {
		return err
	}
	for _, e := range entries {
		dir := filepath.Join(base, e.Name())
		if !e.IsDir() || used[dir] || dir == keep {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

func disksInUse(o Options) (map[string]bool, error) {
	files, err := filepath.Glob(filepath.Join(o.Cache, "machine", "*", stateFile))
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	for _, f := range files {
		s, err := readState(filepath.Dir(f))
		if err != nil {
			return nil, err
		}
		if s != nil {
			used[filepath.Dir(s.Disk)] = true
		}
	}
	return used, nil
}
