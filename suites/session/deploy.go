package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/onsi/ginkgo/v2"

	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/observe"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// Deploy makes all scenarios of the session at the same time and returns when each is up or has failed: nobody looks at one
// while the VMs of another boot, which on a small machine would be seen. It is the suite's first node. A scenario that does
// not come up fails its own specs, see Deployed, and no other's.
//
// Where guests run without KVM a core is busy with one VM's start alone, so each scenario waits for its specs, and is taken
// away after them.
func Deploy(ctx ginkgo.SpecContext) {
	if current.options.Bed == nil {
		return // each scenario says so
	}
	outer, cancel := current.bound(ctx)
	defer cancel()
	bounded, end := deadline(outer)
	defer end()
	// planned before anything is made, so that an interrupt finds it
	ginkgo.DeferCleanup(teardown, ginkgo.NodeTimeout(TeardownTimeout))
	var parts sync.WaitGroup
	parts.Go(func() { observe.Prepare(bounded, current.options.Bed, current.facts) })
	for _, s := range selected(current.options.Claims, current.facts) {
		if s.waits = current.facts.Emulation; s.waits {
			continue
		}
		parts.Go(func() { s.deploy(bounded) })
	}
	parts.Wait()
}

// deadline is the deployment's own end, so that what did not come up is told and looked at by the scenario's specs.
func deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, DeployTimeout, fmt.Errorf("not deployed within %s", DeployTimeout))
}

// selected are the scenarios of the claims that apply, each with the stages that its claims read. Those of claims of which
// none applies are marked as idle.
func selected(claims []judge.Claim, f model.Facts) []*Scenario {
	apply := map[string][]judge.Claim{}
	var order []string
	for _, c := range claims {
		if !slices.Contains(order, c.Scenario) {
			order = append(order, c.Scenario)
		}
		if _, na := judge.NotApplicable(c, f); !na {
			apply[c.Scenario] = append(apply[c.Scenario], c)
		}
	}
	var all []*Scenario
	for _, name := range order {
		s := Of(name)
		if s.idle = len(apply[name]) == 0; s.idle {
			continue
		}
		s.stages = append([]string{model.Steady}, judge.Stages(apply[name])...)
		all = append(all, s)
	}
	return all
}

func (s *Scenario) deploy(ctx context.Context) {
	o := current.options
	running, err := scenario.Deploy(ctx, o.Bed, scenario.Options{Scenario: s.name, Spare: o.Spare, Guest: o.Guest,
		IdentityDir: o.IdentityDir, Facts: &current.facts, Keep: o.Keep, Step: o.Step})
	s.running = running
	if err != nil {
		s.failed = fmt.Errorf("%s%w", reason(ctx), err)
	}
}

// teardown takes all scenarios away at the same time.
func teardown(ctx context.Context) error {
	current.mu.Lock()
	var all []*Scenario
	for _, s := range current.scenarios {
		all = append(all, s)
	}
	current.mu.Unlock()
	errs := make([]error, len(all))
	var parts sync.WaitGroup
	for i, s := range all {
		parts.Go(func() { errs[i] = s.teardown(ctx) })
	}
	parts.Wait()
	return errors.Join(errs...)
}
