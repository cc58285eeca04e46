package scenario

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestInTurns(t *testing.T) {
	_, objects := placed(t, "primary-udn")
	var at, most, done atomic.Int32
	err := inTurns(t.Context(), semaphore.NewWeighted(2), objects, func(context.Context, client.Object) error {
		now := at.Add(1)
		for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() { //nolint:revive // a maximum
		}
		time.Sleep(time.Millisecond)
		at.Add(-1)
		done.Add(1)
		return nil
	})
	if err != nil || most.Load() != 2 || int(done.Load()) != len(objects) {
		t.Errorf("%v; at most %d at once, %d of %d done", err, most.Load(), done.Load(), len(objects))
	}
}

// What never had its turn is told: a VM that is not there would not be missed otherwise.
func TestATurnThatNeverCame(t *testing.T) {
	_, objects := placed(t, "primary-udn")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errTimeout)
	defer cancel()
	err := inTurns(ctx, semaphore.NewWeighted(1), objects, func(ctx context.Context, _ client.Object) error {
		<-ctx.Done()
		return nil
	})
	if !errors.Is(err, errTimeout) || !strings.Contains(err.Error(), objects[1].GetName()+" has not had its turn") {
		t.Errorf("%v", err)
	}
	broken := errors.New("refused")
	err = inTurns(t.Context(), semaphore.NewWeighted(1), objects, func(context.Context, client.Object) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("want the reason, got %v", err)
	}
}

func TestWhoseNodeIsPreferred(t *testing.T) {
	for scenario, want := range map[string]map[string]string{
		"primary-udn": {"vm-r": "vm-p"}, "secondary-udn": {}, "cluster-network": {},
	} {
		_, objects := placed(t, scenario)
		for i, o := range objects {
			got := leaderOf(o)
			if got != want[o.GetName()] {
				t.Errorf("%s follows %q", o.GetName(), got)
			}
			if got == "" {
				continue
			}
			// the leader has its turn before, or its follower would wait with all turns taken
			if named(objects[:i], got) == nil {
				t.Errorf("%s comes before %s", o.GetName(), got)
			}
		}
	}
}
