package fault

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	networking "k8s.io/client-go/kubernetes/typed/networking/v1"
)

// Apply applies another manifest of the scenario's folder; taken back, its objects are deleted.
type Apply struct{ File string }

// Reversible is true: what was applied is deleted.
func (Apply) Reversible() bool { return true }

// Do applies the manifest, and waits for VMs in it.
func (a Apply) Do(ctx context.Context, w *World) (Undo, error) {
	undo, err := w.pledge(record{Apply: &a})
	if err != nil {
		return nil, err
	}
	return undo, w.Running.Apply(ctx, a.File)
}

func (a Apply) takeBack(ctx context.Context, w *World) error { return w.Running.Delete(ctx, a.File) }

// Retarget points a Service's selector at a label that no pod has.
type Retarget struct{ Service string }

// Reversible is true: the selector that was there is put back.
func (Retarget) Reversible() bool { return true }

// Do changes the selector, and waits until the control plane has no endpoint for it any more.
func (r Retarget) Do(ctx context.Context, w *World) (Undo, error) {
	svc, err := w.Bed.Kube.CoreV1().Services(w.Running.Namespace).Get(ctx, r.Service, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("service %s: %w", r.Service, err)
	}
	undo, err := w.pledge(record{Retarget: &retargeted{Service: r.Service, Was: svc.Spec.Selector}})
	if err != nil {
		return nil, err
	}
	return undo, w.retarget(ctx, r.Service, map[string]string{"app.kubernetes.io/name": "nobody"}, false)
}

// retargeted is a Service with the selector that it had.
type retargeted struct {
	Service string            `json:"service"`
	Was     map[string]string `json:"was"`
}

func (r *retargeted) takeBack(ctx context.Context, w *World) error {
	return w.retarget(ctx, r.Service, r.Was, true)
}

func (w *World) retarget(ctx context.Context, service string, selector map[string]string, backends bool) error {
	patch, err := json.Marshal([]map[string]any{{"op": "replace", "path": "/spec/selector", "value": selector}})
	if err != nil {
		return err
	}
	services := w.Bed.Kube.CoreV1().Services(w.Running.Namespace)
	if _, err := services.Patch(ctx, service, types.JSONPatchType, patch, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("service %s: %w", service, err)
	}
	return w.endpoints(ctx, service, backends)
}

// endpoints waits until a Service has backends, or none.
func (w *World) endpoints(ctx context.Context, service string, want bool) error {
	return until(ctx, "the endpoints of service "+service+" did not follow", func(ctx context.Context) error {
		slices, err := w.Bed.Kube.DiscoveryV1().EndpointSlices(w.Running.Namespace).List(ctx,
			metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=" + service})
		if err != nil {
			return err
		}
		n := 0
		for _, s := range slices.Items {
			n += len(s.Endpoints)
		}
		if (n > 0) != want {
			return fmt.Errorf("there are %d", n)
		}
		return nil
	})
}

// DeletePolicies deletes each NetworkPolicy of the scenario's namespace as soon as it appears, until taken back.
type DeletePolicies struct{}

// Reversible is true: taken back, policies stay.
func (DeletePolicies) Reversible() bool { return true }

// Do starts to watch. A watch ends with the client's timeout, or with the API server's patience: then the next begins.
func (DeletePolicies) Do(ctx context.Context, w *World) (Undo, error) {
	policies := w.Bed.Kube.NetworkingV1().NetworkPolicies(w.Running.Namespace)
	list, err := policies.List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("network policies: %w", err)
	}
	if len(list.Items) > 0 {
		return nil, fmt.Errorf("network policy %s is there already", list.Items[0].Name)
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	watcher, err := policies.Watch(life, metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	if err != nil {
		stop()
		return nil, fmt.Errorf("watch network policies: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		deleteAll(life, policies, watcher)
	}()
	return stopped(stop, ended), nil
}

// stopped is the undo of what runs until it is stopped.
func stopped(stop context.CancelFunc, ended <-chan struct{}) Undo {
	return func(ctx context.Context) error {
		stop()
		select {
		case <-ended:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// deleteAll deletes what appears in a watch, and in those after it, until ctx ends. That a policy is gone already is as
// good, and one that could not be deleted shows in the claim that survives.
func deleteAll(ctx context.Context, policies networking.NetworkPolicyInterface, watcher watch.Interface) {
	for {
		for event := range watcher.ResultChan() {
			if object, ok := event.Object.(metav1.Object); ok && event.Type == watch.Added {
				_ = policies.Delete(ctx, object.GetName(), metav1.DeleteOptions{})
			}
		}
		watcher.Stop()
		err := wait.PollUntilContextCancel(ctx, effectPoll, true, func(ctx context.Context) (bool, error) {
			next, err := policies.Watch(ctx, metav1.ListOptions{}) // begins with what is there
			watcher = next
			return err == nil, nil
		})
		if err != nil {
			return
		}
	}
}
