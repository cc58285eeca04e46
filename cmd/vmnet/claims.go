package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/report"
)

// selection is the flags that choose claims; empty ones choose all.
type selection struct{ scenarios, claims []string }

func (s *selection) register(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&s.scenarios, "scenario", list("SCENARIO"), "scenarios, separated by commas (variable SCENARIO; default: all)")
	cmd.Flags().StringSliceVar(&s.claims, "claims", list("CLAIMS"), "claims by ID, separated by commas (variable CLAIMS; default: all of the scenarios)")
}

// choose gives the claims selected, in the registry's order.
func (s *selection) choose() ([]judge.Claim, error) {
	scenarios, ids := trim(s.scenarios), trim(s.claims)
	claims, err := judge.Select(scenarios, ids)
	var unknown *judge.UnknownError
	switch {
	case errors.As(err, &unknown):
		return nil, &inputError{err, ""}
	case err != nil:
		return nil, err
	case len(claims) == 0:
		return nil, nothingError{"no claim of " + strings.Join(s.claims, ", ") + " is of the scenario " + strings.Join(s.scenarios, ", ") +
			"; vmnet list shows what there is"}
	}
	return claims, nil
}

func rows(claims []judge.Claim) []report.Row {
	all := make([]report.Row, len(claims))
	for i, c := range claims {
		all[i] = report.Row{ID: c.ID, Text: c.Text, Scenario: c.Scenario, Profile: c.Profile}
	}
	return all
}

func scenariosOf(claims []judge.Claim) []string {
	var names []string
	for _, c := range claims {
		if !slices.Contains(names, c.Scenario) {
			names = append(names, c.Scenario)
		}
	}
	return names
}

// trim takes the spaces away that a list in quotes may have, and empty names.
func trim(names []string) []string {
	var trimmed []string
	for _, n := range names {
		if n = strings.TrimSpace(n); n != "" {
			trimmed = append(trimmed, n)
		}
	}
	return trimmed
}
