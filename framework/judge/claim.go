// Package judge holds what is claimed of a VM's network, and decides from stored observations whether it is so.
//
// It is pure: the oracle computes what to expect from the cluster's facts, from what the manifest asked for and from
// what the control plane says that it allotted, never from the place that is judged; a claim compares that with what
// was observed and writes each comparison into a notebook; the verdict follows from the notebook. Nothing here talks to
// a cluster, so that an observation can be judged again at any time.
package judge

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// Claim is one statement about the network, with the rule that decides it. Claims are one row each in the registry;
// their IDs are stable.
type Claim struct {
	ID   string
	Text string
	// Scenario is the name of the scenario whose observation is judged, as in manifests/scenarios.
	Scenario string
	Profile  model.Profile
	// Stage is the stage that the claim reads beside the steady one; empty for none.
	Stage string
	// Needs are the features without which the claim does not apply to a cluster.
	Needs []model.Feature
	// Known are the deviations that are an upstream issue.
	Known []Known
	// Reads are the leaves of the observation that the claim rests on, one pattern each. A field is written by its JSON
	// name; an element of a list or map in brackets by its key: a link, node, VM, path or interface by name, a plain value by
	// itself, others by what tells them apart (an address by family and CIDR, a route by family, table and destination, a NAT
	// rule by network, logical IP and port, an entry of connection tracking by both its ends). * stands for any part of
	// a name or key and ? for one letter; {route} for the fields of a route that `ip route` shows. [+key] is an element that
	// nobody expects there. A Read is left out of the path, and its failure belongs to it.
	//
	// Of the VMs of the main namespace <all> stands for each, <spares> and <guests> for each that is one and that is none,
	// <default> and <custom> for each guest on the default vmNetworkCIDR and on one of its own, <several> for each with several
	// interfaces, <shared> and <unshared> for those that the attempts of these names lead to; <primary> for the name in
	// OVN-Kubernetes of the network primary-udn, and <home> for vm-p's node.
	//
	// What every claim reads stands in commonReads. The declaration is tested in both directions: a change of anything in it
	// turns the verdict, and a change of anything else does not.
	Reads []string
	// Judge compares; it writes to the notebook and returns nothing.
	Judge func(*Notebook, model.Observation)
}

// commonReads are read before any claim: whether this is its scenario, in this layout, and looked at.
var commonReads = []string{"format", "scenario", "stages[steady].name"}

// Stages gives the stages after the steady one that these claims read, in the order in which a scenario goes through
// them. A run takes a scenario through these and no others.
func Stages(claims []Claim) []string {
	return slices.DeleteFunc([]string{model.Restarted, model.Migrated, model.Deleted}, func(stage string) bool {
		return !slices.ContainsFunc(claims, func(c Claim) bool { return c.Stage == stage })
	})
}

// All gives every claim, in the order of the registry, which is the order of reports.
func All() []Claim {
	return slices.Concat(clusterNetwork(), primaryUDN(), masquerade(), secondaryUDN(), localnets(), linuxBridges())
}

// of makes claims a scenario's, which needs these features for all of them.
func of(scenario string, needs []model.Feature, claims []Claim) []Claim {
	for i := range claims {
		claims[i].Scenario = scenario
		claims[i].Needs = slices.Concat(needs, claims[i].Needs)
		for _, f := range needs {
			claims[i].Reads = append(claims[i].Reads, "facts.features["+string(f)+"].present")
		}
		if claims[i].Stage != "" {
			claims[i].Reads = append(claims[i].Reads, "stages["+claims[i].Stage+"].name")
		}
	}
	return claims
}

// Judge decides one claim on one scenario's observation.
func Judge(c Claim, o model.Observation) model.Judgement {
	j := model.Judgement{ID: c.ID, Text: c.Text, Scenario: c.Scenario, Profile: c.Profile}
	if reason, na := NotApplicable(c, o.Facts); na {
		j.Verdict, j.Reason = model.NotApplicable, reason
		return j
	}
	n := &Notebook{}
	if err := judgeable(c, o); err != nil {
		n.Cannot("observation", err.Error())
	} else {
		c.Judge(n, o)
	}
	decide(&j, n.evidence)
	known(&j, c.Known, o.Facts)
	return j
}

func judgeable(c Claim, o model.Observation) error {
	if o.Format != model.FormatVersion {
		return fmt.Errorf("it is stored in format %d, this program reads %d", o.Format, model.FormatVersion)
	}
	if o.Scenario != c.Scenario {
		return fmt.Errorf("it is of scenario %q, the claim is about %q", o.Scenario, c.Scenario)
	}
	for _, stage := range []string{model.Steady, cmp.Or(c.Stage, model.Steady)} {
		if _, ok := o.Stage(stage); !ok {
			return errors.New("it has no stage " + stage)
		}
	}
	for _, f := range c.Needs {
		if _, ok := o.Facts.Features[f]; !ok {
			return fmt.Errorf("nobody looked whether the cluster has %s", f)
		}
	}
	return nil
}

// NotApplicable says whether a claim cannot be made of a cluster, and why: a feature that it needs is absent.
// It is known before a run. A feature that nobody looked for is no reason; it makes the claim an ERROR.
func NotApplicable(c Claim, f model.Facts) (reason string, na bool) {
	for _, need := range c.Needs {
		if p, ok := f.Features[need]; ok && !p.Present {
			reason = p.Reason
			if reason == "" {
				reason = "absent"
			}
			return fmt.Sprintf("needs %s: %s", need, reason), true
		}
	}
	return "", false
}

// decide makes the verdict: a comparison that does not hold is a FAIL; else what could not be observed is an ERROR,
// and so is a claim that compared nothing.
func decide(j *model.Judgement, evidence []model.Evidence) {
	j.Evidence = evidence
	failed := slices.IndexFunc(evidence, func(e model.Evidence) bool { return e.Err == "" && !e.Holds })
	unseen := slices.IndexFunc(evidence, func(e model.Evidence) bool { return e.Err != "" })
	switch {
	case failed >= 0:
		e := evidence[failed]
		j.Verdict, j.Reason, j.Expected, j.Observed = model.Fail, because(e, evidence), e.Expected, e.Observed
	case unseen >= 0:
		j.Verdict, j.Reason = model.Error, because(evidence[unseen], evidence)
	case len(evidence) == 0:
		j.Verdict, j.Reason = model.Error, "nothing was compared"
	default:
		j.Verdict = model.Pass
		j.Expected = brief(evidence, func(e model.Evidence) string { return e.Expected })
		j.Observed = brief(evidence, func(e model.Evidence) string { return e.Observed })
	}
}

// line is one comparison in one sentence.
func line(e model.Evidence) string {
	if e.Err != "" {
		return e.What + ": " + e.Err
	}
	why := ""
	if e.Why != "" {
		why = " (" + e.Why + ")"
	}
	return fmt.Sprintf("%s: expected %s%s, observed %s", e.What, e.Expected, why, e.Observed)
}

// brief is what a table shows of a claim that holds: its different values, as far as a line goes.
func brief(evidence []model.Evidence, value func(model.Evidence) string) string {
	const most = 70
	var values []string
	for _, e := range evidence {
		if v := value(e); !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	short := values[0]
	for i, v := range values[1:] {
		if len(short)+len(v)+2 > most {
			return fmt.Sprintf("%s, and %d more", short, len(values)-1-i)
		}
		short += ", " + v
	}
	return short
}

// Select gives the claims of the scenarios named that are among the IDs named, in the order of the registry.
// An empty list selects all. A name that no claim has is an *UnknownError.
func Select(scenarios, ids []string) ([]Claim, error) {
	all := All()
	var validScenarios, validIDs []string
	for _, c := range all {
		if !slices.Contains(validScenarios, c.Scenario) {
			validScenarios = append(validScenarios, c.Scenario)
		}
		validIDs = append(validIDs, c.ID)
	}
	if err := unknown("scenario", scenarios, validScenarios); err != nil {
		return nil, err
	}
	if err := unknown("claim", ids, validIDs); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(c Claim) bool {
		return len(scenarios) > 0 && !slices.Contains(scenarios, c.Scenario) || len(ids) > 0 && !slices.Contains(ids, c.ID)
	}), nil
}

// UnknownError is a name that nothing has, with the nearest that something has.
type UnknownError struct {
	// Kind is "scenario" or "claim".
	Kind, Name, Nearest string
	Valid               []string
}

func (e *UnknownError) Error() string {
	hint := ""
	if e.Nearest != "" {
		hint = fmt.Sprintf(" (did you mean %s?)", e.Nearest)
	}
	return fmt.Sprintf("unknown %s %q%s; there are: %s", e.Kind, e.Name, hint, strings.Join(e.Valid, ", "))
}

func unknown(kind string, names, valid []string) error {
	for _, name := range names {
		if !slices.Contains(valid, name) {
			return &UnknownError{Kind: kind, Name: name, Nearest: nearest(name, valid), Valid: valid}
		}
	}
	return nil
}
