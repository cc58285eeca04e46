package images

import (
	"embed"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The lockfile modules of the components, and the files that go into root file
// systems. go.mod, go.sum and main.go carry a second ending, .txt: the Go tool
// takes a directory with a go.mod for another module and embeds nothing of it,
// and whoever has the program alone must be able to build the images, too.
//
//go:embed components all:files
var embedded embed.FS

// copyEmbedded copies the embedded folder over root, replacing files and never
// writing through them: they may be hard links into another artifact.
func copyEmbedded(folder, root string) error {
	return fs.WalkDir(embedded, folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(root, strings.TrimPrefix(path, folder))
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		data, err := embedded.ReadFile(path)
		if err != nil {
			return err
		}
		return put(to, data, modeOf(data))
	})
}

// modeOf makes a script executable; embedding keeps no modes.
func modeOf(data []byte) fs.FileMode {
	if strings.HasPrefix(string(data), "#!") {
		return 0o755
	}
	return 0o644
}

// put writes a new file in the place of what is there.
func put(path string, data []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	if err := os.WriteFile(path, data, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode) // whatever the umask
}

// link makes a symbolic link in the place of what is there.
func link(target, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return os.Symlink(target, path)
}

// place puts a file of the host at path, as a hard link where it can be one.
func place(source, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	if os.Link(source, path) == nil {
		return nil
	}
	return copyFile(source, path)
}

// copyFile puts a copy of a file of the host at path.
func copyFile(source, path string) error {
	data, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	i, err := os.Stat(source)
	if err != nil {
		return err
	}
	return put(path, data, i.Mode().Perm())
}
