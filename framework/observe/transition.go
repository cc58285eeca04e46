package observe

import (
	"context"
	"fmt"
	"slices"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// turns are the VMs that a stage is about, by scenario and stage: which change (a restart without KVM starts them in this
// order), and which are only looked at. Spare ones come last.
var turns = map[string]map[string]struct{ change, look []string }{
	"primary-udn": {
		model.Restarted: {change: []string{"vm-q"}},
		model.Migrated:  {change: []string{"vm-r"}, look: []string{"vm-p"}},
	},
	"secondary-udn": {model.Restarted: {change: []string{"vm-pt"}}},
	"localnet":      {model.Restarted: {change: []string{"vm-m", "vm-d"}}}, // one of each form; vm-d's pod must be with vm-m's
}

// The network that is deleted while a VM uses it, and the attempt that must pass nevertheless.
const (
	doomed      = "other/other-udn"
	doomedPath  = "pod/client-other>vm/vm-o"
	doomedVM    = "vm-o"
	doomedFrom  = "client-other"
	connectedVM = "vm-r"
)

// Transition makes a stage come about and looks at what its claims read, also at what can be seen only meanwhile. Where
// it did not come about, all that would have been looked at is failed, with the reason.
func Transition(ctx context.Context, b *bed.Bed, r *scenario.Running, f model.Facts, name string, step scenario.StepFunc) model.Stage {
	o := newObserver(b, r, f, name, step)
	switch name {
	case model.Restarted:
		if err := o.make("restart", func() error { return r.Restart(ctx, o.changing(name)...) }); err != nil {
			o.didNotCome(name, err)
			break
		}
		o.after(ctx, name)
	case model.Migrated:
		o.migrate(ctx)
	case model.Deleted:
		if err := o.make("delete network "+doomed, func() error { return r.DeleteNetwork(ctx, doomed) }); err != nil {
			o.didNotCome(name, err)
			break
		}
		o.after(ctx, name)
	default:
		return Stage(ctx, b, r, f, name, step)
	}
	o.walk(ctx)
	return o.stage
}

// make does something to the cluster, as a step that tells its error.
func (o *observer) make(what string, f func() error) error {
	if o.report == nil {
		return f()
	}
	done := o.report(what)
	err := f()
	done(err)
	return err
}

// changing are the VMs that change in a stage; spare ones are there for faults alone.
func (o *observer) changing(stage string) []string {
	vms := slices.Clone(turns[o.running.Scenario][stage].change)
	for _, s := range o.mainSpecs() {
		if s.Spare && len(vms) > 0 {
			vms = append(vms, s.Name)
		}
	}
	return vms
}

// concerned are the VMs that a stage is about.
func (o *observer) concerned(stage string) []model.VMSpec {
	names := append(o.changing(stage), turns[o.running.Scenario][stage].look...)
	return o.specs(func(s model.VMSpec) bool { return slices.Contains(names, s.Name) })
}

// after looks at what a stage's claims read.
func (o *observer) after(ctx context.Context, name string) {
	o.step("api", func() { o.api(ctx) })
	switch name {
	case model.Migrated:
		o.afterMigration(ctx)
	case model.Deleted:
		o.step("network "+doomed, func() { o.removal(ctx) })
		o.step("paths", func() { o.fromNodes(ctx, o.despiteRemoval()) })
	default:
		o.step("guests", func() { o.guests(ctx, o.concerned(name)) })
		if o.running.Scenario == localnet { // what the guests have by now is in the server's file
			o.step("leases", func() { o.served(ctx) })
		}
	}
}

// didNotCome makes failed reads of what the stage's claims read.
func (o *observer) didNotCome(name string, err error) {
	err = fmt.Errorf("the stage %s did not come about: %w", name, err)
	for _, s := range o.concerned(name) {
		o.view(s.Name, func(v *model.VMView) {
			v.Pod, v.VMI = failed[model.Pod](apiPlace, name, err), failed[model.VMI](apiPlace, name, err)
			v.Guest.Links = failed[[]model.Link]("guest "+s.Name, name, err)
			v.Guest.Routes = failed[[]model.Route]("guest "+s.Name, name, err)
			v.Guest.Neighbours = failed[[]model.Neighbour]("guest "+s.Name, name, err)
			v.Guest.Leases = failed[map[string]model.Lease]("guest "+s.Name, name, err)
		})
	}
	if o.running.Scenario == localnet {
		o.stage.Physical.Leases = failed[[]model.ServedLease]("peer", name, err)
	}
	switch name {
	case model.Migrated:
		for _, vm := range o.migratedEgress() {
			o.path(outsidePath(vm), failed[model.Path]("guest "+vm, name, err))
		}
		o.connection(failed[model.Connection]("pod client", name, err))
	case model.Deleted:
		o.stage.Removal = failed[model.Removal](apiPlace, name, err)
		o.path(doomedPath, failed[model.Path]("pod "+doomedFrom, name, err))
	}
}

func (o *observer) connection(r model.Read[model.Connection]) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stage.Connections["pod/client>"+connectedVM] = r
}
