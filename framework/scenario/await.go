package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

// sshAttempt bounds one try to get into a guest that boots; a refused try comes back sooner.
const sshAttempt = 20 * time.Second

// Await waits as Deploy does, for everything that is applied by now: after VMs were restarted or moved.
func (r *Running) Await(ctx context.Context) error { return r.await(ctx) }

// await waits for everything that was applied, all at once; the first hopeless thing ends all waits.
func (r *Running) await(ctx context.Context) error {
	r.forget()
	now, err := r.look(ctx)
	if err != nil {
		return fmt.Errorf("list the pods of %s: %w", r.Scenario, err)
	}
	group, waits := errgroup.WithContext(ctx)
	for _, p := range now.pods {
		if p.Labels[kubevirtv1.AppLabel] != "" {
			continue // a launcher: its VM is waited for
		}
		group.Go(func() error {
			return r.step("pod "+p.Name+" Ready", func() error { return r.awaitPod(waits, p.Name) })
		})
	}
	group.Go(func() error { return r.awaitVMs(waits, r.Specs) })
	if err := group.Wait(); err != nil {
		return err
	}
	return r.readAddresses(ctx)
}

// awaitVMs waits until the VMs run, and for a command in the guest of each that is no spare.
func (r *Running) awaitVMs(ctx context.Context, specs []model.VMSpec) error {
	return r.awaitEach(ctx, r.expected(specs), func(s model.VMSpec) bool { return !s.Spare })
}

// AwaitSpares waits for a command in the guests that Deploy does not wait for.
func (r *Running) AwaitSpares(ctx context.Context) error {
	return r.awaitEach(ctx, r.spares(), func(model.VMSpec) bool { return true })
}

func (r *Running) awaitEach(ctx context.Context, specs []model.VMSpec, inside func(model.VMSpec) bool) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range specs {
		group.Go(func() error { return r.awaitVM(ctx, s.Name, inside(s)) })
	}
	return group.Wait()
}

// expected leaves out the VMs that are documented not to work.
func (r *Running) expected(specs []model.VMSpec) []model.VMSpec {
	return slices.DeleteFunc(slices.Clone(specs), func(s model.VMSpec) bool { return s.Group != "" && s.Group == r.definition.tried })
}

func (r *Running) spares() []model.VMSpec {
	return slices.DeleteFunc(r.expected(r.Specs), func(s model.VMSpec) bool { return !s.Spare })
}

func (r *Running) awaitVM(ctx context.Context, vm string, inside bool) error {
	err := r.step(vm+" Running", func() error { return r.awaitRunning(ctx, vm) })
	if err == nil && inside {
		err = r.step(vm+" SSH", func() error { return r.awaitSSH(ctx, vm) })
	}
	var lame *lameError
	if !errors.As(err, &lame) {
		return err
	}
	if err := r.step(vm+" started once more, as "+lame.Error(), func() error { return r.renew(ctx, vm, lame.uid) }); err != nil || !inside {
		return err
	}
	return r.step(vm+" SSH", func() error { return r.awaitSSH(ctx, vm) })
}

func (r *Running) awaitPod(ctx context.Context, name string) error {
	bounded, cancel := r.bound(ctx, r.timeouts.PodReady)
	defer cancel()
	last := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: r.PodNamespace(name)}}
	images := r.patience()
	err := wait.PollUntilContextCancel(bounded, poll, true, func(ctx context.Context) (bool, error) {
		now, err := r.look(ctx)
		if err != nil {
			return false, r.tolerate(err)
		}
		pod := now.pods[name]
		if pod == nil {
			return false, nil
		}
		last = pod
		if pod.Status.Phase == corev1.PodFailed || images.exhausted(pod) {
			return false, &FailedError{What: "pod " + name, Trouble: podTrouble(ctx, r.bed, pod)}
		}
		return bed.PodReady(pod), nil
	})
	return r.explain(bounded, err, "pod "+name+" Ready", "PodReady", r.timeouts.PodReady,
		func() string { return podTrouble(ctx, r.bed, last) })
}

func (r *Running) awaitRunning(ctx context.Context, name string) error {
	bounded, cancel := r.bound(ctx, r.timeouts.VMIRunning)
	defer cancel()
	images := r.patience()
	err := wait.PollUntilContextCancel(bounded, poll, true, func(ctx context.Context) (bool, error) {
		now, err := r.look(ctx)
		if err != nil {
			return false, r.tolerate(err)
		}
		vmi := now.vmis[name]
		if vmi == nil {
			return false, r.vmHopeless(ctx, name)
		}
		switch vmi.Status.Phase {
		case kubevirtv1.Failed, kubevirtv1.Succeeded:
			return false, &FailedError{What: name, Trouble: vmTrouble(ctx, r.bed, r.NamespaceOf(name), name)}
		case kubevirtv1.Running:
			return true, nil
		case kubevirtv1.Scheduled:
			return false, r.lame(ctx, name)
		case kubevirtv1.Scheduling:
			for _, pod := range now.launchers(name) {
				if images.exhausted(pod) {
					return false, &FailedError{What: name, Trouble: vmTrouble(ctx, r.bed, r.NamespaceOf(name), name)}
				}
			}
		}
		return false, nil
	})
	return r.explain(bounded, err, name+" Running", "VMIRunning", r.timeouts.VMIRunning,
		func() string { return vmTrouble(ctx, r.bed, r.NamespaceOf(name), name) })
}

// vmHopeless looks at a VM that has no VMI at the moment.
func (r *Running) vmHopeless(ctx context.Context, name string) error {
	vm, err := r.bed.KubeVirt.VirtualMachine(r.NamespaceOf(name)).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return r.tolerate(err)
	}
	if vm.Status.PrintableStatus == kubevirtv1.VirtualMachineStatusCrashLoopBackOff {
		return &FailedError{What: name, Trouble: vmTrouble(ctx, r.bed, r.NamespaceOf(name), name)}
	}
	return nil
}

// awaitSSH waits for the first command in a guest, and starts its HTTP server.
func (r *Running) awaitSSH(ctx context.Context, name string) error {
	bounded, cancel := r.bound(ctx, r.timeouts.SSH)
	defer cancel()
	last := "nothing tried"
	err := wait.PollUntilContextCancel(bounded, retrySSH, true, func(ctx context.Context) (bool, error) {
		attempt, cancel := context.WithTimeout(ctx, sshAttempt)
		defer cancel()
		if _, err := r.guest(name).Run(attempt, "sh", "-c", r.Profile.Serve); err != nil {
			last = err.Error()
			return false, r.lame(ctx, name)
		}
		return true, nil
	})
	return r.explain(bounded, err, name+" SSH", "SSH", r.timeouts.SSH,
		func() string { return last + "; " + vmTrouble(ctx, r.bed, r.NamespaceOf(name), name) })
}

// tolerate lets a wait go on over what passes by itself.
func (r *Running) tolerate(err error) error {
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		return err
	}
	return nil
}

// explain turns the end of a bounded wait into an error that says what it was.
func (r *Running) explain(bounded context.Context, err error, what, timeout string, after time.Duration, trouble func() string) error {
	if err == nil {
		return nil
	}
	if context.Cause(bounded) == errTimeout { //nolint:errorlint // our own sentinel, never wrapped
		return &TimeoutError{What: what, Timeout: timeout, After: after, Trouble: trouble()}
	}
	return err
}

// patience gives image pulls time to recover.
type patience struct {
	limit time.Duration
	since time.Time
}

func (r *Running) patience() *patience { return &patience{limit: r.timeouts.ImagePull} }

// exhausted is true once a container of the pod has failed to get its image for too long.
func (p *patience) exhausted(pod *corev1.Pod) bool {
	failing := slices.ContainsFunc(append(slices.Clone(pod.Status.InitContainerStatuses), pod.Status.ContainerStatuses...),
		func(c corev1.ContainerStatus) bool {
			return c.State.Waiting != nil && slices.Contains([]string{"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}, c.State.Waiting.Reason)
		})
	switch {
	case !failing:
		p.since = time.Time{}
	case p.since.IsZero():
		p.since = time.Now()
	}
	return failing && time.Since(p.since) > p.limit
}
