package fault

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
)

// Effect is what a fault did to one claim.
type Effect string

// The effects. Killed is the one that is wanted of a claim that must turn red, Unmoved of every other.
const (
	// Killed is a claim that turned FAIL with the words that it must have.
	Killed Effect = "killed"
	// Survived is a claim that should have turned red and did not.
	Survived Effect = "survived"
	// OtherWords is a claim that turned FAIL for another reason than the fault's.
	OtherWords Effect = "other words"
	// Leaked is a claim that the fault must leave alone and that changed its verdict.
	Leaked Effect = "leaked"
	// Blinded is a claim that became ERROR, as it may.
	Blinded Effect = "blind"
	// Unmoved is a claim that kept its verdict, as it must.
	Unmoved Effect = ""
)

// good says whether an effect is as it should be.
func (e Effect) good() bool { return e == Killed || e == Blinded || e == Unmoved }

// Cell is one claim under one fault.
type Cell struct {
	Effect  Effect        `json:"effect"`
	Before  model.Verdict `json:"before"`
	Verdict model.Verdict `json:"verdict"`
	Reason  string        `json:"reason,omitempty"`
}

// Outcome is one fault on the cluster.
type Outcome struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	// With are the faults that were injected at the same time; none unless that was asked for.
	With []string `json:"with,omitempty"`
	// Skipped says why it was not injected; empty for one that was.
	Skipped string `json:"skipped,omitempty"`
	// Killed is true when each claim that must turn red did so with the right words, and no other changed.
	Killed bool `json:"killed"`
	// Restored is true when a new observation after the undo equals the one before.
	Restored bool `json:"restored"`
	// Looks is how many observations that took: the network may need a moment to settle.
	Looks int `json:"looks,omitempty"`
	// Differences are the fields that differ after the undo.
	Differences []string `json:"differences,omitempty"`
	// Problems are what went wrong beside verdicts: a step that failed.
	Problems []string `json:"problems,omitempty"`
	// Cells are the claims that moved or should have, by ID.
	Cells map[string]Cell `json:"cells"`
	// Inject, Detect and Undo are how long it took to inject the fault, from then to the verdict, and to take it back.
	Inject time.Duration `json:"injectNanoseconds"`
	Detect time.Duration `json:"detectNanoseconds"`
	Undo   time.Duration `json:"undoNanoseconds"`
}

// weigh compares the verdicts under a fault with those before it. What faults that were injected beside it turn red
// or blind, as they may, says nothing of this one.
func weigh(f Fault, beside []Fault, before, after []model.Judgement) (cells map[string]Cell, killed bool) {
	was := byID(before)
	cells, killed = map[string]Cell{}, len(f.Red) > 0
	seen := map[string]bool{}
	for _, j := range after {
		if slices.ContainsFunc(beside, func(b Fault) bool { return b.moves(j) }) {
			continue
		}
		c := Cell{Before: was[j.ID].Verdict, Verdict: j.Verdict, Reason: j.Reason}
		c.Effect = effect(f, j, c.Before)
		seen[j.ID] = true
		killed = killed && c.Effect.good()
		if c.Effect != Unmoved {
			cells[j.ID] = c
		}
	}
	for id := range f.Red {
		if !seen[id] {
			cells[id] = Cell{Effect: Survived, Before: was[id].Verdict, Verdict: model.DidNotRun}
			killed = false
		}
	}
	return cells, killed
}

func effect(f Fault, j model.Judgement, before model.Verdict) Effect {
	words, mustFail := f.Red[j.ID]
	switch {
	case mustFail && j.Verdict != model.Fail:
		return Survived
	case mustFail && !words.MatchString(j.Reason):
		return OtherWords
	case mustFail:
		return Killed
	case j.Verdict == before, holds(j.Verdict) && holds(before):
		return Unmoved
	case j.Verdict == model.Error && slices.Contains(f.Blind, j.ID):
		return Blinded
	}
	return Leaked
}

// holds says whether nothing new is wrong: a known deviation may come and go by itself, as where VMs are.
func holds(v model.Verdict) bool { return v == model.Pass || v == model.Known }

// moves says whether a verdict is what a fault may make of it.
func (f Fault) moves(j model.Judgement) bool {
	return f.Red[j.ID] != nil || j.Verdict == model.Error && slices.Contains(f.Blind, j.ID)
}

// applicable says why a fault cannot be injected where the verdicts before it are these; empty when it can. A claim that is
// KNOWN can still turn FAIL, by another deviation.
func applicable(f Fault, facts model.Facts, before []model.Judgement) string {
	if why := missing(f, facts); why != "" {
		return why
	}
	was := byID(before)
	for _, id := range slices.Sorted(maps.Keys(f.Red)) {
		if v := was[id].Verdict; !holds(v) {
			return fmt.Sprintf("%s is %s without it", id, cmp.Or(v, model.DidNotRun))
		}
	}
	return ""
}

// missing says what a cluster lacks that a fault needs; empty for nothing.
func missing(f Fault, facts model.Facts) string {
	for _, need := range f.Needs {
		if p := facts.Features[need]; !p.Present {
			return fmt.Sprintf("needs %s: %s", need, p.Reason)
		}
	}
	if f.Gateway != "" && f.Gateway != facts.GatewayMode {
		return fmt.Sprintf("needs gateway mode %s: the cluster's is %s", f.Gateway, facts.GatewayMode)
	}
	return ""
}

func byID(judgements []model.Judgement) map[string]model.Judgement {
	m := make(map[string]model.Judgement, len(judgements))
	for _, j := range judgements {
		m[j.ID] = j
	}
	return m
}

// green lists the claims that are not as they must be before a fault: PASS, KNOWN or NOT-APPLICABLE.
func green(judgements []model.Judgement) (others []string) {
	for _, j := range judgements {
		switch j.Verdict {
		case model.Pass, model.Known, model.NotApplicable:
		default:
			others = append(others, fmt.Sprintf("%s %s: %s", j.ID, j.Verdict, j.Reason))
		}
	}
	return others
}
