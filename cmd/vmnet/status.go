package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vmnet-project/vmnet/stack"
)

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Say what is up and whether it answers",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := a.stack.options(nil)
			if err != nil {
				return err
			}
			s, err := stack.Current(cmd.Context(), o)
			if err != nil {
				return err
			}
			if s.Bed == "" {
				fmt.Fprintln(a.stdout, s.Answer)
				return nil
			}
			fmt.Fprintf(a.stdout, "bed:           %s\n", s.Bed)
			a.printPlan(s.Plan)
			if m, ok := stack.Machine(o); ok {
				fmt.Fprintf(a.stdout, "machine:       %s, process %d, DOCKER_HOST=%s\n", m.Address, m.PID, m.DockerHost)
			}
			fmt.Fprintf(a.stdout, "nodes:         %d\n", s.Nodes)
			if !s.Up {
				return &setupError{fmt.Errorf("the bed in %s does not answer: %s; vmnet down takes it away", s.Bed, s.Answer)}
			}
			fmt.Fprintf(a.stdout, "cluster:       %s\n", s.Answer)
			return nil
		},
	}
}
