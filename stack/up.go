package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/images"
	"github.com/vmnet-project/vmnet/kind"
	"github.com/vmnet-project/vmnet/machine"
)

// builtMark is written in the cache when everything was built once: from then on little disk is needed.
const builtMark = "built"

// Up brings a bed up, or finds the one that is there and answers, and returns its directory. It can be called
// again after any interruption: what is built stays.
func Up(ctx context.Context, o Options) (string, error) {
	o, err := o.withDefaults()
	if err != nil {
		return "", err
	}
	unlock, err := lock(o.Cache)
	if err != nil {
		return "", err
	}
	defer unlock()
	if ok, err := answers(ctx, o); ok || err != nil {
		return o.BedDir(), err
	}
	plan, err := Preflight(ctx, o)
	if err != nil {
		return "", err
	}
	o.Step(fmt.Sprintf("Docker engine: %s (%s)", plan.Docker.Taken, plan.Docker.Why))(nil)
	o.Step(fmt.Sprintf("images: %s (%s)", plan.Images.Taken, plan.Images.Why))(nil)
	if err := install(ctx, o, plan.Packages); err != nil {
		return "", err
	}
	if plan.Docker.Taken == DockerHost { // before the state says that a cluster of this name is ours to take away
		if err := kind.NameIsFree(ctx, kind.Options{Name: ClusterName}); err != nil {
			return "", setup("the cluster", err)
		}
	}
	built, err := build(ctx, o, plan)
	if err != nil {
		return "", err // a build leaves nothing that down would have to take away
	}
	if err := saveState(o, state{Plan: plan, Nodes: o.Nodes}); err != nil {
		return "", err
	}
	if err := create(ctx, o, plan, built); err != nil {
		return "", err
	}
	return o.BedDir(), nil
}

// built is what the builds left: nil images where published ones are taken, no disk where the host has Docker.
type built struct {
	images       *images.Result
	kernel, disk string
}

// build makes images and machine side by side, each from its cache where nothing changed.
func build(ctx context.Context, o Options, plan Plan) (built, error) {
	var b built
	if plan.Images.Taken != ImagesSource && plan.Docker.Taken != DockerMachine {
		return b, nil
	}
	root, err := images.NewBuildRoot(ctx, o.images())
	if err != nil {
		return b, setup("the build root", err)
	}
	var machineRoot string
	g, gctx := errgroup.WithContext(ctx)
	if plan.Docker.Taken == DockerMachine {
		g.Go(func() (err error) {
			b.kernel, err = machine.BuildKernel(gctx, o.machine(), root)
			return setup("the machine's kernel", err)
		})
	}
	g.Go(func() (err error) {
		if plan.Images.Taken == ImagesSource {
			if b.images, err = images.Build(gctx, o.images()); err != nil {
				return setup("the images", err)
			}
		}
		if plan.Docker.Taken == DockerMachine {
			machineRoot, err = machine.BuildRoot(gctx, o.machine())
		}
		return setup("the machine's root file system", err)
	})
	if err := g.Wait(); err != nil {
		return b, err
	}
	if plan.Docker.Taken == DockerMachine {
		b.disk, err = machine.BuildDisk(ctx, o.machine(), machine.Disk{
			Root: machineRoot, NodeRoot: b.images.NodeRoot, NodeTag: b.images.NodeTag, Store: b.images.Store, Key: b.images.Key})
		if err != nil {
			return b, setup("the machine's disk", err)
		}
	}
	return b, os.WriteFile(filepath.Join(o.Cache, builtMark), nil, 0o644)
}

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

// answers tells whether a bed is there whose cluster answers; one that is there and does not is an error.
func answers(ctx context.Context, o Options) (bool, error) {
	if _, err := os.Stat(filepath.Join(o.BedDir(), kind.ProvenanceFile)); err != nil {
		if _, ok := loadState(o); ok {
			return false, &SetupError{What: "an earlier set-up did not finish", Remedy: "vmnet down takes it away (what was built stays)"}
		}
		return false, nil
	}
	b, err := bed.Open(ctx, bed.Options{Dir: o.BedDir()})
	if err != nil {
		return false, &SetupError{What: "the bed in " + o.BedDir(), Err: err, Remedy: "vmnet down takes it away"}
	}
	if s, ok := loadState(o); ok && s.Nodes != o.Nodes {
		return false, &SetupError{What: fmt.Sprintf("a cluster of %d nodes named %s is up, and %d were asked for", s.Nodes, ClusterName, o.Nodes), Remedy: "vmnet down first"}
	}
	return true, b.Close(ctx)
}

// install brings the host's missing packages, by the host's own apt.
func install(ctx context.Context, o Options, packages []string) error {
	if len(packages) == 0 {
		return nil
	}
	done := o.Step("host packages: " + strings.Join(packages, " "))
	var out []byte
	var err error
	for _, args := range [][]string{{"update", "-qq"}, append([]string{"install", "-y", "-qq", "--no-install-recommends"}, packages...)} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err = cmd.CombinedOutput(); err != nil {
			err = &SetupError{What: "apt-get " + strings.Join(args, " "), Err: errors.New(lastLine(out, err)), Remedy: "install them by hand, then run again"}
			break
		}
	}
	done(err)
	return err
}

// setup marks an error as one of bringing the bed up, unless it already says what to do.
func setup(what string, err error) error {
	var s *SetupError
	var in *InputError
	if err == nil || errors.As(err, &s) || errors.As(err, &in) || errors.Is(err, context.Canceled) {
		return err
	}
	return &SetupError{What: what, Err: err}
}

func (o Options) images() images.Options {
	return images.Options{Cache: filepath.Join(o.Cache, "images"), Step: images.StepFunc(o.Step), Checkouts: o.Checkouts}
}

func (o Options) machine() machine.Options {
	return machine.Options{Cache: filepath.Join(o.Cache, "machine"), Name: MachineName, MemoryMiB: o.MemoryMiB, Unpatched: o.Unpatched, Step: machine.StepFunc(o.Step)}
}
