package stack

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/vmnet-project/vmnet/kind"
	"github.com/vmnet-project/vmnet/machine"
)

// create starts the engine if it is a machine, and the cluster with its components and peers on it.
func create(ctx context.Context, o Options, plan Plan, b built) error {
	k := kind.Options{Name: ClusterName, Nodes: o.Nodes, BedDir: o.BedDir(), Provenance: provenance(plan, b), Step: kind.StepFunc(o.Step)}
	var died <-chan struct{}
	var m *machine.Machine
	run := runHere
	if plan.Docker.Taken == DockerMachine {
		var err error
		if m, err = machine.Start(ctx, o.machine(), b.disk, b.kernel); err != nil {
			return setup("the machine", err)
		}
		died, run = m.Exited(), m.Run
		k.APIServerAddress = m.Address
		k.Engine = kind.Engine{DockerHost: m.DockerHost, BinDir: m.BinDir}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-died:
			cancel(&SetupError{What: "the machine ended", Remedy: "its last lines:\n" + strings.Join(m.LastLines(20), "\n")})
		case <-ctx.Done():
		}
	}()
	if err := components(ctx, o, plan, b, &k, run); err != nil {
		return err
	}
	if err := kind.Create(ctx, k); err != nil {
		if cause := context.Cause(ctx); cause != nil && ctx.Err() != nil {
			return cause
		}
		return setup("the cluster", unlessTaken(o, plan, err))
	}
	return nil
}

// unlessTaken forgets what was about to be made when another's cluster took its name meanwhile: down must not take
// that one away.
func unlessTaken(o Options, plan Plan, err error) error {
	var taken *kind.NameTakenError
	if !errors.As(err, &taken) || plan.Docker.Taken != DockerHost {
		return err
	}
	s, _ := loadState(o)
	for _, dir := range s.Stores {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return errors.Join(err, os.Remove(statePath(o)))
}

// components says which images and manifests the cluster takes, and lays the node's store out.
func components(ctx context.Context, o Options, plan Plan, b built, k *kind.Options, run runFunc) error {
	if plan.Images.Taken == ImagesRegistry {
		k.NodeImage, k.Components = kind.PublishedNodeImage, kind.Published{}
		return nil
	}
	k.NodeImage = b.images.NodeTag
	k.Components = kind.Source{Manifests: b.images.Manifests, Versions: b.images.Provenance}
	done := o.Step("node stores")
	store := "/srv/store"
	if plan.Docker.Taken == DockerHost {
		store = b.images.Store
		if err := loadNodeImage(ctx, b.images); err != nil {
			done(err)
			return setup("the node image", err)
		}
	}
	stores, err := kind.PrepareStores(ctx, run, store, o.Nodes)
	k.Stores = stores
	done(err)
	if err == nil && plan.Docker.Taken == DockerHost { // they lie on the host: Down takes them away
		err = saveState(o, state{Plan: plan, Nodes: o.Nodes, Stores: stores})
	}
	return setup("the nodes' image stores", err)
}

// provenance is what the bed is made of, beyond what the components say of themselves.
func provenance(plan Plan, b built) map[string]string {
	p := map[string]string{
		"docker": plan.Docker.Taken, "docker.why": plan.Docker.Why,
		"images": plan.Images.Taken, "images.why": plan.Images.Why,
	}
	if b.images != nil {
		p["images.key"] = b.images.Key
	}
	if b.kernel != "" {
		p["machine.kernel"] = filepath.Base(filepath.Dir(b.kernel))
	}
	return p
}
