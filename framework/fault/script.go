package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/vmnet-project/vmnet/framework/bed"
)

const (
	// EffectTimeout bounds the wait for a change to be in effect.
	EffectTimeout = time.Minute
	effectPoll    = time.Second
)

// Script is a change made by shell commands at a place. All of its scripts see the variables of the world; Change, Revert
// and the conditions see $was as well, what Save printed.
type Script struct {
	At Where
	// VM is the one that the place is seen from; or a pod of the scenario, as "pod/twin-a".
	VM string
	// Save prints what Revert needs to know; it changes nothing.
	Save string
	// Change makes the change; Revert takes it back, from whatever point Change may have come to, and a second time as
	// well.
	Change, Revert string
	// Effect and Undone end with exit code 0 once the change, or its end, is in effect. Empty: it is so at once.
	Effect, Undone string
}

// Reversible is true where there is something to revert by.
func (s Script) Reversible() bool { return strings.TrimSpace(s.Revert) != "" }

// Do runs the scripts at each of the places.
func (s Script) Do(ctx context.Context, w *World) (Undo, error) {
	spots, err := w.spots(ctx, s.At, s.VM)
	if err != nil {
		return nil, err
	}
	variables, err := w.variables(ctx, s.VM)
	if err != nil {
		return nil, err
	}
	var undos []Undo
	undo := func(ctx context.Context) error { return takeBack(ctx, undos) }
	for _, p := range spots {
		was, err := p.run(ctx, w, variables, s.Save)
		if err != nil {
			return undo, fmt.Errorf("save: %w", err)
		}
		seen := variables + "was=" + bed.CommandLine([]string{strings.TrimSpace(was)}) + "\n"
		one, err := w.pledge(record{Script: &reverted{Spot: p, Variables: seen, Revert: s.Revert, Undone: s.Undone}})
		if err != nil {
			return undo, err
		}
		undos = append(undos, one)
		if _, err := p.run(ctx, w, seen, s.Change); err != nil {
			return undo, err
		}
		if err := p.await(ctx, w, seen, s.Effect); err != nil {
			return undo, err
		}
	}
	return undo, nil
}

// reverted is what takes a script back at one place.
type reverted struct {
	Spot      spot   `json:"spot"`
	Variables string `json:"variables"`
	Revert    string `json:"revert"`
	Undone    string `json:"undone,omitempty"`
}

func (r *reverted) takeBack(ctx context.Context, w *World) error {
	if _, err := r.Spot.run(ctx, w, r.Variables, r.Revert); err != nil {
		return err
	}
	return r.Spot.await(ctx, w, r.Variables, r.Undone)
}

// run runs one script at a place, stopping at the first command that fails.
func (s spot) run(ctx context.Context, w *World, variables, script string) (string, error) {
	if strings.TrimSpace(script) == "" {
		return "", nil
	}
	at, prelude, err := s.enter(ctx, w)
	if err != nil {
		return "", err
	}
	argv := []string{"sh", "-c", "set -e\n" + prelude + variables + script}
	if s.Pod != "" {
		argv = []string{"sh", "-c", intoPod, "sh", bed.CGroupOf(s.UID), argv[2]}
	}
	out, err := at.Run(ctx, argv...)
	var failed *bed.CommandError
	if errors.As(err, &failed) { // without what every script begins with
		return out, fmt.Errorf("%s: %q: exit code %d: %s", failed.Place, script, failed.ExitCode, strings.TrimSpace(failed.Stderr))
	}
	return out, err
}

// await runs a condition until it holds.
func (s spot) await(ctx context.Context, w *World, variables, condition string) error {
	if strings.TrimSpace(condition) == "" {
		return nil
	}
	return until(ctx, "not in effect", func(ctx context.Context) error {
		_, err := s.run(ctx, w, variables, condition)
		return err
	})
}

// until tries something until it succeeds, for EffectTimeout.
func until(ctx context.Context, what string, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, EffectTimeout, fmt.Errorf("%s within %s", what, EffectTimeout))
	defer cancel()
	var last error
	err := wait.PollUntilContextCancel(ctx, effectPoll, true, func(ctx context.Context) (bool, error) {
		last = try(ctx)
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), last)
	}
	return nil
}

// takeBack undoes in the opposite order, all of it whatever fails.
func takeBack(ctx context.Context, undos []Undo) error {
	var errs []error
	for i := len(undos) - 1; i >= 0; i-- {
		errs = append(errs, undos[i](ctx))
	}
	return errors.Join(errs...)
}
