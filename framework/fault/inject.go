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

// breakAndSee injects, observes and always takes back.
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
	for i, f := range faults {
		start := time.Now()
		done := e.step("inject " + f.ID)
		if e.world != nil {
			e.world.fault = f.ID
		}
		for _, s := range f.Steps {
			undo, failed := s.Do(ctx, e.world)
			if undo != nil {
				undos = append(undos, e.persist(undo))
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
