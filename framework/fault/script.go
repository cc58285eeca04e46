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

// Script is a change made by shell commands at a place. All of its scripts see the variables of the world; Revert and
// Undone see $was as well, what Save printed.
type Script struct {
	At Where
	// VM is the one that the place is seen from.
	VM string
	// Save prints what Revert needs to know; it changes nothing.
	Save string
	// Change makes the change; Revert takes it back, from whatever point Change may have come to.
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
		was, err := p.run(ctx, variables, s.Save)
		if err != nil {
			return undo, fmt.Errorf("save: %w", err)
		}
		seen := variables + "was=" + bed.CommandLine([]string{strings.TrimSpace(was)}) + "\n"
		undos = append(undos, func(ctx context.Context) error {
			if _, err := p.run(ctx, seen, s.Revert); err != nil {
				return err
			}
			return p.await(ctx, seen, s.Undone)
		})
		if _, err := p.run(ctx, seen, s.Change); err != nil {
			return undo, err
		}
		if err := p.await(ctx, seen, s.Effect); err != nil {
			return undo, err
		}
	}
	return undo, nil
}

// run runs one script at a place, stopping at the first command that fails.
func (p spot) run(ctx context.Context, variables, script string) (string, error) {
	if strings.TrimSpace(script) == "" {
		return "", nil
	}
	argv := []string{"sh", "-c", "set -e\n" + p.prelude + variables + script}
	if p.inside != "" {
		argv = []string{"sh", "-c", intoPod, "sh", p.inside, argv[2]}
	}
	out, err := p.runner.Run(ctx, argv...)
	var failed *bed.CommandError
	if errors.As(err, &failed) { // without what every script begins with
		return out, fmt.Errorf("%s: %q: exit code %d: %s", failed.Place, script, failed.ExitCode, strings.TrimSpace(failed.Stderr))
	}
	return out, err
}

// await runs a condition until it holds.
func (p spot) await(ctx context.Context, variables, condition string) error {
	if strings.TrimSpace(condition) == "" {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, EffectTimeout, fmt.Errorf("not in effect within %s", EffectTimeout))
	defer cancel()
	var last error
	err := wait.PollUntilContextCancel(ctx, effectPoll, true, func(ctx context.Context) (bool, error) {
		_, last = p.run(ctx, variables, condition)
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
