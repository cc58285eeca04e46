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
	return baseline{o, e.judge(o)}, nil
}

// together injects a group's faults at once, judges what is seen of them, takes them back and compares. Each has an
// outcome; the error ends the run.
func (e *engine) together(ctx context.Context, group []Fault, before baseline) ([]Outcome, baseline, error) {
	outcomes := make([]Outcome, len(group))
	var injected []Fault
	var of []*Outcome
	for i, f := range group {
		outcomes[i] = Outcome{ID: f.ID, Text: f.Text, Cells: map[string]Cell{}}
		if outcomes[i].Skipped = applicable(f, e.facts, before.judgements); outcomes[i].Skipped == "" {
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
	broken, err := e.breakAndSee(ctx, injected, of)
	switch {
	case ctx.Err() != nil:
		return outcomes, before, errors.Join(context.Cause(ctx), err)
	case err != nil:
		for _, o := range of {
			o.Problems = append(o.Problems, err.Error())
		}
	default:
		for i, f := range injected {
			of[i].Cells, of[i].Killed = weigh(f, without(injected, i), before.judgements, broken.judgements)
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

// undoError is a fault that could not be taken back: whatever is seen afterwards means nothing.
type undoError struct {
	faults string
	err    error
}

func (e *undoError) Error() string {
	return fmt.Sprintf("%s could not be taken back: %v", e.faults, e.err)
}

func (e *undoError) Unwrap() error { return e.err }

// breakAndSee injects, observes and always takes back.
func (e *engine) breakAndSee(ctx context.Context, faults []Fault, of []*Outcome) (broken baseline, err error) {
	var undos []Undo
	defer func() {
		start := time.Now()
		done := e.step("take back " + title(faults))
		free, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
		defer cancel()
		undone := takeBack(free, undos)
		done(undone)
		for _, o := range of {
			o.Undo = time.Since(start)
		}
		if undone != nil {
			err = errors.Join(err, &undoError{title(faults), undone})
		}
	}()
	for i, f := range faults {
		start := time.Now()
		done := e.step("inject " + f.ID)
		for _, s := range f.Steps {
			undo, failed := s.Do(ctx, e.world)
			if undo != nil {
				undos = append(undos, undo)
			}
			if failed != nil {
				done(failed)
				return broken, fmt.Errorf("inject %s: %w", f.ID, failed)
			}
		}
		done(nil)
		of[i].Inject = time.Since(start)
	}
	start := time.Now()
	broken, err = e.see(ctx, title(faults))
	for _, o := range of {
		o.Detect = time.Since(start)
	}
	return broken, err
}

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
