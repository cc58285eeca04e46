package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
)

// undoTimeout bounds taking a fault back, also when the run was interrupted: nothing broken is left behind.
const undoTimeout = 12 * time.Minute

// looksToSettle is how many observations after an undo may be made until one equals the one before the fault.
const looksToSettle = 3

// engine injects faults one after another. The observation after one is the baseline of the next.
type engine struct {
	world *World
	facts model.Facts
	// look makes a new observation; keep, where set, stores one by name.
	look func(ctx context.Context, name string) (model.Observation, error)
	// judge judges all claims.
	judge func(model.Observation) []model.Judgement
	// step reports work; tell prints one line.
	step func(name string) func(error)
	tell func(line string)
}

// baseline is an observation with its verdicts.
type baseline struct {
	observation model.Observation
	judgements  []model.Judgement
}

// NotGreenError is a network that is not as claimed without any fault: no fault could be told from that.
type NotGreenError struct {
	When   string
	Claims []string
}

func (e *NotGreenError) Error() string {
	return fmt.Sprintf("%s, not every claim holds: %s", e.When, strings.Join(e.Claims, "; "))
}

// run injects the faults. It ends early, with what it has, when ctx ends or when a fault cannot be taken back.
func (e *engine) run(ctx context.Context, faults []Fault) ([]Outcome, error) {
	base, err := e.see(ctx, "baseline")
	if err != nil {
		return nil, err
	}
	if others := green(base.judgements); len(others) > 0 {
		return nil, &NotGreenError{When: "before the first fault", Claims: others}
	}
	var outcomes []Outcome
	for i, f := range faults {
		o, next, err := e.one(ctx, f, base)
		outcomes = append(outcomes, o)
		e.tell(line(o, i+1, len(faults)))
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
	return baseline{o, e.judge(o)}, nil
}

// one injects a fault, judges what is seen of it, takes it back and compares. The error ends the run.
func (e *engine) one(ctx context.Context, f Fault, before baseline) (Outcome, baseline, error) {
	o := Outcome{ID: f.ID, Text: f.Text, Cells: map[string]Cell{}}
	if o.Skipped = applicable(f, e.facts, before.judgements); o.Skipped != "" {
		return o, before, nil
	}
	broken, err := e.breakAndSee(ctx, f, &o)
	switch {
	case ctx.Err() != nil:
		return o, before, errors.Join(context.Cause(ctx), err)
	case err != nil:
		o.Problems = append(o.Problems, err.Error())
	default:
		o.Cells, o.Killed = weigh(f, before.judgements, broken.judgements)
	}
	if err != nil && errors.As(err, new(*undoError)) {
		return o, before, err
	}
	after, err := e.settle(ctx, f, before, &o)
	return o, after, err
}

// undoError is a fault that could not be taken back: whatever is seen afterwards means nothing.
type undoError struct {
	fault string
	err   error
}

func (e *undoError) Error() string {
	return fmt.Sprintf("fault %s could not be taken back: %v", e.fault, e.err)
}

func (e *undoError) Unwrap() error { return e.err }

// breakAndSee injects, observes and always takes back.
func (e *engine) breakAndSee(ctx context.Context, f Fault, o *Outcome) (broken baseline, err error) {
	var undos []Undo
	defer func() {
		start := time.Now()
		done := e.step("take back " + f.ID)
		free, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
		defer cancel()
		undone := takeBack(free, undos)
		done(undone)
		o.Undo = time.Since(start)
		if undone != nil {
			err = errors.Join(err, &undoError{f.ID, undone})
		}
	}()
	start := time.Now()
	done := e.step("inject " + f.ID)
	for _, s := range f.Steps {
		undo, failed := s.Do(ctx, e.world)
		if undo != nil {
			undos = append(undos, undo)
		}
		if failed != nil {
			done(failed)
			return broken, fmt.Errorf("inject: %w", failed)
		}
	}
	done(nil)
	o.Inject = time.Since(start)
	start = time.Now()
	broken, err = e.see(ctx, f.ID)
	o.Detect = time.Since(start)
	return broken, err
}

// settle observes until the network is again what it was before.
func (e *engine) settle(ctx context.Context, f Fault, before baseline, o *Outcome) (baseline, error) {
	for {
		after, err := e.see(ctx, "after "+f.ID)
		if err != nil {
			return before, err
		}
		o.Looks++
		if o.Differences, err = Differences(before.observation, after.observation, f.Renews); err != nil {
			return before, err
		}
		others := green(after.judgements)
		o.Restored = len(o.Differences) == 0 && len(others) == 0
		switch {
		case o.Restored:
			return after, nil
		case o.Looks < looksToSettle:
			continue
		case len(others) > 0:
			return after, &NotGreenError{When: "after fault " + f.ID + " was taken back", Claims: others}
		}
		// other than before, but as claimed: the next fault starts from here
		return after, nil
	}
}

// line is what a log hears of a fault.
func line(o Outcome, n, of int) string {
	head := fmt.Sprintf("%d/%d %s", n, of, o.ID)
	if o.Skipped != "" {
		return head + ": not injected: " + o.Skipped
	}
	word := "NOT KILLED"
	if o.Killed {
		word = "killed"
	}
	var parts []string
	for _, id := range sortedKeys(o.Cells) {
		parts = append(parts, fmt.Sprintf("%s %s", id, o.Cells[id].Effect))
	}
	s := fmt.Sprintf("%s: %s in %s (%s)", head, word, seconds(o.Detect), strings.Join(parts, ", "))
	if !o.Restored {
		s += ", NOT RESTORED"
		if len(o.Differences) > 0 {
			s += ": " + o.Differences[0]
		}
	}
	for _, p := range o.Problems {
		s += "; " + p
	}
	return s
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
