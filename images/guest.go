package images

import (
	"context"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The guest is Debian's cloud kernel and an initramfs with what a test needs to
// look at a network from inside: it is up in seconds under emulation. Its
// kernel wants the arguments "console=ttyS0 no_timer_check quiet". The cloud
// kernel drives virtio alone; Debian's general one is there for a VM with a NIC
// of another model, and the one initramfs has the modules of both.
var (
	guestKernels  = map[string]string{"vmlinuz": "boot/vmlinuz-*-cloud-amd64", "vmlinuz-generic": "boot/vmlinuz-*[0-9]-amd64"}
	guestPrograms = strings.Fields("dash ping ip ss bridge curl tcpdump nc.openbsd dropbear dropbearkey dropbearconvert")
	guestModules  = strings.Fields("virtio_pci virtio_net virtio_blk virtio_scsi virtio-rng sr_mod isofs 8021q e1000e")
)

// guest returns a directory with vmlinuz, vmlinuz-generic and initrd.
func (b *builder) guest(ctx context.Context) (string, error) {
	return b.artifact(ctx, "guest", "guest", b.guestKey(), func(dir string) error {
		source, err := b.root(ctx, rootByName("guest"))
		if err != nil {
			return err
		}
		tools, err := b.buildRoot(ctx)
		if err != nil {
			return err
		}
		tree := filepath.Join(dir, "tree")
		if err := guestTree(ctx, source, tree); err != nil {
			return err
		}
		kernels := map[string]string{}
		for name, pattern := range guestKernels {
			kernel, err := only(filepath.Join(source, pattern))
			if err != nil {
				return err
			}
			kernels[name] = kernel
			version := strings.TrimPrefix(filepath.Base(kernel), "vmlinuz-")
			if err := b.guestModules(ctx, tools, source, tree, version); err != nil {
				return err
			}
		}
		f, err := os.Create(filepath.Join(dir, "initrd"))
		if err != nil {
			return err
		}
		defer f.Close()
		if err := writeInitramfs(f, tree); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
		for name, kernel := range kernels {
			if err := place(kernel, filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		return os.RemoveAll(tree)
	})
}

func (b *builder) guestKey() string {
	return key("2", b.rootKey(rootByName("guest")), b.rootKey(buildRoot), b.embeddedKey("files/guest"),
		strings.Join(guestPrograms, " "), strings.Join(guestModules, " "))
}

// guestTree lays out the initramfs. The shell is dash and not busybox's, which
// prefers its own applets to iproute2's ip and to iputils' ping.
func guestTree(ctx context.Context, source, tree string) error {
	for _, dir := range strings.Fields("proc sys dev run tmp mnt root/.ssh etc/dropbear usr/bin usr/lib/vmnet var/log") {
		if err := os.MkdirAll(filepath.Join(tree, dir), 0o755); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{
		"bin": "usr/bin", "sbin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "usr/sbin": "bin",
		"usr/bin/sh": "dash", "usr/bin/nc": "nc.openbsd", "var/run": "../run",
	} {
		if err := link(target, filepath.Join(tree, name)); err != nil {
			return err
		}
	}
	for _, name := range guestPrograms {
		if err := copyProgram(source, tree, name); err != nil {
			return err
		}
	}
	if err := busybox(ctx, source, tree); err != nil {
		return err
	}
	// names of routing protocols: without them "proto dhcp" is not understood
	if err := os.CopyFS(filepath.Join(tree, "usr/share/iproute2"), os.DirFS(filepath.Join(source, "usr/share/iproute2"))); err != nil {
		return err
	}
	for name, text := range map[string]string{
		// Debian's tcpdump leaves root for a user of its own
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\ntcpdump:x:100:100::/nonexistent:/bin/false\n",
		"etc/shadow": "root:*:19000:0:99999:7:::\ntcpdump:*:19000:0:99999:7:::\n", // no password opens it
		"etc/group":  "root:x:0:\ntcpdump:x:100:\n",
		"etc/shells": "/bin/sh\n",
	} {
		if err := put(filepath.Join(tree, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for name, to := range map[string]string{
		"init": "init", "dhcp": "usr/lib/vmnet/dhcp", "seed": "usr/lib/vmnet/seed", "user-data.awk": "usr/lib/vmnet/user-data.awk",
	} {
		data, err := embedded.ReadFile("files/guest/" + name)
		if err != nil {
			return err
		}
		if err := put(filepath.Join(tree, to), data, modeOf(data)); err != nil {
			return err
		}
	}
	return nil
}

// copyProgram copies a program and every library that it or they name.
func copyProgram(source, tree, name string) error {
	for _, dir := range []string{"usr/bin", "usr/sbin", "bin", "sbin"} {
		path := filepath.Join(source, dir, name)
		if _, err := os.Stat(path); err == nil {
			return copyELF(source, tree, path, "usr/bin/"+name)
		}
	}
	return fmt.Errorf("guest: none of its packages has %s", name)
}

var libraryDirs = []string{"usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib", "usr/lib64", "lib64"}

func copyELF(source, tree, path, to string) error {
	if err := place(path, filepath.Join(tree, to)); err != nil {
		return err
	}
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	libs, err := f.ImportedLibraries()
	f.Close()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, lib := range append(libs, "ld-linux-x86-64.so.2") {
		dir := "usr/lib/x86_64-linux-gnu/"
		if strings.HasPrefix(lib, "ld-linux") {
			dir = "usr/lib64/"
		}
		if _, err := os.Stat(filepath.Join(tree, dir+lib)); err == nil {
			continue
		}
		found, err := findLibrary(source, lib)
		if err != nil {
			return fmt.Errorf("%s: %w", to, err)
		}
		if err := copyELF(source, tree, found, dir+lib); err != nil {
			return err
		}
	}
	return nil
}

func findLibrary(source, name string) (string, error) {
	for _, dir := range libraryDirs {
		path, err := filepath.EvalSymlinks(filepath.Join(source, dir, name))
		if err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("library %s is not among the guest's packages", name)
}

// busybox adds an applet for each name that no real program has taken.
func busybox(ctx context.Context, source, tree string) error {
	path, err := only(filepath.Join(source, "usr/bin/busybox"), filepath.Join(source, "bin/busybox"))
	if err != nil {
		return err
	}
	if err := place(path, filepath.Join(tree, "usr/bin/busybox")); err != nil {
		return err
	}
	list, err := output(sandbox{}.command(ctx, "/", nil, path, "--list")) // static: it runs anywhere
	if err != nil {
		return fmt.Errorf("busybox: %w", err)
	}
	for _, applet := range strings.Fields(list) {
		to := filepath.Join(tree, "usr/bin", applet)
		if _, err := os.Lstat(to); err == nil {
			continue
		}
		if err := link("busybox", to); err != nil {
			return err
		}
	}
	return nil
}

// only returns the single file that the patterns match, the first pattern with
// any match counting.
func only(patterns ...string) (string, error) {
	for _, p := range patterns {
		if found, _ := filepath.Glob(p); len(found) == 1 {
			return found[0], nil
		}
	}
	return "", fmt.Errorf("not exactly one file matches %s", strings.Join(patterns, " or "))
}
