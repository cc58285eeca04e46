package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vmnet-project/vmnet/stack"
)

func (a *app) upCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "up",
		Short: "Bring a cluster up with OVN-Kubernetes, Multus, KubeVirt and the peers outside, and keep it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p := a.progress()
			defer p.Close()
			o, err := a.stack.options(p)
			if err != nil {
				return err
			}
			bed, err := stack.Up(cmd.Context(), o)
			p.Close()
			if err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "up: %s\nvmnet run uses it, vmnet down takes it away\n", bed)
			return nil
		},
	}
}
