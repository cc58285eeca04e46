package kind

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// StepFunc is told of each piece of work that takes a while, and calls back when it is over.
type StepFunc func(name string) (done func(error))

// Options say which cluster, where, and of what.
type Options struct {
	// Name of the cluster; its nodes are NAME-control-plane, NAME-worker, NAME-worker2 …
	Name string
	// Nodes in all, the control plane among them, each carrying VMs; 0 means 2.
	Nodes int
	// NodeImage is the image of the nodes, by tag or digest.
	NodeImage string
	// Engine is the Docker engine that the nodes run on.
	Engine Engine
	// APIServerAddress is the engine's address on which the API server listens; empty means 127.0.0.1 and a
	// free port, anything else that is not the loopback means port 6443.
	APIServerAddress string
	// Stores are directories of the engine's host, one a node, each a containerd store with the images in it,
	// mounted at /var/lib/containerd. None for images that are pulled.
	Stores []string
	// Components of the platform.
	Components Components
	// BedDir receives kubeconfig, underlay.yaml and provenance.json, and logs below out/ when creation fails.
	BedDir string
	// Provenance is added to what this package knows of versions and digests.
	Provenance map[string]string
	// Step may be nil.
	Step StepFunc
	// CreateTimeout bounds kind's part, InstallTimeout the components'; 0 means 10 and 20 minutes.
	CreateTimeout, InstallTimeout time.Duration
}

// Components are the platform that goes onto a cluster: OVN-Kubernetes, Multus, KubeVirt.
type Components interface {
	// Check finds what is missing on this machine before anything is made: a *MissingError.
	Check(ctx context.Context) error
	// Install applies everything and waits until it works.
	Install(ctx context.Context, c *Cluster) error
	// Outside is how the host outside the cluster is run on the nodes' network.
	Outside(nodeImage string) Peer
	// VLANPeer is how a host on a VLAN is run; dnsmasq and socat are in its first container, too.
	VLANPeer(nodeImage string) Peer
	// Provenance is the versions of what is installed.
	Provenance() map[string]string
}

func (o *Options) complete() error {
	if o.Nodes == 0 {
		o.Nodes = 2
	}
	if o.Step == nil {
		o.Step = func(string) func(error) { return func(error) {} }
	}
	if o.CreateTimeout == 0 {
		o.CreateTimeout = 10 * time.Minute
	}
	if o.InstallTimeout == 0 {
		o.InstallTimeout = 20 * time.Minute
	}
	switch {
	case o.Name == "":
		return errors.New("kind: no cluster name given")
	case o.BedDir == "":
		return errors.New("kind: no bed directory given")
	case o.Nodes < 1 || o.Nodes > 9:
		return fmt.Errorf("kind: %d nodes: give a number from 1 to 9", o.Nodes)
	case len(o.Stores) != 0 && len(o.Stores) != o.Nodes:
		return fmt.Errorf("kind: %d image stores for %d nodes: each node needs one of its own", len(o.Stores), o.Nodes)
	}
	return nil
}

// The files of a bed directory.
const (
	KubeconfigFile = "kubeconfig"
	UnderlayFile   = "underlay.yaml"
	ProvenanceFile = "provenance.json"
)

func (o *Options) file(name string) string { return filepath.Join(o.BedDir, name) }

// step runs one named piece of work.
func (o *Options) step(name string, work func() error) error {
	done := o.Step(name)
	err := work()
	done(err)
	return err
}
