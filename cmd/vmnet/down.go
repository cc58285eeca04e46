package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vmnet-project/vmnet/stack"
)

func (a *app) downCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Take away exactly what up made, also after a kill; what was built stays in the cache",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p := a.progress()
			defer p.Close()
			o, err := a.stack.options(p)
			if err != nil {
				return err
			}
			if err := stack.Down(cmd.Context(), o); err != nil {
				return err
			}
			p.Close()
			fmt.Fprintln(a.stdout, "down")
			return nil
		},
	}
}
