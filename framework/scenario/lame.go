package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	kubevirtv1 "kubevirt.io/api/core/v1"
)

// lameError is an instance of a VM that will never be ready, or not even run: its kernel's container is over. On a slow machine
// virt-handler gives a start up when a deadline passes, which ends the container that held the kernel, and then starts the
// guest in the same launcher all the same; its addresses are never told.
type lameError struct {
	container string
	uid       types.UID
}

func (e *lameError) Error() string { return "container " + e.container + " of its launcher is over" }

// lame is a *lameError where the VM's instance is one and guests run without KVM; with it nobody misses those deadlines, and
// what looks like this is something else.
func (r *Running) lame(ctx context.Context, vm string) error {
	if !r.facts.Emulation {
		return nil
	}
	now, err := r.look(ctx)
	if err != nil {
		return r.tolerate(err)
	}
	vmi := now.vmis[vm]
	if vmi == nil || vmi.IsFinal() || vmi.DeletionTimestamp != nil {
		return nil
	}
	for _, pod := range now.launchers(vm) {
		if c := over(pod); c != "" {
			return &lameError{container: c, uid: vmi.UID}
		}
	}
	return nil
}

// kernelContainer is how the name of the one begins that holds the kernel (KubeVirt, pkg/container-disk:
// KernelBootVolumeName).
const kernelContainer = "volumekernel-boot"

// over names the kernel's container of a launcher where that has ended while the guest's runs; empty for none.
func over(launcher *corev1.Pod) string {
	running := func(c corev1.ContainerStatus) bool { return c.Name == "compute" && c.State.Running != nil }
	if launcher.DeletionTimestamp != nil || !slices.ContainsFunc(launcher.Status.ContainerStatuses, running) {
		return ""
	}
	for _, c := range launcher.Status.ContainerStatuses {
		if strings.HasPrefix(c.Name, kernelContainer) && c.State.Terminated != nil {
			return c.Name
		}
	}
	return ""
}

// renew takes a VM's instance away, and waits until the one that KubeVirt makes in its place runs.
func (r *Running) renew(ctx context.Context, vm string, uid types.UID) error {
	instances := r.bed.KubeVirt.VirtualMachineInstance(r.NamespaceOf(vm))
	err := instances.Delete(ctx, vm, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete the instance of %s: %w", vm, err)
	}
	bounded, cancel := r.bound(ctx, r.timeouts.VMIRunning)
	defer cancel()
	err = wait.PollUntilContextCancel(bounded, poll, true, func(ctx context.Context) (bool, error) {
		now, err := r.look(ctx)
		if err != nil {
			return false, r.tolerate(err)
		}
		vmi := now.vmis[vm]
		return vmi != nil && vmi.UID != uid && vmi.Status.Phase == kubevirtv1.Running, nil
	})
	return r.explain(bounded, err, vm+" Running again", "VMIRunning", r.timeouts.VMIRunning,
		func() string { return vmTrouble(ctx, r.bed, r.NamespaceOf(vm), vm) })
}
