// Package machine makes a machine with a Docker engine where the host has none: User-Mode Linux, built from
// Debian's kernel source, with a Debian root file system that holds Debian's Docker. It needs root and the
// packages of HostPackages; no KVM, no kernel modules, no registry of images.
//
// A kernel, a root and a disk are built once and cached by their inputs (BuildKernel, BuildRoot, BuildDisk). A
// machine is a copy-on-write file over the disk and lives until Stop, longer than the program that started it.
// Whatever it makes on the host is written to its state file first, so that Stop finds it after any kind of end.
package machine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// StepFunc reports a long piece of work: it is called at its start, what it returns at its end.
type StepFunc func(name string) (done func(error))

// Options are common to all of the package.
type Options struct {
	// Cache is the directory that holds everything that is built and the state of the machines.
	Cache string
	// Name of the machine: lower-case letters, digits and hyphens. Empty: "vmnet".
	Name string
	// MemoryMiB of the machine. 0: 14336.
	MemoryMiB int
	// DiskGiB is the size of the disk, which is sparse. 0: 40.
	DiskGiB int
	// Cores of the host that the machine's only CPU is pinned to, in taskset's notation. Empty: the last one
	// that this process may use.
	Cores string
	// Root is the root file system whose docker client the host uses. Empty: the one that the disk was made from.
	Root string
	// Mirror of Debian. Empty: the one of the host's apt sources.
	Mirror string
	// Jobs that compile at a time. 0: as many as this process has CPUs.
	Jobs int
	// Unpatched leaves the patches that make it fast out of the kernel.
	Unpatched bool
	// Step hears of every piece of work that may take long; may be nil.
	Step StepFunc
}

var nameRE = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// complete fills in the defaults and makes the cache's path absolute.
func (o Options) complete() (Options, error) {
	if o.Name == "" {
		o.Name = "vmnet"
	}
	if !nameRE.MatchString(o.Name) {
		return o, fmt.Errorf("machine name %q: use up to 32 lower-case letters, digits and hyphens", o.Name)
	}
	if o.Cache == "" {
		return o, fmt.Errorf("machine: no cache directory given")
	}
	if o.MemoryMiB == 0 {
		o.MemoryMiB = 14336
	}
	if o.DiskGiB == 0 {
		o.DiskGiB = 40
	}
	if o.Step == nil {
		o.Step = func(string) func(error) { return func(error) {} }
	}
	var err error
	if o.Cache, err = filepath.Abs(o.Cache); err != nil {
		return o, fmt.Errorf("machine: cache directory: %w", err)
	}
	return o, nil
}

// stateDir holds all that belongs to one machine.
func (o Options) stateDir() string { return filepath.Join(o.Cache, "machine", o.Name) }

// identityDir holds the keys that every machine of this cache shares, because they are in the disk.
func (o Options) identityDir() string { return filepath.Join(o.Cache, "identity") }

// links are the names of both ends of the machine's cable on the host: the host's and the machine's own. They
// come from the state directory, so that machines of two caches do not meet.
func (o Options) links() [2]string {
	sum := sha256.Sum256([]byte(o.stateDir()))
	stem := "vmnet-" + hex.EncodeToString(sum[:])[:7]
	return [2]string{stem + "h", stem + "m"}
}

// HostPackages are the Debian packages that the functions of this package call programs of.
func HostPackages() []string {
	return []string{
		"debian-archive-keyring", // the mirror's signatures
		"e2fsprogs",              // mkfs.ext4
		"ethtool",
		"iproute2",
		"mmdebstrap",
		"openssh-client",
		"tar",
		"util-linux", // unshare, taskset
	}
}

// requireRoot says in one line what is missing.
func requireRoot() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("machine: needs root, for mounts and network interfaces: run it with sudo")
	}
	return nil
}
