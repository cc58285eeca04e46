package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// undoError is a fault that could not be taken back: whatever is seen afterwards means nothing.
type undoError struct {
	faults string
	err    error
}

func (e *undoError) Error() string {
	return fmt.Sprintf("%s could not be taken back: %v", e.faults, e.err)
}

func (e *undoError) Unwrap() error { return e.err }

// breakAndSee injects, observes and always takes back. A fault that cannot be injected is no reason to learn nothing of
// those beside it.
func (e *engine) breakAndSee(ctx context.Context, faults []Fault, before baseline, of []*Outcome) (broken baseline, err error) {
	var undos []Undo
	defer func() {
		start := time.Now()
		undone := e.undo(ctx, title(faults), undos)
		for _, o := range of {
			o.Undo = time.Since(start)
		}
		if undone != nil {
			err = errors.Join(err, &undoError{title(faults), undone})
		}
	}()
	failed := 0
	for i, f := range faults {
		start := time.Now()
		taken, problem := e.inject(ctx, f)
		undos = append(undos, taken...)
		of[i].Inject = time.Since(start)
		if ctx.Err() != nil {
			return broken, problem
		}
		if problem != nil {
			of[i].Problems = append(of[i].Problems, problem.Error())
			failed++
		}
	}
	if failed == len(faults) {
		return broken, errNotInjected
	}
	start := time.Now()
	if stage := faults[0].Stage; stage != "" {
		undos = append([]Undo{e.back(stage, before)}, undos...)
		broken, err = e.seeStage(ctx, title(faults), stage, before)
	} else {
		broken, err = e.see(ctx, title(faults))
	}
	for _, o := range of {
		o.Detect = time.Since(start)
	}
	return broken, err
}

// errNotInjected says that nobody looked: no fault of the group could be injected.
var errNotInjected = errors.New("no fault could be injected")

// inject makes a fault's steps. What was done before one failed is to be taken back, too.
func (e *engine) inject(ctx context.Context, f Fault) (undos []Undo, err error) {
	done := e.step("inject " + f.ID)
	defer func() { done(err) }()
	if e.world != nil {
		e.world.fault = f.ID
	}
	for _, s := range f.Steps {
		undo, err := s.Do(ctx, e.world)
		if undo != nil {
			undos = append(undos, e.persist(undo))
		}
		if err != nil {
			return undos, fmt.Errorf("inject %s: %w", f.ID, err)
		}
	}
	return undos, nil
}

// undo takes back, also when the run was interrupted, as long as there is a cluster.
func (e *engine) undo(ctx context.Context, what string, undos []Undo) error {
	done := e.step("take back " + what)
	free, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	free, stop := e.whileAlive(free)
	defer stop()
	err := takeBack(free, undos)
	done(err)
	return err
}
