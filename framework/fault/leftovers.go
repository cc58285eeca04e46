package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmnet-project/vmnet/framework/scenario"
)

// attachTimeout bounds the way back into the VMs of a selftest that was killed.
const attachTimeout = 10 * time.Minute

// leftovers takes back what selftests left that could not do so themselves.
type leftovers struct {
	journal *journal
	// world is one without a scenario; attach gives that of a namespace, with VMs that can be commanded.
	world  *World
	attach func(ctx context.Context, namespace string) (*scenario.Running, error)
	tell   func(line string)
	// gone says whether a change went with what it was made at.
	gone func(ctx context.Context, w *World, r record) (bool, error)
}

// takeBack goes through the journal from its end, and through all of it whatever fails.
func (l leftovers) takeBack(ctx context.Context) error {
	worlds := map[string]*World{}
	var errs []error
	for _, r := range l.journal.left() {
		if err := l.one(ctx, r, worlds); err != nil {
			errs = append(errs, fmt.Errorf("%s, which an earlier selftest left: %w", r.Fault, err))
		}
	}
	return errors.Join(errs...)
}

func (l leftovers) one(ctx context.Context, r record, worlds map[string]*World) error {
	way, err := r.reversal()
	if err != nil {
		return err
	}
	gone, err := l.gone(ctx, l.world, r)
	if err != nil {
		return err
	}
	if gone {
		l.tell(r.Fault + ", which an earlier selftest left, went with what it was made at")
		return l.journal.strike(r.ID)
	}
	w, err := l.worldOf(ctx, r, worlds)
	if err != nil {
		return err
	}
	if err := way.takeBack(ctx, w); err != nil {
		return err
	}
	l.tell("took back " + r.Fault + ", which an earlier selftest left")
	return l.journal.strike(r.ID)
}

// worldOf enters a scenario only for what cannot be taken back from outside of it.
func (l leftovers) worldOf(ctx context.Context, r record, worlds map[string]*World) (*World, error) {
	if r.Script != nil && r.Script.Spot.Where != Guest {
		return l.world, nil
	}
	if w := worlds[r.Namespace]; w != nil {
		return w, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, attachTimeout, fmt.Errorf("its VMs cannot be commanded within %s", attachTimeout))
	defer cancel()
	running, err := l.attach(ctx, r.Namespace)
	if err != nil {
		return nil, fmt.Errorf("%w; or remove the namespaces %s*, and it goes with them", err, r.Namespace)
	}
	w := *l.world
	w.Running = running
	worlds[r.Namespace] = &w
	return &w, nil
}

// wentAway says whether what a record changed is gone: the pod, the VM's instance, or the scenario.
func wentAway(ctx context.Context, w *World, r record) (bool, error) {
	if r.Script != nil {
		return r.Script.Spot.gone(ctx, w)
	}
	space, err := w.Bed.Kube.CoreV1().Namespaces().Get(ctx, r.Namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	return err == nil && space.DeletionTimestamp != nil, err
}
