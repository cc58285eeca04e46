package stack

import (
	"context"
	"errors"
	"os"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/kind"
	"github.com/vmnet-project/vmnet/machine"
)

// Down takes away exactly what Up made, also after an Up that was killed. What was built stays in the cache.
func Down(ctx context.Context, o Options) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	unlock, err := lock(o.Cache)
	if err != nil {
		return err
	}
	defer unlock()
	s, ok := loadState(o)
	if !ok {
		return nil
	}
	done := o.Step("down")
	if s.Plan.Docker.Taken == DockerMachine {
		err = machine.Stop(ctx, o.machine()) // the cluster lives on the machine's copy-on-write disk, and goes with it
	} else {
		err = kind.Delete(ctx, kind.Options{Name: ClusterName, Nodes: s.Nodes, BedDir: o.BedDir(), Step: kind.StepFunc(o.Step)})
		for _, dir := range s.Stores {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}
	if err == nil {
		err = errors.Join(os.RemoveAll(o.BedDir()), os.Remove(statePath(o)))
	}
	done(err)
	return setup("taking the bed down", err)
}

// Status is what is up.
type Status struct {
	Up     bool
	Bed    string
	Plan   Plan
	Nodes  int
	Answer string // what the cluster says of itself, or why it does not
}

// Current tells what is up, and whether it answers.
func Current(ctx context.Context, o Options) (Status, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Status{}, err
	}
	s, ok := loadState(o)
	if !ok {
		return Status{Answer: "nothing is up"}, nil
	}
	st := Status{Bed: o.BedDir(), Plan: s.Plan, Nodes: s.Nodes}
	b, err := bed.Open(ctx, bed.Options{Dir: o.BedDir()})
	if err != nil {
		st.Answer = err.Error()
		return st, nil
	}
	v, err := b.Kube.Discovery().ServerVersion()
	if err != nil {
		st.Answer = err.Error()
		return st, nil
	}
	st.Up, st.Answer = true, "Kubernetes "+v.GitVersion
	return st, nil
}

// Machine returns the machine that carries the bed, if one does: a run watches it, to say at once if it ends.
func Machine(o Options) (*machine.Machine, bool) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, false
	}
	if s, ok := loadState(o); !ok || s.Plan.Docker.Taken != DockerMachine {
		return nil, false
	}
	return machine.Find(o.machine())
}
