package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// Teardown removes the scenario: VMs with their pods, then the networks, then the namespaces with the rest. A network that
// is still used, or whose namespace is gone, hangs on its finalizer. The physical side comes last, whether or not the rest
// went. Each part is bounded; the error says what is left and which finalizers hold it.
func (r *Running) Teardown(ctx context.Context) error {
	r.mu.Lock()
	guests := r.guests
	r.guests = map[string]*guest{}
	r.mu.Unlock()
	for _, g := range guests { // unlocked: one that is being entered asks for the lock
		g.close()
	}
	return r.step("teardown", func() error {
		var err error
		if r.ours.Load() {
			err = remove(ctx, r.bed, r.RunID, r.timeouts)
		}
		// whatever is left of the scenario: nodes are not to stay changed
		if err := errors.Join(err, r.leavePhysical(ctx)); err != nil {
			return err
		}
		if r.keys == "" {
			return nil
		}
		if err := os.Remove(r.keys); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove the guests' keys: %w", err)
		}
		return nil
	})
}

// Leftovers lists the namespaces of scenarios in the cluster, whichever run made them.
func Leftovers(ctx context.Context, b *bed.Bed) ([]string, error) {
	list, err := b.Kube.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: bed.PartOfLabel + "=" + bed.PartOf + "," + instanceLabel})
	if err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	var names []string
	for _, n := range list.Items {
		names = append(names, n.Name)
	}
	return names, nil
}

// remove takes away what a run made, in all of its namespaces.
func remove(ctx context.Context, b *bed.Bed, runID string, t Timeouts) error {
	mine := metav1.ListOptions{LabelSelector: bed.PartOfLabel + "=" + bed.PartOf + "," + instanceLabel + "=" + runID}
	bounded, cancel := context.WithTimeoutCause(ctx, t.VMsGone, errTimeout)
	defer cancel()
	vms, err := b.KubeVirt.VirtualMachine(metav1.NamespaceAll).List(bounded, mine)
	var errs []error
	if err != nil { // the namespaces go all the same
		errs, vms = append(errs, fmt.Errorf("list the VMs of run %s: %w", runID, err)), &kubevirtv1.VirtualMachineList{}
	}
	for _, vm := range vms.Items {
		err := b.KubeVirt.VirtualMachine(vm.Namespace).Delete(bounded, vm.Name, metav1.DeleteOptions{GracePeriodSeconds: ptr.To(int64(0))})
		if err != nil && !apierrors.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("delete VM %s: %w", vm.Name, err))
		}
	}
	errs = append(errs, awaitNone(bounded, b, mine, "", t), removePods(ctx, b, mine), removeNetworks(ctx, b, mine, t))
	spaces, err := b.Kube.CoreV1().Namespaces().List(ctx, mine)
	if err != nil {
		return errors.Join(append(errs, fmt.Errorf("list the namespaces of run %s: %w", runID, err))...)
	}
	gone, cancelGone := context.WithTimeoutCause(ctx, t.NamespaceGone, errTimeout)
	defer cancelGone()
	// even when a VM hangs: the namespaces are marked for deletion and go when the VM does
	group := errgroup.Group{}
	for _, space := range spaces.Items {
		group.Go(func() error { return b.RemoveNamespace(gone, space.Name) })
	}
	return errors.Join(append(errs, group.Wait())...)
}

// podsAsked bounds the requests for the end of the fixture pods, which is waited for with the namespaces'.
const podsAsked = 30 * time.Second

// removePods ends the fixture pods: they use the networks as VMs do.
func removePods(ctx context.Context, b *bed.Bed, mine metav1.ListOptions) error {
	ctx, cancel := context.WithTimeout(ctx, podsAsked)
	defer cancel()
	pods, err := b.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, mine)
	if err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	var errs []error
	for _, p := range pods.Items {
		err := b.Kube.CoreV1().Pods(p.Namespace).Delete(ctx, p.Name, metav1.DeleteOptions{GracePeriodSeconds: ptr.To(int64(0))})
		errs = append(errs, client.IgnoreNotFound(err))
	}
	return errors.Join(errs...)
}

// removeNetworks asks for the end of the run's networks and waits for it. The attachments that OVN-Kubernetes made of
// them have not the run's label, and go with them.
func removeNetworks(ctx context.Context, b *bed.Bed, mine metav1.ListOptions, t Timeouts) error {
	ctx, cancel := context.WithTimeoutCause(ctx, t.NetworksGone, errTimeout)
	defer cancel()
	selector, err := labels.Parse(mine.LabelSelector)
	if err != nil {
		return err
	}
	var left []string
	looks := 0
	err = wait.PollUntilContextCancel(ctx, poll, true, func(ctx context.Context) (bool, error) {
		left = nil
		looks++
		for _, kind := range []schema.GroupVersionKind{UDNKind, CUDNKind, NADKind} {
			list := &unstructured.UnstructuredList{}
			list.SetGroupVersionKind(kind)
			switch err := b.Objects.List(ctx, list, client.MatchingLabelsSelector{Selector: selector}); {
			case meta.IsNoMatchError(err):
				continue // a cluster without such networks
			case err != nil:
				return false, nil //nolint:nilerr // asked again until the timeout
			}
			for i := range list.Items {
				n := &list.Items[i]
				left = append(left, fmt.Sprintf("%s %s/%s (finalizers %s)", kind.Kind, n.GetNamespace(), n.GetName(), strings.Join(n.GetFinalizers(), ", ")))
				if n.GetDeletionTimestamp() == nil {
					_ = b.Objects.Delete(ctx, n) // one that is still there is asked for again
				} else if looks%nudge == 0 {
					_ = touch(ctx, b, n) // it only makes the end come sooner
				}
			}
		}
		return len(left) == 0, nil
	})
	if err == nil {
		return nil
	}
	if context.Cause(ctx) == errTimeout { //nolint:errorlint // our own sentinel, never wrapped
		return &TimeoutError{What: "end of the networks", Timeout: "NetworksGone", After: t.NetworksGone, Trouble: "still there: " + strings.Join(left, ", ")}
	}
	return err
}

// nudge is after how many looks a network that is on its way out is touched again.
const nudge = 4

// touch has OVN-Kubernetes look at a network that was in use when its deletion was asked for: by itself it does so once a
// minute (go-controller/pkg/clustermanager/userdefinednetwork/controller.go, defaultNetworkInUseCheckInterval), and on any
// change of the object.
func touch(ctx context.Context, b *bed.Bed, n *unstructured.Unstructured) error {
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, bed.PartOf+"/asked-again", time.Now().UTC().Format(time.RFC3339))
	return b.Objects.Patch(ctx, n.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch)))
}

// awaitGone waits until a VM with its pods is gone.
func (r *Running) awaitGone(ctx context.Context, vm string) error {
	bounded, cancel := r.bound(ctx, r.timeouts.VMsGone)
	defer cancel()
	return awaitNone(bounded, r.bed, r.mine(), vm, r.timeouts)
}

// awaitNone waits until no VM, VMI and launcher pod is left, of one VM or (empty) of all.
func awaitNone(ctx context.Context, b *bed.Bed, mine metav1.ListOptions, vm string, t Timeouts) error {
	var left []string
	err := wait.PollUntilContextCancel(ctx, poll, true, func(ctx context.Context) (bool, error) {
		found, err := remaining(ctx, b, mine, vm)
		if err != nil {
			return false, nil //nolint:nilerr // asked again until the timeout
		}
		left = found
		return len(left) == 0, nil
	})
	if err == nil {
		return nil
	}
	if context.Cause(ctx) == errTimeout { //nolint:errorlint // our own sentinel, never wrapped
		return &TimeoutError{What: "end of the VMs", Timeout: "VMsGone", After: t.VMsGone, Trouble: "still there: " + strings.Join(left, ", ")}
	}
	return err
}

func remaining(ctx context.Context, b *bed.Bed, mine metav1.ListOptions, vm string) ([]string, error) {
	vms, err := b.KubeVirt.VirtualMachine(metav1.NamespaceAll).List(ctx, mine)
	if err != nil {
		return nil, err
	}
	vmis, err := b.KubeVirt.VirtualMachineInstance(metav1.NamespaceAll).List(ctx, mine)
	if err != nil {
		return nil, err
	}
	pods, err := b.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{LabelSelector: mine.LabelSelector + ",kubevirt.io=virt-launcher"})
	if err != nil {
		return nil, err
	}
	var left []string
	add := func(kind string, o client.Object, name string) {
		if vm != "" && name != vm {
			return
		}
		said := kind + " " + o.GetName()
		if held := o.GetFinalizers(); len(held) > 0 {
			said += " (finalizers " + strings.Join(held, ", ") + ")"
		}
		left = append(left, said)
	}
	for i := range vms.Items {
		add("VM", &vms.Items[i], vms.Items[i].Name)
	}
	for i := range vmis.Items {
		add("VMI", &vmis.Items[i], vmis.Items[i].Name)
	}
	for i := range pods.Items {
		add("pod", &pods.Items[i], pods.Items[i].Labels[nameLabel])
	}
	return left, nil
}
