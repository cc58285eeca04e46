package fault

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
)

const (
	// RenewTimeout bounds a VM's way from the end of its old instance to the first command in the new one.
	RenewTimeout = 15 * time.Minute
	// attemptTimeout bounds one try to get into a guest that boots.
	attemptTimeout = 20 * time.Second
)

// Renumber starts a VM again with another vmNetworkCIDR on its first network, and has the manifest ask for it: what is
// broken is what the scenario promises, not what the VM makes of it.
type Renumber struct{ VM, CIDR string }

// Reversible is true: the VM is started again with what it had.
func (Renumber) Reversible() bool { return true }

// Do changes the VM and waits until its guest can be commanded again.
func (r Renumber) Do(ctx context.Context, w *World) (Undo, error) {
	vm, err := w.Bed.KubeVirt.VirtualMachine(w.Running.Namespace).Get(ctx, r.VM, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("VM %s: %w", r.VM, err)
	}
	networks := vm.Spec.Template.Spec.Networks
	if len(networks) == 0 || networks[0].Pod == nil {
		return nil, fmt.Errorf("VM %s: its first network is not the pod network", r.VM)
	}
	undo, err := w.pledge(record{Renumber: &renumbered{VM: r.VM, Was: networks[0].Pod.VMNetworkCIDR}})
	if err != nil {
		return nil, err
	}
	return undo, w.renumber(ctx, r.VM, r.CIDR)
}

// renumbered is a VM with the vmNetworkCIDR that it had.
type renumbered struct {
	VM  string `json:"vm"`
	Was string `json:"was"`
}

func (r *renumbered) takeBack(ctx context.Context, w *World) error {
	return w.renumber(ctx, r.VM, r.Was)
}

func (w *World) renumber(ctx context.Context, name, cidr string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, RenewTimeout, fmt.Errorf("VM %s did not come back within %s", name, RenewTimeout))
	defer cancel()
	pod := map[string]any{}
	if cidr != "" {
		pod["vmNetworkCIDR"] = cidr
	}
	patch, err := json.Marshal([]map[string]any{{"op": "replace", "path": "/spec/template/spec/networks/0/pod", "value": pod}})
	if err != nil {
		return err
	}
	if _, err := w.Bed.KubeVirt.VirtualMachine(w.Running.Namespace).Patch(ctx, name, types.JSONPatchType, patch, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("VM %s: %w", name, err)
	}
	for i, s := range w.Running.Specs {
		if s.Name == name && len(s.Interfaces) > 0 {
			w.Running.Specs[i].Interfaces[0].VMNetworkCIDR = cidr
		}
	}
	return w.renew(ctx, name)
}

// renew ends a VM's instance, which a VM that always runs replaces, and waits for the first command in the new guest.
func (w *World) renew(ctx context.Context, vm string) error {
	instances := w.Bed.KubeVirt.VirtualMachineInstance(w.Running.Namespace)
	old, err := instances.Get(ctx, vm, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		old = &kubevirtv1.VirtualMachineInstance{} // it is being replaced already
	} else if err != nil {
		return fmt.Errorf("VM %s: %w", vm, err)
	}
	if err := instances.Delete(ctx, vm, metav1.DeleteOptions{GracePeriodSeconds: ptr.To(int64(0))}); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("VM %s: %w", vm, err)
	}
	var last error
	err = wait.PollUntilContextCancel(ctx, effectPoll, true, func(ctx context.Context) (bool, error) {
		now, err := instances.Get(ctx, vm, metav1.GetOptions{})
		if last = err; err != nil {
			return false, nil //nolint:nilerr // asked again until the timeout
		}
		last = fmt.Errorf("its instance is %s", now.Status.Phase)
		return now.UID != old.UID && now.Status.Phase == kubevirtv1.Running, nil
	})
	if err != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), last)
	}
	err = wait.PollUntilContextCancel(ctx, effectPoll, true, func(ctx context.Context) (bool, error) {
		attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
		defer cancel()
		guest, err := w.Running.Guest(attempt, vm)
		if err == nil {
			_, err = guest.Run(attempt, "sh", "-c", w.Running.Profile.Serve)
		}
		last = err
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), last)
	}
	return nil
}
