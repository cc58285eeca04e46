package scenario

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/semaphore"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/model"
)

func one(client.Object) int64 { return 1 }

// A VM without KVM takes all turns, what else there is one.
func TestWeight(t *testing.T) {
	_, objects := placed(t, "primary-udn")
	for _, emulation := range []bool{false, true} {
		r := &Running{facts: model.Facts{Emulation: emulation}}
		for _, o := range objects {
			_, vm := o.(*kubevirtv1.VirtualMachine)
			want := int64(1)
			if vm && emulation {
				want = 6
			}
			if got := r.weight(o, 6); got != want {
				t.Errorf("%T %s, emulation %t: %d turns, want %d", o, o.GetName(), emulation, got, want)
			}
		}
	}
}

func TestInTurns(t *testing.T) {
	_, objects := placed(t, "primary-udn")
	var at, most, done atomic.Int32
	err := inTurns(t.Context(), semaphore.NewWeighted(2), objects, one, func(context.Context, client.Object) error {
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
	err := inTurns(ctx, semaphore.NewWeighted(1), objects, one, func(ctx context.Context, _ client.Object) error {
		<-ctx.Done()
		return nil
	})
	if !errors.Is(err, errTimeout) || !strings.Contains(err.Error(), objects[1].GetName()+" has not had its turn") {
		t.Errorf("%v", err)
	}
	broken := errors.New("refused")
	err = inTurns(t.Context(), semaphore.NewWeighted(1), objects, one, func(context.Context, client.Object) error { return broken })
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

// Each begins when the one before it is through or lost, whoever was ready first.
func TestOneByOne(t *testing.T) {
	broken := errors.New("did not stop")
	for apart, want := range map[bool][]string{true: {"a", "c", "d"}, false: {"d", "c", "a"}} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var order []string
			ready := map[string]time.Duration{"a": 3 * time.Second, "b": time.Second, "c": 2 * time.Second, "d": time.Second}
			err := oneByOne([]string{"a", "b", "c", "d"}, apart, func(vm string, turn <-chan struct{}, over func()) error {
				time.Sleep(ready[vm])
				if vm == "b" {
					return broken
				}
				<-turn
				mu.Lock()
				order = append(order, vm)
				mu.Unlock()
				over()
				return nil
			})
			if !errors.Is(err, broken) || !slices.Equal(order, want) {
				t.Errorf("apart %t: %q, %v", apart, order, err)
			}
		})
	}
}
