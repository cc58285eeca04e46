package observe

import (
	"context"
	"errors"

	"github.com/vmnet-project/vmnet/framework/model"
)

// migrate moves VMs to other nodes while a connection to one of them is open, and looks.
func (o *observer) migrate(ctx context.Context) {
	o.step("api", func() { o.api(ctx) }) // where all is before
	var open *openConnection
	o.step("open a connection to "+connectedVM, func() { open = o.open(ctx, connectedVM) })
	vms := o.changing(model.Migrated)
	own := len(turns[o.running.Scenario][model.Migrated].change)
	err := o.move(ctx, vms[:own])
	o.step("close the connection", func() { o.connection(open.close(ctx)) })
	if err == nil {
		err = o.move(ctx, vms[own:]) // spares: the connection is not to wait for them
	}
	if err != nil {
		o.didNotCome(model.Migrated, err)
		return
	}
	o.after(ctx, model.Migrated)
}

func (o *observer) move(ctx context.Context, vms []string) error {
	errs := make([]error, len(vms))
	var parts []func()
	for i, vm := range vms {
		parts = append(parts, func() {
			errs[i] = o.make("migrate "+vm, func() error { return o.running.Migrate(ctx, vm) })
		})
	}
	together(parts...)
	return errors.Join(errs...)
}

// migratedEgress are the VMs whose way out is looked at after the migration: who moved, and who stayed.
func (o *observer) migratedEgress() []string {
	t := turns[o.running.Scenario][model.Migrated]
	return append(append([]string{}, t.look...), t.change...)
}

// afterMigration reads the guests first, so that it is what the migration left that is read, and then tries their way out.
func (o *observer) afterMigration(ctx context.Context) {
	var p *peer
	together(
		func() {
			o.step("guests", func() { o.guests(ctx, o.concerned(model.Migrated)) })
		},
		func() { o.step("peer's listeners and capture", func() { p = o.startPeer(ctx) }) },
	)
	o.step("paths", func() {
		var parts []func()
		for _, vm := range o.migratedEgress() {
			one, ok := o.egress(vm, p)
			if !ok {
				continue
			}
			parts = append(parts, func() {
				o.attempts(ctx, placed("guest "+vm), []probe{one}, o.visitor(vm))
			})
		}
		together(parts...)
	})
	o.step("capture", func() { p.stop(ctx, o) })
}
