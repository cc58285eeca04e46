package session

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/onsi/ginkgo/v2"

	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/observe"
	"github.com/vmnet-project/vmnet/framework/report"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// Scenario is one scenario of the session. Its methods are for the nodes of its container.
type Scenario struct {
	name        string
	stages      []string
	running     *scenario.Running
	failed      error // why it does not come up
	waits       bool  // it is made when its specs come, and taken away after them
	idle        bool  // none of its claims applies to the cluster: it is not deployed, and each says so
	observation model.Observation
	diagnosed   bool
}

// Of gives the session's scenario of that name.
func Of(name string) *Scenario {
	current.mu.Lock()
	defer current.mu.Unlock()
	if current.scenarios[name] == nil {
		current.scenarios[name] = &Scenario{name: name}
	}
	return current.scenarios[name]
}

// Deployed says whether the scenario came up: its specs fail when it did not. One that waited is made now.
func (s *Scenario) Deployed(ctx ginkgo.SpecContext) {
	ginkgo.GinkgoHelper()
	if s.waits && !s.idle {
		outer, cancel := current.bound(ctx)
		defer cancel()
		bounded, end := deadline(outer)
		defer end()
		s.deploy(bounded)
	}
	switch {
	case current.options.Bed == nil:
		ginkgo.Fail("no bed: session.Begin was not called before the specs")
	case s.failed != nil:
		ginkgo.Fail("the scenario does not come up: " + s.failed.Error())
	case s.running == nil && !s.idle:
		ginkgo.Fail("the scenario was not deployed: none of its claims is among the session's")
	}
}

// Observe looks, in one stage after the other, and stores what was seen after each.
func (s *Scenario) Observe(ctx ginkgo.SpecContext) {
	ginkgo.GinkgoHelper()
	bounded, cancel := current.bound(ctx)
	defer cancel()
	s.observation = model.Observation{Format: model.FormatVersion, Scenario: s.name, Facts: current.facts}
	if s.idle {
		return
	}
	for _, stage := range s.stages {
		done := step(current.options.Step, s.name+", "+stage) // a phase of its own in the report's timings
		seen := observe.Transition(bounded, current.options.Bed, s.running, current.facts, stage, current.options.Step)
		err := context.Cause(bounded)
		done(err)
		if err != nil {
			ginkgo.Fail("interrupted while observing: " + err.Error())
		}
		s.observation.Stages = append(s.observation.Stages, seen)
		if current.options.OutDir == "" {
			continue
		}
		if err := report.WriteObservation(current.options.OutDir, s.observation); err != nil {
			ginkgo.Fail(err.Error())
		}
	}
}

// Proof is the body of a claim's spec.
func (s *Scenario) Proof(id string) func(ginkgo.SpecContext) {
	return func(ctx ginkgo.SpecContext) { s.Prove(ctx, id) }
}

// Prove judges one claim on the observation, keeps the judgement, and fails the spec where it is FAIL or ERROR.
func (s *Scenario) Prove(_ ginkgo.SpecContext, id string) {
	ginkgo.GinkgoHelper()
	claims, err := judge.Select([]string{s.name}, []string{id})
	if err != nil || len(claims) != 1 {
		ginkgo.Fail(fmt.Sprintf("%s is no claim of %s: %v", id, s.name, err))
		return
	}
	j := judge.Judge(claims[0], s.observation)
	current.add(j)
	entry, err := json.Marshal(j)
	if err != nil {
		ginkgo.Fail(err.Error())
	}
	ginkgo.AddReportEntry(j.ID+" "+string(j.Verdict), string(entry), ginkgo.ReportEntryVisibilityNever)
	if j.Verdict == model.Fail || j.Verdict == model.Error {
		ginkgo.Fail(Words(j))
	}
}

// Words are a judgement for a reader: what it turns on, and each comparison that does not hold or was not possible.
func Words(j model.Judgement) string {
	lines := []string{fmt.Sprintf("%s is %s: %s", j.ID, j.Verdict, j.Reason)}
	for _, e := range j.Evidence {
		switch {
		case e.Err != "":
			lines = append(lines, fmt.Sprintf("  %s: cannot be observed: %s", e.What, e.Err))
		case !e.Holds:
			lines = append(lines, fmt.Sprintf("  %s\n    expected %s (%s)\n    observed %s\n    at %s: %s", e.What, e.Expected, e.Why, e.Observed, e.Place, e.Command))
		}
	}
	return strings.Join(lines, "\n")
}

// Diagnose gathers what helps, once, when a spec failed; it runs before any cleanup.
func (s *Scenario) Diagnose(ctx ginkgo.SpecContext) {
	if !ginkgo.CurrentSpecReport().Failed() || s.diagnosed || s.running == nil || current.options.OutDir == "" {
		return
	}
	s.diagnosed = true
	dir := filepath.Join(current.options.OutDir, "diagnostics", s.name)
	done := step(current.options.Step, "diagnostics to "+dir)
	err := s.running.Diagnostics(ctx, dir)
	done(err)
	ginkgo.AddReportEntry("diagnostics", dir)
}

// Over takes the scenario away after its specs, so that the next one has the machine for itself; what could not be taken
// away is so, or told, when the suite ends.
func (s *Scenario) Over(ctx ginkgo.SpecContext) {
	if s.waits {
		_ = s.teardown(ctx)
	}
}

// teardown takes the scenario away; it goes on when the run was interrupted.
func (s *Scenario) teardown(ctx context.Context) error {
	if s.running == nil || current.options.Keep {
		return nil
	}
	err := s.running.Teardown(ctx)
	if err == nil {
		s.running = nil
	}
	return err
}

// reason is why a context ended, in front of how that was noticed.
func reason(ctx context.Context) string {
	if cause := context.Cause(ctx); cause != nil {
		return cause.Error() + ": "
	}
	return ""
}
