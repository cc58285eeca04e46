package scenario

import (
	"context"
	"errors"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/wait"
	kubevirtv1 "kubevirt.io/api/core/v1"
)

// Restart stops VMs, waits until nothing of their instances is left, starts them again, and waits for the first command in
// each guest. Without KVM one starts when the one before runs, in the order given (why, see emulatedTurn): where a VM's pod
// must be on another's node, name it after that. One that fails does not end the others.
func (r *Running) Restart(ctx context.Context, vms ...string) error {
	return oneByOne(vms, r.facts.Emulation, func(vm string, turn <-chan struct{}, over func()) error {
		return r.restart(ctx, vm, turn, over)
	})
}

// oneByOne does something to all at the same time. Each waits for its turn in it; that ends with over, or when do returns. If
// apart, a turn begins when that of the one before has ended; else all turns have begun.
func oneByOne(vms []string, apart bool, do func(vm string, turn <-chan struct{}, over func()) error) error {
	errs := make([]error, len(vms))
	turn := make(chan struct{})
	close(turn)
	var group sync.WaitGroup
	for i, vm := range vms {
		mine, mineOver := turn, make(chan struct{})
		over := sync.OnceFunc(func() { close(mineOver) })
		group.Go(func() {
			errs[i] = do(vm, mine, over)
			<-mine // who failed before it is followed at its turn, too
			over()
		})
		if apart {
			turn = mineOver
		}
	}
	group.Wait()
	return errors.Join(errs...)
}

// restart starts the VM when it is its turn, and says when that is over.
func (r *Running) restart(ctx context.Context, vm string, turn <-chan struct{}, over func()) error {
	machines := r.bed.KubeVirt.VirtualMachine(r.NamespaceOf(vm))
	if err := r.step("stop "+vm, func() error {
		err := r.setRunning(ctx, vm, false, func() error {
			return machines.Stop(ctx, vm, &kubevirtv1.StopOptions{GracePeriod: new(int64)})
		})
		if err != nil {
			return fmt.Errorf("stop %s: %w", vm, err)
		}
		return r.awaitStopped(ctx, vm)
	}); err != nil {
		return err
	}
	r.leave(vm)
	select {
	case <-turn:
	case <-ctx.Done():
		return fmt.Errorf("start %s: it has not had its turn: %w", vm, context.Cause(ctx))
	}
	err := r.setRunning(ctx, vm, true, func() error { return machines.Start(ctx, vm, &kubevirtv1.StartOptions{}) })
	if err == nil {
		r.forget()
		err = r.awaitVM(ctx, vm, false)
	}
	over()
	if err != nil {
		return fmt.Errorf("start %s: %w", vm, err)
	}
	return r.awaitVM(ctx, vm, true)
}

// setRunning asks for the start or the stop of a VM. virt-api answers with a conflict where the VM is to be so already.
func (r *Running) setRunning(ctx context.Context, vm string, running bool, ask func() error) error {
	return insist(ctx, func() error {
		err := ask()
		if !apierrors.IsConflict(err) {
			return err
		}
		now, read := r.bed.KubeVirt.VirtualMachine(r.NamespaceOf(vm)).Get(ctx, vm, metav1.GetOptions{})
		if read != nil {
			return read
		}
		if strategy, read := now.RunStrategy(); read == nil && (strategy != kubevirtv1.RunStrategyHalted) == running {
			return nil
		}
		return err
	})
}

// awaitStopped waits until neither instance nor launcher of a VM is left.
func (r *Running) awaitStopped(ctx context.Context, vm string) error {
	bounded, cancel := r.bound(ctx, r.timeouts.VMsGone)
	defer cancel()
	err := wait.PollUntilContextCancel(bounded, poll, true, func(ctx context.Context) (bool, error) {
		now, err := r.look(ctx)
		if err != nil {
			return false, r.tolerate(err)
		}
		return now.vmis[vm] == nil && len(now.launchers(vm)) == 0, nil
	})
	return r.explain(bounded, err, vm+" stopped", "VMsGone", r.timeouts.VMsGone,
		func() string { return vmTrouble(ctx, r.bed, r.NamespaceOf(vm), vm) })
}

// Migrate moves a VM to another node while it runs, and waits until it is there.
func (r *Running) Migrate(ctx context.Context, vm string) error {
	namespace := r.NamespaceOf(vm)
	before, err := r.bed.KubeVirt.VirtualMachineInstance(namespace).Get(ctx, vm, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("migrate %s: %w", vm, err)
	}
	migrations := r.bed.KubeVirt.VirtualMachineInstanceMigration(namespace)
	move := &kubevirtv1.VirtualMachineInstanceMigration{
		ObjectMeta: metav1.ObjectMeta{Name: vm + "-" + rand.String(5), Namespace: namespace, Labels: r.labels()},
		Spec:       kubevirtv1.VirtualMachineInstanceMigrationSpec{VMIName: vm},
	}
	err = insist(ctx, func() error {
		_, err := migrations.Create(ctx, move, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("migrate %s: %w", vm, err)
	}
	bounded, cancel := r.bound(ctx, r.timeouts.Migration)
	defer cancel()
	phase := "not begun"
	err = wait.PollUntilContextCancel(bounded, poll, true, func(ctx context.Context) (bool, error) {
		now, err := migrations.Get(ctx, move.Name, metav1.GetOptions{})
		if err != nil {
			return false, r.tolerate(err)
		}
		phase = string(now.Status.Phase)
		switch now.Status.Phase {
		case kubevirtv1.MigrationFailed:
			return false, &FailedError{What: "migration of " + vm, Trouble: vmTrouble(ctx, r.bed, namespace, vm)}
		case kubevirtv1.MigrationSucceeded:
		default:
			return false, nil
		}
		vmi, err := r.bed.KubeVirt.VirtualMachineInstance(namespace).Get(ctx, vm, metav1.GetOptions{})
		if err != nil {
			return false, r.tolerate(err)
		}
		return vmi.Status.NodeName != before.Status.NodeName, nil
	})
	r.forget()
	if err != nil { // it would go on behind the back of whoever moves the VM again
		_ = migrations.Delete(context.WithoutCancel(ctx), move.Name, metav1.DeleteOptions{})
	}
	return r.explain(bounded, err, "migration of "+vm, "Migration", r.timeouts.Migration,
		func() string { return "it is " + phase + "; " + vmTrouble(ctx, r.bed, namespace, vm) })
}

// DeleteNetwork asks for the end of a network, by its key, and does not wait for it.
func (r *Running) DeleteNetwork(ctx context.Context, key string) error {
	for _, n := range r.Networks() {
		if n.Key != key {
			continue
		}
		o := &unstructured.Unstructured{}
		o.SetGroupVersionKind(n.Kind())
		o.SetName(n.Name)
		o.SetNamespace(n.Namespace)
		if err := insist(ctx, func() error { return r.bed.Objects.Delete(ctx, o) }); err != nil {
			return fmt.Errorf("delete network %s: %w", key, err)
		}
		return nil
	}
	return fmt.Errorf("delete network %s: %w", key, errors.New("the scenario has none of that name"))
}
