package machine

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/vmnet-project/vmnet/internal/files"
)

// The machine's root: files as they lie in it, a package and a masked unit a line.
//
//go:embed all:root
var rootFiles embed.FS

// rootRevision changes with what this file does to a root.
const rootRevision = "1"

// BuildRoot returns the directory of the machine's root file system: Debian trixie with Docker, the settings of
// this package and the keys of this cache.
func BuildRoot(ctx context.Context, o Options) (_ string, err error) {
	o, err = o.complete()
	if err != nil {
		return "", err
	}
	if err := requireRoot(); err != nil {
		return "", err
	}
	if err := ensureIdentity(o.identityDir()); err != nil {
		return "", err
	}
	key, err := rootKey(o)
	if err != nil {
		return "", err
	}
	base := filepath.Join(o.Cache, "root")
	unlock, err := files.Lock(ctx, filepath.Join(base, lockFile))
	if err != nil {
		return "", err
	}
	defer unlock()
	dir := filepath.Join(base, key)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	done := o.Step("machine: root file system")
	defer func() { done(err) }()
	partial := dir + ".new"
	if err := os.RemoveAll(partial); err != nil {
		return "", fmt.Errorf("machine root: %w", err)
	}
	if err := bootstrap(ctx, o, partial); err != nil {
		return "", fmt.Errorf("machine root: %w", err)
	}
	if err := settle(o, partial); err != nil {
		return "", fmt.Errorf("machine root: %w", err)
	}
	if err := os.Rename(partial, dir); err != nil {
		return "", fmt.Errorf("machine root: %w", err)
	}
	return dir, nil
}

// rootKey names a root by all that it is made from, but for the mirror's state.
func rootKey(o Options) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "revision %s\n", rootRevision)
	err := fs.WalkDir(rootFiles, "root", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := rootFiles.ReadFile(name)
		fmt.Fprintf(h, "%s %d\n%s", name, len(data), data)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("machine root: %w", err)
	}
	for _, name := range []string{userKeyFile, hostKeyFile} {
		data, err := os.ReadFile(filepath.Join(o.identityDir(), name+".pub"))
		if err != nil {
			return "", fmt.Errorf("machine root: %w", err)
		}
		fmt.Fprintf(h, "%s\n", data)
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// listed are the lines of a file of rootFiles without the comments.
func listed(name string) ([]string, error) {
	data, err := rootFiles.ReadFile("root/" + name)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, line := range strings.Split(string(data), "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all, nil
}

// bootstrap unpacks and configures the packages.
func bootstrap(ctx context.Context, o Options, dir string) error {
	mirror, err := debianMirror(o.Mirror, "/etc/apt")
	if err != nil {
		return err
	}
	packages, err := listed("packages")
	if err != nil {
		return err
	}
	carried, err := carriedSettings(ctx)
	if err != nil {
		return err
	}
	argv := []string{"mmdebstrap", "--mode=root", "--variant=minbase", "--components=main", "--format=directory",
		"--keyring=" + debianKeyring, "--include=" + strings.Join(packages, ","),
		`--aptopt=APT::Install-Recommends "false"`, `--aptopt=Acquire::Languages "none"`, "--dpkgopt=force-unsafe-io"}
	for _, line := range strings.Split(carried, "\n") {
		if line != "" {
			argv = append(argv, "--aptopt="+strings.TrimSuffix(line, ";"))
		}
	}
	for _, d := range []string{"doc", "man", "locale", "info"} {
		argv = append(argv, "--dpkgopt=path-exclude=/usr/share/"+d+"/*")
	}
	return sandbox(ctx, dir[:len(dir)-len(filepath.Ext(dir))]+".log", false, append(argv, "trixie", dir, mirror)...)
}

// settle makes a machine of the packages.
func settle(o Options, dir string) error {
	for _, name := range []string{"var/cache/apt", "var/lib/apt/lists", "etc/apt/apt.conf.d/99mmdebstrap", "etc/machine-id",
		"etc/resolv.conf", "etc/fstab", "etc/hostname"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	hostKeys, err := filepath.Glob(filepath.Join(dir, "etc/ssh/ssh_host_*"))
	if err != nil {
		return err
	}
	for _, f := range hostKeys {
		if err := os.Remove(f); err != nil {
			return err
		}
	}
	for _, d := range []string{"lib/modules", "srv/store", "var/lib/docker", "var/cache/apt/archives/partial", "var/lib/apt/lists/partial",
		"etc/systemd/system/sysinit.target.wants", "etc/systemd/system/multi-user.target.wants", "etc/systemd/system/sockets.target.wants"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "root/.ssh"), 0o700); err != nil {
		return err
	}
	sub, err := fs.Sub(rootFiles, "root/files")
	if err != nil {
		return err
	}
	if err := install(sub, dir); err != nil {
		return err
	}
	for _, c := range []struct {
		from, to string
		mode     fs.FileMode
	}{
		{userKeyFile + ".pub", "root/.ssh/authorized_keys", 0o600},
		{hostKeyFile, "etc/ssh/" + hostKeyFile, 0o600},
		{hostKeyFile + ".pub", "etc/ssh/" + hostKeyFile + ".pub", 0o644},
	} {
		data, err := os.ReadFile(filepath.Join(o.identityDir(), c.from))
		if err != nil {
			return err
		}
		if err := files.Replace(filepath.Join(dir, c.to), data, c.mode); err != nil {
			return err
		}
	}
	// Empty files: systemd takes the machine's id from the kernel's command line, and mounts nothing more.
	for _, name := range []string{"etc/machine-id", "etc/fstab"} {
		if err := files.Replace(filepath.Join(dir, name), nil, 0o644); err != nil {
			return err
		}
	}
	return arrange(dir)
}

// install writes the files of from into dir; what lies in an sbin is a program.
func install(from fs.FS, dir string) error {
	return fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, name)
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		data, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if filepath.Base(filepath.Dir(name)) == "sbin" {
			mode = 0o755
		}
		return files.Replace(target, data, mode)
	})
}

// arrange says what systemd starts.
func arrange(dir string) error {
	units := filepath.Join(dir, "etc/systemd/system")
	links := map[string]string{
		"default.target": "/usr/lib/systemd/system/multi-user.target",
		"sysinit.target.wants/vmnet-network.service": "/etc/systemd/system/vmnet-network.service",
		"multi-user.target.wants/ssh.service":        "/usr/lib/systemd/system/ssh.service",
		"multi-user.target.wants/containerd.service": "/usr/lib/systemd/system/containerd.service",
		"multi-user.target.wants/docker.service":     "/usr/lib/systemd/system/docker.service",
		"sockets.target.wants/docker.socket":         "/usr/lib/systemd/system/docker.socket",
	}
	masked, err := listed("masked")
	if err != nil {
		return err
	}
	for _, m := range masked {
		links[m] = "/dev/null"
	}
	for name, target := range links {
		link := filepath.Join(units, name)
		if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.Symlink(target, link); err != nil {
			return err
		}
	}
	return nil
}
