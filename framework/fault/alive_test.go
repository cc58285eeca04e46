package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestUndoEndsWhereNobodyIs(t *testing.T) {
	n, told := &network{state: "fine"}, []string(nil)
	e := testEngine(n, &told)
	e.alivePoll, e.goneAfter = time.Millisecond, 20*time.Millisecond
	down := fmt.Errorf("dial tcp 10.0.0.1:6443: %w", syscall.ECONNREFUSED)
	e.alive = func(context.Context) error { return down }
	tries := 0
	start := time.Now()
	err := e.undo(t.Context(), "one", []Undo{
		func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }, // one that waits for something
		e.persist(func(context.Context) error { tries++; return down }),
	})
	if err == nil || !strings.Contains(err.Error(), "the cluster has refused connections for 20ms") || time.Since(start) > 30*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
	if tries < 2 {
		t.Errorf("tried %d times", tries)
	}
}

func TestUndoOutlastsARestart(t *testing.T) {
	n, told := &network{state: "fine"}, []string(nil)
	e := testEngine(n, &told)
	e.alivePoll, e.goneAfter = time.Millisecond, time.Minute
	var tries atomic.Int32
	e.alive = func(context.Context) error {
		if tries.Load() < 3 {
			return errors.New("dial tcp: connect: connection refused")
		}
		return nil
	}
	err := e.undo(t.Context(), "one", []Undo{e.persist(func(context.Context) error {
		if tries.Add(1) < 3 {
			return errors.New("exec: connection refused")
		}
		return nil
	})})
	if err != nil || tries.Load() != 3 {
		t.Errorf("%v after %d tries", err, tries.Load())
	}
}

func TestOtherErrorsAreNotTriedAgain(t *testing.T) {
	n, told := &network{state: "fine"}, []string(nil)
	tries := 0
	err := testEngine(n, &told).undo(t.Context(), "one", []Undo{func(context.Context) error { tries++; return errors.New("exit code 1") }})
	if err == nil || tries != 1 {
		t.Errorf("%v after %d tries", err, tries)
	}
}
