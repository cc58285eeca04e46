package fault

import (
	"slices"

	"github.com/vmnet-project/vmnet/framework/judge"
)

// Select gives the faults of a scenario that are named, by their IDs or by claims that they turn red, in the order in
// which they are injected; all for no name. A name that nothing has is a *judge.UnknownError.
func Select(scenarioName string, names []string) ([]Fault, error) {
	var all []Fault
	var valid, scenarios []string
	for _, f := range All() {
		if !slices.Contains(scenarios, f.Scenario) {
			scenarios = append(scenarios, f.Scenario)
		}
		if f.Scenario == scenarioName {
			all = append(all, f)
			valid = append(valid, f.ID)
		}
	}
	if len(all) == 0 {
		return nil, &judge.UnknownError{Kind: "scenario", Name: scenarioName, Valid: scenarios}
	}
	if len(names) == 0 {
		return all, nil
	}
	wanted := map[string]bool{}
	for _, n := range names {
		found := false
		for _, f := range all {
			if _, byClaim := f.Red[n]; byClaim || f.ID == n {
				wanted[f.ID], found = true, true
			}
		}
		if !found {
			return nil, &judge.UnknownError{Kind: "fault", Name: n, Valid: valid}
		}
	}
	return slices.DeleteFunc(all, func(f Fault) bool { return !wanted[f.ID] }), nil
}

// group puts faults that turn different claims red together, so that fewer observations are needed; alone leaves each
// by itself. Their order may change.
func group(faults []Fault, alone bool) [][]Fault {
	var groups [][]Fault
next:
	for _, f := range faults {
		if !alone {
			for i, g := range groups {
				if !slices.ContainsFunc(g, func(o Fault) bool { return share(f, o) }) {
					groups[i] = append(g, f)
					continue next
				}
			}
		}
		groups = append(groups, []Fault{f})
	}
	return groups
}

func share(a, b Fault) bool {
	if a.Stage != b.Stage {
		return true // what is steady is looked at without a stage
	}
	if a.Stage == "" && len(a.Renews)+len(b.Renews) > 0 {
		return true // a VM that starts anew forgets what else was done to it
	}
	for id := range a.Red {
		if b.Red[id] != nil || slices.Contains(b.Blind, id) {
			return true
		}
	}
	return slices.ContainsFunc(a.Blind, func(id string) bool { return b.Red[id] != nil })
}

// apart takes out the faults that are injected only where they are named.
func apart(faults []Fault) (others []Fault, left []string) {
	for _, f := range faults {
		if f.NodeFiles {
			left = append(left, f.ID)
		} else {
			others = append(others, f)
		}
	}
	return others, left
}
