package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vmnet-project/vmnet/stack"
)

func (a *app) preflightCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "preflight",
		Short: "Say what a bed on this host would be made of, and why; change nothing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := a.stack.options(nil)
			if err != nil {
				return err
			}
			plan, err := stack.Preflight(cmd.Context(), o)
			if err != nil {
				return err
			}
			a.printPlan(plan)
			if len(plan.Packages) > 0 {
				fmt.Fprintf(a.stdout, "to be installed by apt-get: %s\n", strings.Join(plan.Packages, " "))
			}
			return nil
		},
	}
}

func (a *app) printPlan(p stack.Plan) {
	fmt.Fprintf(a.stdout, "Docker engine: %-9s %s\n", p.Docker.Taken, p.Docker.Why)
	fmt.Fprintf(a.stdout, "images:        %-9s %s\n", p.Images.Taken, p.Images.Why)
}
