package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// Teardown removes the scenario: VMs with their pods, then the namespace with the rest. Networks would be
// deleted in between: one that is still used, or whose namespace is gone, hangs on its finalizer. Each part is
// bounded; the error says what is left and which finalizers hold it.
func (r *Running) Teardown(ctx context.Context) error {
	r.mu.Lock()
	for _, g := range r.guests {
		g.close()
	}
	r.guests = map[string]*guest{}
	r.mu.Unlock()
	return r.step("teardown", func() error {
		if err := remove(ctx, r.bed, r.Namespace, r.timeouts); err != nil || r.keys == "" {
			return err
		}
		if err := os.Remove(r.keys); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove the guests' keys: %w", err)
		}
		return nil
	})
}

// Remove tears down a scenario's namespace that an earlier run left behind.
func Remove(ctx context.Context, b *bed.Bed, namespace string) error {
	return remove(ctx, b, namespace, DefaultTimeouts())
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

func remove(ctx context.Context, b *bed.Bed, namespace string, t Timeouts) error {
	bounded, cancel := context.WithTimeoutCause(ctx, t.VMsGone, errTimeout)
	defer cancel()
	vms, err := b.KubeVirt.VirtualMachine(namespace).List(bounded, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list the VMs of %s: %w", namespace, err)
	}
	var errs []error
	for _, vm := range vms.Items {
		err := b.KubeVirt.VirtualMachine(namespace).Delete(bounded, vm.Name, metav1.DeleteOptions{GracePeriodSeconds: ptr.To(int64(0))})
		if err != nil && !apierrors.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("delete VM %s: %w", vm.Name, err))
		}
	}
	errs = append(errs, awaitNone(bounded, b, namespace, "", t))
	gone, cancelGone := context.WithTimeoutCause(ctx, t.NamespaceGone, errTimeout)
	defer cancelGone()
	// even when a VM hangs: the namespace is marked for deletion and goes when the VM does
	return errors.Join(append(errs, b.RemoveNamespace(gone, namespace))...)
}

// awaitGone waits until a VM with its pods is gone.
func (r *Running) awaitGone(ctx context.Context, vm string) error {
	bounded, cancel := r.bound(ctx, r.timeouts.VMsGone)
	defer cancel()
	return awaitNone(bounded, r.bed, r.Namespace, vm, r.timeouts)
}

// awaitNone waits until no VM, VMI and launcher pod is left, of one VM or (empty) of all.
func awaitNone(ctx context.Context, b *bed.Bed, namespace, vm string, t Timeouts) error {
	var left []string
	err := wait.PollUntilContextCancel(ctx, poll, true, func(ctx context.Context) (bool, error) {
		found, err := remaining(ctx, b, namespace, vm)
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
		return &TimeoutError{What: "end of the VMs in " + namespace, Timeout: "VMsGone", After: t.VMsGone, Trouble: "still there: " + strings.Join(left, ", ")}
	}
	return err
}

func remaining(ctx context.Context, b *bed.Bed, namespace, vm string) ([]string, error) {
	vms, err := b.KubeVirt.VirtualMachine(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	vmis, err := b.KubeVirt.VirtualMachineInstance(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	pods, err := b.Kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "kubevirt.io=virt-launcher"})
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
