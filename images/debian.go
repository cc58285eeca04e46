package images

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// rootFS is a Debian root file system by mmdebstrap.
type rootFS struct {
	name     string
	suite    string
	variant  string // of mmdebstrap
	packages []string
	overlay  string                  // folder below files/ that is copied over it
	revision string                  // to be changed with finish, which no hash sees
	finish   func(root string) error // may be nil
	versions []string                // packages whose versions are worth a line of provenance
}

// tools are what every container and node has to look at the network with.
const tools = "ca-certificates iproute2 iptables nftables conntrack procps util-linux kmod ethtool iputils-ping curl jq socat openssl libcap2-bin netcat-openbsd tcpdump"

var roots = []rootFS{
	{
		name: "base", suite: "trixie", variant: "minbase", revision: "1",
		packages: strings.Fields(tools + " dnsmasq-base openvswitch-switch ovn-central ovn-host"),
		finish:   relativeRun,
		versions: []string{"openvswitch-switch", "ovn-host"},
	},
	{
		// sid: trixie's libvirt asks QEMU for each of 460 processor properties by
		// a command of its own, in every new launcher; a VM starts 17 s later.
		name: "virt", suite: "sid", variant: "minbase", revision: "1", overlay: "virt",
		packages: strings.Fields(tools + " libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients qemu-system-x86 qemu-utils ovmf xorriso"),
		finish:   finishVirt,
		versions: []string{"libvirt-daemon", "qemu-system-x86"},
	},
	{
		name: "node", suite: "trixie", variant: "minbase", revision: "1", overlay: "node",
		packages: strings.Fields(tools + " systemd systemd-sysv dbus containerd runc ipset mount iputils-arping dnsmasq-base openvswitch-common openvswitch-switch less strace pigz"),
		finish:   finishNode,
		versions: []string{"containerd", "runc", "openvswitch-switch", "systemd"},
	},
	{
		name: "guest", suite: "trixie", variant: "extract", revision: "1",
		packages: strings.Fields("busybox-static dash dropbear-bin iproute2 iputils-ping curl netcat-openbsd tcpdump linux-image-cloud-amd64 linux-image-amd64"),
		finish:   mergeUsr,
		versions: []string{"linux-image-cloud-amd64", "busybox-static", "dropbear-bin", "iproute2"},
	},
}

// root returns the directory of a root file system.
func (b *builder) root(ctx context.Context, r rootFS) (string, error) {
	k := b.rootKey(r)
	dir, err := b.artifact(ctx, "roots", r.name, k, func(dir string) error {
		root := filepath.Join(dir, "root")
		if err := b.debootstrap(ctx, r, root); err != nil {
			return err
		}
		if err := writePackages(root, filepath.Join(dir, "packages")); err != nil {
			return err
		}
		if r.overlay != "" {
			if err := copyEmbedded("files/"+r.overlay, root); err != nil {
				return err
			}
		}
		if r.finish == nil {
			return nil
		}
		return r.finish(root)
	})
	return filepath.Join(dir, "root"), err
}

func (b *builder) rootKey(r rootFS) string {
	overlay := ""
	if r.overlay != "" {
		overlay = b.embeddedKey("files/" + r.overlay)
	}
	return key(r.suite, r.variant, strings.Join(r.packages, " "), r.revision, overlay)
}

func (b *builder) debootstrap(ctx context.Context, r rootFS, root string) error {
	if os.Geteuid() != 0 {
		return errors.New("root is needed to make a root file system: run as root, or use published images")
	}
	if _, err := os.Stat(keyring); err != nil {
		return fmt.Errorf("%s is not there: install the package debian-archive-keyring", keyring)
	}
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		return fmt.Errorf("%w: install the package mmdebstrap", err)
	}
	argv := []string{"mmdebstrap", "--quiet", "--mode=root", "--format=directory", "--variant=" + r.variant,
		"--keyring=" + keyring,
		"--aptopt=APT::Install-Recommends \"false\"",
		"--aptopt=Acquire::Languages \"none\"",
		"--aptopt=Acquire::Check-Valid-Until \"false\"",
		"--aptopt=Acquire::Retries \"3\"",
		"--dpkgopt=force-unsafe-io",
		"--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-exclude=/usr/share/man/*",
		"--dpkgopt=path-exclude=/usr/share/info/*",
		"--dpkgopt=path-exclude=/usr/share/locale/*",
		// the extract variant knows no dpkg database: keep the packages' names
		`--extract-hook=cd "$1/var/cache/apt/archives" && ls > "$1/.packages"`,
		`--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*`,
		"--include=" + strings.Join(r.packages, ","),
		r.suite, root, fmt.Sprintf("deb [signed-by=%s] %s %s main", keyring, b.mirror(), r.suite),
	}
	// a sandbox without a root of its own: mmdebstrap's mounts end with it
	cmd := sandbox{}.command(ctx, "/", append(os.Environ(), "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"), argv...)
	if err := run(cmd, b.log("roots-"+r.name)); err != nil {
		return fmt.Errorf("mmdebstrap of %s from %s (is the mirror in reach?): %w", r.suite, b.mirror(), err)
	}
	return nil
}

// mirror is the Debian mirror that the host uses, so that a local one is found.
func (b *builder) mirror() string {
	if b.Mirror != "" {
		return b.Mirror
	}
	files, _ := filepath.Glob("/etc/apt/sources.list.d/*")
	for _, f := range append([]string{"/etc/apt/sources.list"}, files...) {
		data, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		if m := debianMirror(string(data)); m != "" {
			return m
		}
	}
	return "http://deb.debian.org/debian"
}

var sourceURI = regexp.MustCompile(`(?m)^(?:URIs:|deb (?:\[[^\]]*\] )?)\s*(\S+)`)

// debianMirror finds the mirror of Debian itself in an apt source file of either
// format: the one whose path ends in /debian, not security, not another vendor's.
func debianMirror(sources string) string {
	for _, m := range sourceURI.FindAllStringSubmatch(sources, -1) {
		u, err := url.Parse(strings.TrimSuffix(m[1], "/"))
		if err == nil && (u.Scheme == "http" || u.Scheme == "https") && strings.HasSuffix(u.Path, "/debian") {
			return u.String()
		}
	}
	return ""
}

// writePackages records what a root file system is made of, a line a package:
// name and version.
func writePackages(root, path string) error {
	names, err := os.ReadFile(filepath.Join(root, ".packages"))
	if err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(root, ".packages")); err != nil {
		return err
	}
	lines, err := dpkgStatus(filepath.Join(root, "var/lib/dpkg/status"))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	if len(lines) == 0 {
		lines = archiveNames(string(names))
	}
	return os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644)
}

func dpkgStatus(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var lines []string
	name := ""
	scan := bufio.NewScanner(f)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		if v, ok := strings.CutPrefix(scan.Text(), "Package: "); ok {
			name = v
		}
		if v, ok := strings.CutPrefix(scan.Text(), "Version: "); ok {
			lines = append(lines, name+" "+v)
		}
	}
	return lines, scan.Err()
}

// archiveNames reads names and versions from a listing of apt's archives:
// NAME_VERSION_ARCH.deb, the colon of an epoch written as %3a.
func archiveNames(listing string) []string {
	var lines []string
	for _, f := range strings.Fields(listing) {
		part := strings.Split(f, "_")
		if len(part) == 3 && strings.HasSuffix(f, ".deb") {
			lines = append(lines, part[0]+" "+strings.ReplaceAll(part[1], "%3a", ":"))
		}
	}
	return lines
}

func rootByName(name string) rootFS {
	for _, r := range roots {
		if r.name == name {
			return r
		}
	}
	return buildRoot
}
