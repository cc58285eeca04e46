package main

import (
	"cmp"
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/vmnet-project/vmnet/framework/scenario"
	"github.com/vmnet-project/vmnet/stack"
)

func (a *app) runCommand() *cobra.Command {
	var beds bedFlags
	var chosen selection
	var keep bool
	var guest, out string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Prove the claims on a cluster, and print the verdicts",
		Long: `Run starts the VMs of the scenarios, looks at each from all places, judges what it saw and prints the verdicts.
It runs on the cluster that is named (--kubeconfig, --bed), else on the one that up made; without either it
brings one up and takes it down again. Report and observations are in out/latest.`,
		Example: "  vmnet run\n  vmnet run --claims CN-09,CN-14 --keep\n  vmnet run --kubeconfig ~/.kube/config --underlay underlay.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.run(cmd.Context(), beds, chosen, guest, keep, out)
		},
	}
	beds.register(cmd)
	chosen.register(cmd)
	cmd.Flags().BoolVar(&keep, "keep", yes("KEEP"), "leave the cluster and the VMs up (variable KEEP)")
	cmd.Flags().StringVar(&guest, "guest", os.Getenv("GUEST"), "what runs in the VMs: small or published (variable GUEST; default: by the images that the nodes hold)")
	cmd.Flags().StringVar(&out, "out", cmp.Or(os.Getenv("OUT"), "out"), "where reports go; OUT/latest is the last run's (variable OUT)")
	return cmd
}

func (a *app) run(ctx context.Context, beds bedFlags, chosen selection, guest string, keep bool, out string) error {
	claims, err := chosen.choose()
	if err == nil {
		err = scenario.KnownGuest(guest)
	}
	if err != nil {
		return err
	}
	p := a.progress()
	defer p.Close()
	rec := &record{claims: claims, guest: guest, p: p}
	if beds.given() { // what was named is opened first: bad input leaves nothing behind
		err = a.onBed(ctx, beds, keep, p, func(ctx context.Context, s session) error {
			return errors.Join(rec.begin(ctx, out), a.prove(ctx, s, rec, keep))
		})
	} else if err = a.checkStack(ctx, beds); err == nil {
		if err = rec.begin(ctx, out); err == nil {
			err = a.onBed(ctx, beds, keep, p, func(ctx context.Context, s session) error { return a.prove(ctx, s, rec, keep) })
		}
	}
	if err != nil && ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	if werr := rec.end(err); werr != nil {
		err = errors.Join(err, werr)
	}
	if rec.dir != "" {
		p.Printf("report: %s", rec.dir)
	}
	p.Close()
	if len(rec.judged) == 0 && err != nil {
		return err // a table in which nothing has run would hide why
	}
	verdict := a.conclude(rec.report)
	if err == nil {
		return verdict
	}
	return err
}

// checkStack refuses options of the stack that make no sense, before anything is made.
func (a *app) checkStack(ctx context.Context, beds bedFlags) error {
	if beds.underlay != "" {
		return &inputError{errors.New("--underlay without a cluster"), "name it by --kubeconfig or --bed, too"}
	}
	o, err := a.stack.options(nil)
	if err == nil {
		_, err = stack.Current(ctx, o)
	}
	return err
}
