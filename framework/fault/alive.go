package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// goneAfter is how long connections to the cluster are refused until it counts as gone: its API server may restart.
	goneAfter = time.Minute
	alivePoll = 5 * time.Second
)

// refused says whether there was nobody to connect to. Not every client keeps the error's type.
func refused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || err != nil && strings.Contains(err.Error(), "connection refused")
}

// whileAlive gives a context that ends when the cluster is gone for good: nothing is left there to be taken back.
func (e *engine) whileAlive(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if e.alive == nil {
		return ctx, func() { cancel(nil) }
	}
	go func() {
		var since time.Time
		// it ends with its context
		_ = wait.PollUntilContextCancel(ctx, e.alivePoll, true, func(ctx context.Context) (bool, error) {
			err := e.alive(ctx)
			switch {
			case !refused(err):
				since = time.Time{}
			case since.IsZero():
				since = time.Now()
			case time.Since(since) >= e.goneAfter:
				cancel(fmt.Errorf("the cluster has refused connections for %s: %w", e.goneAfter, err))
				return true, nil
			}
			return false, nil
		})
	}()
	return ctx, func() { cancel(nil) }
}

// persist undoes, again while there is nobody to connect to.
func (e *engine) persist(undo Undo) Undo {
	return func(ctx context.Context) error {
		err := undo(ctx)
		for refused(err) {
			select {
			case <-ctx.Done():
				return errors.Join(context.Cause(ctx), err)
			case <-time.After(e.alivePoll):
				err = undo(ctx)
			}
		}
		return err
	}
}
