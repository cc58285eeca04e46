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
	"github.com/vmnet-project/vmnet/internal/tail"
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
			err = &SetupError{What: "apt-get " + strings.Join(args, " "), Err: errors.New(tail.Line(string(out), err.Error())), Remedy: "install them by hand, then run again"}
			break
		}
	}
	done(err)
	return err
}

func (o Options) images() images.Options {
	return images.Options{Cache: filepath.Join(o.Cache, "images"), Step: images.StepFunc(o.Step), Checkouts: o.Checkouts}
}

func (o Options) machine() machine.Options {
	return machine.Options{Cache: filepath.Join(o.Cache, "machine"), Name: MachineName, MemoryMiB: o.MemoryMiB, Unpatched: o.Unpatched, Step: machine.StepFunc(o.Step)}
}
