package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
)

// undoTimeout bounds taking a fault back, also when the run was interrupted: nothing broken is left behind.
const undoTimeout = 20 * time.Minute

// looksToSettle is how many observations after an undo may be made until one equals the one before the fault.
const looksToSettle = 3

// engine injects faults one after another. The observation after one is the baseline of the next.
type engine struct {
	world *World
	facts model.Facts
	// look makes a new observation of the steady stage.
	look func(ctx context.Context, name string) (model.Observation, error)
	// come makes a stage come about, and adds it to the observation before it; aftermath then leads back to the steady one.
	come      func(ctx context.Context, name, stage string, before model.Observation) (model.Observation, error)
	aftermath func(ctx context.Context, stage string, before model.Observation) error
	// judge judges the claims whose stages were observed.
	judge func(model.Observation) []model.Judgement
	// state looks at what no observation shows; nil for nothing.
	state func(ctx context.Context) (state, error)
	// alive asks the cluster anything; nil not to ask.
	alive                func(ctx context.Context) error
	alivePoll, goneAfter time.Duration
	// patience is how long controllers have to follow what observations made and took away, statePoll how often that is
	// looked at.
	patience, statePoll time.Duration
	// staged are the verdicts of stages that came about without a fault.
	staged map[string][]model.Judgement
	// step reports work; tell prints one line.
	step func(name string) func(error)
	tell func(line string)
}

// baseline is an observation with its verdicts, and what no observation shows.
type baseline struct {
	observation model.Observation
	judgements  []model.Judgement
	state       state
}

// NotGreenError is a network that is not as claimed without any fault: no fault could be told from that.
type NotGreenError struct {
	When   string
	Claims []string
}

func (e *NotGreenError) Error() string {
	return fmt.Sprintf("%s, not every claim holds: %s", e.When, strings.Join(e.Claims, "; "))
}

// run injects the faults, group after group. It ends early, with what it has, when ctx ends or when a fault cannot be
// taken back.
func (e *engine) run(ctx context.Context, groups [][]Fault) ([]Outcome, error) {
	base, err := e.see(ctx, "baseline")
	if err != nil {
		return nil, err
	}
	if others := green(base.judgements); len(others) > 0 {
		return nil, &NotGreenError{When: "before the first fault", Claims: others}
	}
	if e.state != nil {
		if base.state, err = e.steadyState(ctx); err != nil {
			return nil, err
		}
	}
	total := 0
	for _, g := range groups {
		total += len(g)
	}
	var outcomes []Outcome
	for _, g := range groups {
		o, next, err := e.together(ctx, g, base)
		for _, one := range o {
			outcomes = append(outcomes, one)
			e.tell(line(one, len(outcomes), total))
		}
		if err != nil {
			return outcomes, err
		}
		base = next
	}
	return outcomes, nil
}

func (e *engine) see(ctx context.Context, name string) (baseline, error) {
	done := e.step("observe: " + name)
	o, err := e.look(ctx, name)
	done(err)
	if err == nil {
		err = ctx.Err() // half an observation
	}
	if err != nil {
		return baseline{}, fmt.Errorf("observe %s: %w", name, err)
	}
	return baseline{observation: o, judgements: e.judge(o)}, nil
}

// together injects a group's faults at once, judges what is seen of them, takes them back and compares. Each has an
// outcome; the error ends the run.
func (e *engine) together(ctx context.Context, group []Fault, before baseline) ([]Outcome, baseline, error) {
	outcomes := make([]Outcome, len(group))
	before, err := e.withoutFault(ctx, group, before)
	if err != nil {
		return nil, before, err
	}
	known := slices.Concat(before.judgements, e.staged[group[0].Stage])
	var injected []Fault
	var of []*Outcome
	for i, f := range group {
		outcomes[i] = Outcome{ID: f.ID, Text: f.Text, Cells: map[string]Cell{}}
		if outcomes[i].Skipped = applicable(f, e.facts, known); outcomes[i].Skipped == "" {
			injected, of = append(injected, f), append(of, &outcomes[i])
		}
	}
	if len(injected) == 0 {
		return outcomes, before, nil
	}
	for i := range of {
		for k, f := range injected {
			if k != i {
				of[i].With = append(of[i].With, f.ID)
			}
		}
	}
	broken, err := e.breakAndSee(ctx, injected, before, of)
	switch {
	case ctx.Err() != nil:
		return outcomes, before, errors.Join(context.Cause(ctx), err)
	case err != nil && (!errors.Is(err, errNotInjected) || errors.As(err, new(*undoError))):
		for _, o := range of {
			o.Problems = append(o.Problems, err.Error())
		}
	default:
		for i, f := range injected {
			if len(of[i].Problems) == 0 { // half a fault proves nothing, but may move what others are about
				of[i].Cells, of[i].Killed = weigh(f, without(injected, i), known, broken.judgements)
			}
		}
	}
	if err != nil && errors.As(err, new(*undoError)) {
		return outcomes, before, err
	}
	after, err := e.settle(ctx, injected, before, of)
	return outcomes, after, err
}

func without(faults []Fault, i int) []Fault { return slices.Delete(slices.Clone(faults), i, i+1) }

// title names faults in few words.
func title(faults []Fault) string {
	if len(faults) == 1 {
		return faults[0].ID
	}
	return fmt.Sprintf("%s and %d more", faults[0].ID, len(faults)-1)
}
