package fault

import (
	"context"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
)

// settle observes until the network is again what it was before.
func (e *engine) settle(ctx context.Context, faults []Fault, before baseline, of []*Outcome) (baseline, error) {
	var renewed []string
	for _, f := range faults {
		renewed = append(renewed, f.Renews...)
	}
	for looks := 1; ; looks++ {
		after, err := e.see(ctx, "after "+title(faults))
		if err != nil {
			return before, err
		}
		differences, err := Differences(before.observation, after.observation, renewed)
		if err == nil && e.state != nil {
			var beside []string
			after.state, beside, err = e.follow(ctx, before, after.observation, renewed)
			differences = append(differences, beside...)
		}
		if err != nil {
			return before, err
		}
		others := green(after.judgements)
		restored := len(differences) == 0 && len(others) == 0
		for _, o := range of {
			o.Looks, o.Differences, o.Restored = looks, differences, restored
		}
		switch {
		case restored:
			return after, nil
		case looks < looksToSettle:
			continue
		case len(others) > 0:
			return after, &NotGreenError{When: "after " + title(faults) + " was taken back", Claims: others}
		}
		// other than before, but as claimed: the next fault starts from here
		return after, nil
	}
}

// follow compares what no observation shows, and gives controllers time to follow what the observation itself did.
func (e *engine) follow(ctx context.Context, before baseline, after model.Observation, renewed []string) (now state, differences []string, err error) {
	a, b := normaliserOf(before.observation, renewed), normaliserOf(after, renewed)
	for start := time.Now(); ; {
		if now, err = e.state(ctx); err != nil {
			return now, nil, err
		}
		differences = before.state.differences(now, a, b)
		if len(differences) == 0 || time.Since(start) > e.patience {
			return now, differences, nil
		}
		select {
		case <-ctx.Done():
			return now, nil, context.Cause(ctx)
		case <-time.After(e.statePoll):
		}
	}
}
