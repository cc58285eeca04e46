package images

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// relativeRun makes /var/run a relative link: virt-handler enters it through
// /proc/PID/root, where an absolute one would lead back to the node.
func relativeRun(root string) error { return link("../run", filepath.Join(root, "var/run")) }

// mergeUsr makes the links that dpkg would have made, had it installed the
// packages that are only unpacked here.
func mergeUsr(root string) error {
	for _, dir := range []string{"bin", "sbin", "lib", "lib64"} {
		if _, err := os.Lstat(filepath.Join(root, dir)); err == nil {
			continue
		}
		if err := link("usr/"+dir, filepath.Join(root, dir)); err != nil {
			return err
		}
	}
	return nil
}

// finishVirt makes of Debian's libvirt and QEMU what virt-launcher expects.
func finishVirt(root string) error {
	if err := relativeRun(root); err != nil {
		return err
	}
	// KubeVirt runs QEMU as user and group 107, by the name qemu
	if err := replaceLine(filepath.Join(root, "etc/passwd"), "qemu:", "qemu:x:107:107:user:/:/bin/bash"); err != nil {
		return err
	}
	if err := replaceLine(filepath.Join(root, "etc/group"), "qemu:", "qemu:x:107:"); err != nil {
		return err
	}
	for path, target := range map[string]string{
		"usr/bin/qemu-kvm":     "qemu-system-x86_64",
		"usr/libexec/qemu-kvm": "/usr/bin/qemu-system-x86_64",
	} {
		if err := link(target, filepath.Join(root, path)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "usr/lib64/qemu-kvm"), 0o755); err != nil {
		return err
	}
	// libvirt would ask every emulator that it finds, in every new launcher
	if err := os.RemoveAll(filepath.Join(root, "usr/bin/qemu-system-i386")); err != nil {
		return err
	}
	// the launcher is not root, and reads its configuration
	return filepath.WalkDir(filepath.Join(root, "etc/libvirt"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		i, err := d.Info()
		if err != nil {
			return err
		}
		mode := i.Mode().Perm() | 0o444
		if d.IsDir() {
			mode |= 0o111
		}
		return os.Chmod(path, mode)
	})
}

// unwanted are units that make no sense in a container, or cost a slow machine
// time at every start.
const unwanted = `apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service
fstrim.timer systemd-tmpfiles-clean.timer getty@tty1.service console-getty.service getty.target systemd-logind.service
systemd-networkd.service systemd-networkd.socket systemd-networkd-wait-online.service systemd-resolved.service
systemd-timesyncd.service systemd-firstboot.service systemd-machine-id-commit.service systemd-random-seed.service
systemd-update-utmp.service ldconfig.service systemd-hwdb-update.service systemd-journal-catalog-update.service
systemd-update-done.service systemd-journal-flush.service sys-kernel-debug.mount sys-kernel-tracing.mount
sys-fs-fuse-connections.mount sys-kernel-config.mount dev-hugepages.mount dev-mqueue.mount systemd-pstore.service
systemd-modules-load.service kmod-static-nodes.service remote-fs.target systemd-binfmt.service
proc-sys-fs-binfmt_misc.automount openvswitch-switch.service ovs-record-hostname.service nftables.service dnsmasq.service`

// finishNode does to Debian's systemd what the Dockerfile of kind's base image
// does (images/base/Dockerfile of sigs.k8s.io/kind), and starts Open vSwitch,
// which OVN-Kubernetes expects on the node.
func finishNode(root string) error {
	system := filepath.Join(root, "etc/systemd/system")
	for _, glob := range []string{
		"usr/lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service",
		"usr/lib/systemd/system/multi-user.target.wants/*",
		"usr/lib/systemd/system/local-fs.target.wants/*",
		"usr/lib/systemd/system/basic.target.wants/*",
		"usr/lib/systemd/system/sockets.target.wants/*udev*",
		"usr/lib/systemd/system/sockets.target.wants/*initctl*",
		"etc/systemd/system/*.wants/*",
	} {
		found, err := filepath.Glob(filepath.Join(root, glob))
		if err != nil {
			return err
		}
		for _, f := range found {
			if err := os.RemoveAll(f); err != nil {
				return err
			}
		}
	}
	for _, unit := range strings.Fields(unwanted) {
		if err := link("/dev/null", filepath.Join(system, unit)); err != nil {
			return err
		}
	}
	// openvswitch-switch.service is only a shell around these two, and with
	// ovs-record-hostname masked it starts neither
	for _, unit := range []string{"containerd", "ovsdb-server", "ovs-vswitchd"} {
		if _, err := os.Stat(filepath.Join(root, "usr/lib/systemd/system", unit+".service")); err != nil {
			return fmt.Errorf("Debian's %s has no service: %w", unit, err)
		}
		if err := link("/usr/lib/systemd/system/"+unit+".service", filepath.Join(system, "multi-user.target.wants", unit+".service")); err != nil {
			return err
		}
	}
	for path, target := range map[string]string{
		"etc/systemd/system/default.target": "/usr/lib/systemd/system/multi-user.target",
		"usr/lib/cni":                       "/opt/cni/bin", // where Debian's containerd looks
	} {
		if err := link(target, filepath.Join(root, path)); err != nil {
			return err
		}
	}
	for _, dir := range []string{"opt/cni/bin", "etc/cni/net.d", "etc/kubernetes/manifests", "var/lib/containerd", "kind"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	for _, empty := range []string{"etc/machine-id", "etc/fstab"} {
		if err := put(filepath.Join(root, empty), nil, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// replaceLine puts line in the place of the one that begins with prefix.
func replaceLine(path, prefix, line string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var keep []string
	for _, l := range strings.Split(strings.TrimRight(string(data), "\n"), "\n") {
		if !strings.HasPrefix(l, prefix) {
			keep = append(keep, l)
		}
	}
	return put(path, []byte(strings.Join(append(keep, line), "\n")+"\n"), 0o644)
}
