package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/vmnet-project/vmnet/internal/files"
)

// key is a hash of everything that an artifact is built from. Each part goes in
// with its length, so that ("ab","c") and ("a","bc") differ.
func key(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// keyOfFS hashes every file below dir of an embedded tree, by name and content.
func keyOfFS(tree fs.FS, dir string) (string, error) {
	var parts []string
	err := fs.WalkDir(tree, dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(tree, path)
		parts = append(parts, path, string(data))
		return err
	})
	return key(parts...), err
}

// artifact returns the directory CACHE/KIND/NAME-KEY, made by build if it is not
// there. build gets an empty directory next to it, which is renamed when it is
// complete: what stands under the final name is whole. Two processes that want
// the same artifact wait for each other.
func (b *builder) artifact(ctx context.Context, kind, name, key string, build func(dir string) error) (string, error) {
	final := filepath.Join(b.Cache, kind, name+"-"+key)
	if isDir(final) {
		return final, nil
	}
	unlock, err := files.Lock(ctx, filepath.Join(b.Cache, "locks", kind+"-"+name))
	if err != nil {
		return "", err
	}
	defer unlock()
	if isDir(final) {
		return final, nil
	}
	work := filepath.Join(b.Cache, kind, "."+name+".partial")
	if err := os.RemoveAll(work); err != nil {
		return "", err
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return "", err
	}
	done := b.step(kinds[kind] + name)
	err = build(work)
	if err == nil {
		err = os.Rename(work, final)
	}
	if ctx.Err() != nil {
		err = ctx.Err() // a command that was killed says only that
	}
	done(err)
	if err != nil {
		return "", fmt.Errorf("%s%s: %w", kinds[kind], name, err)
	}
	b.prune(kind, name, final)
	return final, nil
}

// kinds are the folders of the cache, with what a step in them is called.
var kinds = map[string]string{
	"bin": "build ", "roots": "root file system ", "guest": "boot files of the ", "node": "node image: ",
	"store": "images into the ", "manifests": "generate ", "modules": "lockfile of ",
}

// prune keeps the newest two artifacts of a name: the one just made, and one to
// go back to when a checkout is switched.
func (b *builder) prune(kind, name, final string) {
	old, _ := filepath.Glob(filepath.Join(b.Cache, kind, name+"-????????????????"))
	var newest string
	var at time.Time
	for _, p := range old {
		if i, err := os.Stat(p); err == nil && p != final && i.ModTime().After(at) {
			newest, at = p, i.ModTime()
		}
	}
	for _, p := range old {
		if p != final && p != newest {
			_ = os.RemoveAll(p) // what stays behind costs disk only
		}
	}
}

func isDir(path string) bool {
	i, err := os.Stat(path)
	return err == nil && i.IsDir()
}
