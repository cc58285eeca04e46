// Package stack brings a bed up from whatever the host has: it picks a Docker engine and the images, builds what
// is missing, creates the cluster with kind and installs the components; and it takes away exactly what it made.
package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/images"
)

// Names of what a run makes. One bed at a time: the machine is sized for one.
const (
	// ClusterName is kind's name for the cluster; its nodes are vmnet-control-plane and vmnet-worker.
	ClusterName = "vmnet"
	// MachineName is the machine's, where there is no Docker engine.
	MachineName = "vmnet"
)

// The engines and the sources of images that Options name.
const (
	DockerHost     = "host"
	DockerMachine  = "machine"
	ImagesRegistry = "registry"
	ImagesSource   = "source"
)

// StepFunc reports long work: done := step("kernel: compile"); …; done(err).
type StepFunc func(name string) (done func(error))

// Options say what a user asked for; zero values mean that preflight decides.
type Options struct {
	// Docker is "host" or "machine"; empty lets preflight decide.
	Docker string
	// Images is "registry" or "source"; empty lets preflight decide.
	Images string
	// Nodes is how many nodes the cluster has, control plane included; 0 means 2.
	Nodes int
	// Cache is where everything is kept that is worth keeping; empty means the user's cache directory.
	Cache string
	// Checkouts point a component at a directory instead of its pinned version: "ovn-kubernetes" → path.
	Checkouts map[string]string
	// MemoryMiB of the machine; 0 means 14336.
	MemoryMiB int
	// Unpatched builds the machine's kernel without our patches: slower, nothing but Debian's source.
	Unpatched bool
	// Step reports progress; nil is silent.
	Step StepFunc
}

// withDefaults fills what was left open and refuses what makes no sense.
func (o Options) withDefaults() (Options, error) {
	if o.Docker != "" && o.Docker != DockerHost && o.Docker != DockerMachine {
		return o, &InputError{What: fmt.Sprintf("DOCKER=%s", o.Docker), Remedy: "it is host or machine; leave it out to let preflight decide"}
	}
	if o.Images != "" && o.Images != ImagesRegistry && o.Images != ImagesSource {
		return o, &InputError{What: fmt.Sprintf("IMAGES=%s", o.Images), Remedy: "it is registry or source; leave it out to let preflight decide"}
	}
	if o.Nodes == 0 {
		o.Nodes = 2
	}
	if o.Nodes < 1 || o.Nodes > 8 {
		return o, &InputError{What: fmt.Sprintf("NODES=%d", o.Nodes), Remedy: "it is 1 to 8"}
	}
	for name, dir := range o.Checkouts {
		if !slices.Contains(images.Components(), name) {
			return o, &InputError{What: "the checkout of " + name, Remedy: "the components are " + strings.Join(images.Components(), ", ")}
		}
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return o, &InputError{What: fmt.Sprintf("the checkout of %s, %s", name, dir), Remedy: "it is not a directory; give the path of a working tree"}
		}
	}
	if o.Cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return o, &InputError{What: "the user's cache directory", Remedy: "set HOME or XDG_CACHE_HOME"}
		}
		o.Cache = filepath.Join(base, "vmnet")
	}
	if o.MemoryMiB == 0 {
		o.MemoryMiB = 14336
	}
	if o.Step == nil {
		o.Step = func(string) func(error) { return func(error) {} }
	}
	return o, nil
}

// BedDir is where the bed of these options is written.
func (o Options) BedDir() string {
	o, _ = o.withDefaults()
	return filepath.Join(o.Cache, "bed")
}
