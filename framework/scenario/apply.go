package scenario

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/wait"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/facts"
)

// Apply applies another manifest of the scenario's folder, and for VMs in it waits as Deploy does.
func (r *Running) Apply(ctx context.Context, file string) error {
	objects, err := r.load(ctx, file)
	if err != nil {
		return err
	}
	bounded, cancel := r.bound(ctx, r.timeouts.Apply)
	defer cancel()
	spaces, networks, rest := sorted(objects)
	if err := r.step("apply "+file, func() error {
		if err := r.apply(bounded, append(spaces, networks...)); err != nil {
			return err
		}
		return r.apply(bounded, rest)
	}); err != nil {
		return err
	}
	return r.awaitVMs(ctx, r.specsOf(objects))
}

// Delete takes a manifest's objects away again, the last one first, and for VMs and pods waits until they are gone.
func (r *Running) Delete(ctx context.Context, file string) error {
	objects, err := r.load(ctx, file)
	if err != nil {
		return err
	}
	var errs []error
	for _, o := range slices.Backward(objects) {
		if err := r.bed.Objects.Delete(ctx, o); client.IgnoreNotFound(err) != nil {
			errs = append(errs, fmt.Errorf("delete %s: %w", o.GetName(), err))
		}
	}
	r.forget()
	for _, o := range objects {
		if pod, ok := o.(*corev1.Pod); ok {
			errs = append(errs, r.awaitPodGone(ctx, pod.Name))
		}
	}
	for _, vm := range virtualMachines(objects) {
		errs = append(errs, r.awaitGone(ctx, vm.Name))
		r.leave(vm.Name)
	}
	r.unnote(objects)
	return errors.Join(errs...)
}

// awaitPodGone waits until a fixture pod is no more.
func (r *Running) awaitPodGone(ctx context.Context, name string) error {
	bounded, cancel := r.bound(ctx, r.timeouts.VMsGone)
	defer cancel()
	err := wait.PollUntilContextCancel(bounded, poll, true, func(ctx context.Context) (bool, error) {
		now, err := r.look(ctx)
		if err != nil {
			return false, r.tolerate(err)
		}
		return now.pods[name] == nil, nil
	})
	return r.explain(bounded, err, "end of pod "+name, "VMsGone", r.timeouts.VMsGone, func() string { return "it is still there" })
}

// apply makes objects or changes them to what the manifest says, all at once, and notes the VMs among them.
func (r *Running) apply(ctx context.Context, objects []client.Object) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, o := range objects {
		group.Go(func() error { return r.applyOne(ctx, o) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	r.forget()
	return r.note(objects)
}

// start applies what starts pods, a few at a time, see turns; and before it everything else.
func (r *Running) start(ctx context.Context, objects []client.Object) error {
	var others, pods, vms, followers []client.Object
	for _, o := range objects {
		switch o := o.(type) {
		case *corev1.Pod:
			if follows(o) {
				followers = append(followers, o)
				continue
			}
			pods = append(pods, o)
		case *kubevirtv1.VirtualMachine:
			vms = append(vms, o)
		default:
			others = append(others, o)
		}
	}
	if err := r.apply(ctx, others); err != nil {
		return err
	}
	nodes, err := facts.NodesForVMs(ctx, r.bed)
	if err != nil {
		return err
	}
	turns, all := turnsFor(nodes)
	weigh := func(o client.Object) int64 { return r.weight(o, all) }
	return inTurns(ctx, turns, slices.Concat(pods, vms, followers), weigh, func(ctx context.Context, o client.Object) error {
		r.awaitLeader(ctx, o)
		if err := r.apply(ctx, []client.Object{o}); err != nil {
			return err
		}
		r.awaitTurn(ctx, o)
		return nil
	})
}

// follows says whether a pod must be on another's node, which is a VM's: its turn would pass while nobody is there.
func follows(p *corev1.Pod) bool {
	a := p.Spec.Affinity
	return a != nil && a.PodAffinity != nil && len(a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution) > 0
}

func (r *Running) applyOne(ctx context.Context, o client.Object) error {
	err := insist(ctx, func() error {
		wanted, ok := o.DeepCopyObject().(client.Object) // the answer is written into it
		if !ok {
			return fmt.Errorf("%T is no object", o)
		}
		//nolint:staticcheck // there are no apply configurations for KubeVirt's kinds
		err := r.bed.Objects.Patch(ctx, wanted, client.Apply, client.FieldOwner(bed.PartOf), client.ForceOwnership)
		if err == nil && hasStatus(o) {
			err = r.applyStatus(ctx, o)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("apply %s %s: %w", o.GetObjectKind().GroupVersionKind().Kind, o.GetName(), err)
	}
	return nil
}

// patientFor is how long a request is made again.
const patientFor = 5 * time.Minute

// insist asks again while the API server or a webhook behind it has trouble of its own, as right after start; at most for
// patientFor. A request may have come through although its answer did not: ask must bear that.
func insist(ctx context.Context, ask func() error) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, poll, patientFor, true, func(context.Context) (bool, error) {
		if last = ask(); refused(last) {
			return false, last
		}
		return last == nil, nil
	})
	if err == nil {
		return nil
	}
	return cmp.Or(last, err)
}

// applyStatus gives an object the status of its manifest; the API server takes it by itself alone.
func (r *Running) applyStatus(ctx context.Context, o client.Object) error {
	wanted, ok := o.DeepCopyObject().(client.Object)
	if !ok {
		return fmt.Errorf("%T is no object", o)
	}
	//nolint:staticcheck // as above
	return r.bed.Objects.Status().Patch(ctx, wanted, client.Apply, client.FieldOwner(bed.PartOf), client.ForceOwnership)
}

// refused is true for an error that the same request will meet again.
func refused(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsForbidden(err) ||
		apierrors.IsUnauthorized(err) || apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) ||
		apierrors.IsUnsupportedMediaType(err) || apierrors.IsRequestEntityTooLargeError(err) || meta.IsNoMatchError(err)
}
