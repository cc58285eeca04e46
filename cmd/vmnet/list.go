package main

import (
	"cmp"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/report"
)

func (a *app) listCommand() *cobra.Command {
	var chosen selection
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the claims: what each says, its scenario and profile, the stage that it reads, what it needs of a cluster",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			claims, err := chosen.choose()
			if err != nil {
				return err
			}
			width := a.view().Width
			if width <= 0 {
				width = report.LogWidth
			}
			t := table.NewWriter()
			t.SetOutputMirror(a.stdout)
			t.SetStyle(table.StyleLight)
			t.AppendHeader(table.Row{"ID", "Claim", "Scenario", "Profile", "Stage", "Needs"})
			t.SetColumnConfigs([]table.ColumnConfig{
				{Number: 2, WidthMax: max(width-80, 30), WidthMaxEnforcer: text.WrapSoft},
				{Number: 6, WidthMax: 16, WidthMaxEnforcer: text.WrapSoft},
			})
			for _, c := range claims {
				needs := make([]string, len(c.Needs))
				for i, n := range c.Needs {
					needs[i] = string(n)
				}
				t.AppendRow(table.Row{c.ID, c.Text, c.Scenario, c.Profile, cmp.Or(c.Stage, model.Steady), strings.Join(needs, " ")})
			}
			t.Render()
			return nil
		},
	}
	chosen.register(cmd)
	return cmd
}
