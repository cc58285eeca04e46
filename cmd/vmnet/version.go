package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vmnet-project/vmnet/internal/source"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Name the source tree that this program was made from",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			tree, dirty := source.Tree(cmd.Context())
			if tree == "" {
				tree = "not known"
			}
			if dirty {
				tree += ", with changes"
			}
			fmt.Fprintln(a.stdout, "tree", tree)
			return nil
		},
	}
}
