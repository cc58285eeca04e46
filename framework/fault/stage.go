package fault

import (
	"context"
	"fmt"
	"slices"

	"github.com/vmnet-project/vmnet/framework/model"
)

// withoutFault makes a group's stage come about once without any fault, so that its claims have verdicts to be held
// against, and goes back. It returns what is steady then.
func (e *engine) withoutFault(ctx context.Context, group []Fault, before baseline) (baseline, error) {
	stage := group[0].Stage
	if _, known := e.staged[stage]; stage == "" || known || !slices.ContainsFunc(group, func(f Fault) bool { return missing(f, e.facts) == "" }) {
		return before, nil
	}
	seen, err := e.seeStage(ctx, "baseline "+stage, stage, before)
	if undone := e.undo(ctx, "stage "+stage, []Undo{e.back(stage, before)}); undone != nil {
		return before, &undoError{"stage " + stage, undone}
	}
	if err != nil {
		return before, err
	}
	if e.staged == nil {
		e.staged = map[string][]model.Judgement{}
	}
	e.staged[stage] = added(seen.judgements, before.judgements)
	return e.settle(ctx, group, before, nil) // other than before is no fault's doing
}

// seeStage makes a stage come about and judges with it.
func (e *engine) seeStage(ctx context.Context, name, stage string, before baseline) (baseline, error) {
	done := e.step("observe: " + name + ", " + stage)
	o, err := e.come(ctx, name, stage, before.observation)
	done(err)
	if err == nil {
		err = ctx.Err() // half an observation
	}
	if err != nil {
		return baseline{}, fmt.Errorf("observe %s, %s: %w", name, stage, err)
	}
	return baseline{observation: o, judgements: e.judge(o)}, nil
}

// back leads from a stage to the steady one.
func (e *engine) back(stage string, before baseline) Undo {
	return e.persist(func(ctx context.Context) error { return e.aftermath(ctx, stage, before.observation) })
}

// added are the judgements of claims that are not among others.
func added(all, others []model.Judgement) []model.Judgement {
	known := byID(others)
	var more []model.Judgement
	for _, j := range all {
		if _, ok := known[j.ID]; !ok {
			more = append(more, j)
		}
	}
	return more
}
