package main

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/vmnet-project/vmnet/framework/fault"
	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/report"
)

func (a *app) selftestCommand() *cobra.Command {
	var beds bedFlags
	var name, out string
	var faults []string
	var keep, together bool
	cmd := &cobra.Command{
		Use:   "selftest",
		Short: "Break the network of running VMs on purpose, and show which claims turn red",
		Long: `Selftest injects faults one by one on the live cluster. Each must turn its claims red with the right words, leave
all others alone, and be gone without a trace once it is taken back. It prints the kill matrix. It changes the
cluster's own network on the nodes of its VMs: use a cluster that nobody else does.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fault.Select(name, trim(faults))
			var unknown *judge.UnknownError
			if errors.As(err, &unknown) {
				return &inputError{err, ""}
			}
			if err != nil {
				return err
			}
			return a.selftest(cmd.Context(), beds, fault.Config{Scenario: name, Faults: trim(faults), Named: beds.given(), Keep: keep, Together: together}, out)
		},
	}
	beds.register(cmd)
	cmd.Flags().StringVar(&name, "scenario", cmp.Or(os.Getenv("SCENARIO"), judge.ClusterNetwork), "the scenario to break (variable SCENARIO)")
	cmd.Flags().StringSliceVar(&faults, "faults", list("FAULTS"), "faults, or claims whose faults to inject, separated by commas (variable FAULTS; default: all; on a named cluster all but those that take a node's files)")
	cmd.Flags().BoolVar(&keep, "keep", yes("KEEP"), "leave the cluster and the VMs up (variable KEEP)")
	cmd.Flags().BoolVar(&together, "together", yes("TOGETHER"), "inject faults of different claims at once: a quarter of the time, a weaker proof (variable TOGETHER)")
	cmd.Flags().StringVar(&out, "out", cmp.Or(os.Getenv("OUT"), "out"), "where the matrix goes: OUT/selftest/latest (variable OUT)")
	return cmd
}

func (a *app) selftest(ctx context.Context, beds bedFlags, c fault.Config, out string) error {
	if !beds.given() {
		if err := a.checkStack(ctx, beds); err != nil {
			return err
		}
	}
	p := a.progress()
	defer p.Close()
	var matrix fault.Matrix
	ran := false
	err := a.onBed(ctx, beds, c.Keep, p, func(ctx context.Context, s session) error {
		dir, err := report.NewDir(filepath.Join(out, "selftest"), time.Now())
		if err != nil {
			return &inputError{err, ""}
		}
		c.Bed, c.IdentityDir, c.Dir, c.Step, c.Out = s.bed, s.identityDir, dir, p.Step, lines{p}
		ran = true
		matrix, err = fault.Selftest(ctx, c)
		if red := new(fault.NotGreenError); err != nil && matrix.Injected == 0 && !errors.As(err, &red) {
			return &setupError{err} // it did not come to the first fault
		}
		return err
	})
	p.Close()
	if ran {
		err = errors.Join(err, matrix.Render(a.stdout))
	}
	if err == nil && !matrix.Proven() {
		return verdictError(report.ExitNotProven)
	}
	return err
}
