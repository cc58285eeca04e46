package fault

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/scenario"
)

// TakePart has a spare VM take part in a stage: it is restarted or moved like the scenario's own. As it has no IPAMClaim,
// its address does not outlive its instance: OVN-Kubernetes gives addresses out round robin, one that was freed comes last
// (go-controller/pkg/allocator/ip/subnet: newIPAMAllocator).
type TakePart struct{ VM string }

// Reversible is true: in the next stage it does not take part.
func (TakePart) Reversible() bool { return true }

// Do notes the VM; the stage comes later.
func (t TakePart) Do(_ context.Context, w *World) (Undo, error) {
	w.taking = append(w.taking, t.VM)
	return func(context.Context) error {
		w.taking = slices.DeleteFunc(w.taking, func(vm string) bool { return vm == t.VM })
		return nil
	}, nil
}

// Unlabel takes the label for primary networks from a group's namespace, and has the control plane look at the group's
// network again.
type Unlabel struct {
	Group   string `json:"group"`
	Network string `json:"network"`
}

// nudge is an annotation that nobody reads: any change of a network has its controller look at it (OVN-Kubernetes,
// go-controller/pkg/clustermanager/userdefinednetwork: updateNAD).
const nudge = "vmnet.test/nudge"

// Reversible is true: the label is put back.
func (Unlabel) Reversible() bool { return true }

// Do takes the label away and waits until the network says that it is not created.
func (u Unlabel) Do(ctx context.Context, w *World) (Undo, error) {
	undo, err := w.pledge(record{Unlabel: &u})
	if err != nil {
		return nil, err
	}
	return undo, u.label(ctx, w, nil, "False")
}

func (u Unlabel) takeBack(ctx context.Context, w *World) error {
	return u.label(ctx, w, "", "True")
}

// label sets the label, or takes it away for nil, and nudges until the network's condition follows: who looks at the network
// may not know of the label yet.
func (u Unlabel) label(ctx context.Context, w *World, label any, created string) error {
	space := w.Running.Group(u.Group)
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": map[string]any{scenario.PrimaryLabel: label}}})
	if err != nil {
		return err
	}
	if _, err := w.Bed.Kube.CoreV1().Namespaces().Patch(ctx, space, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("namespace %s: %w", space, err)
	}
	o := object(scenario.UDNKind, space, u.Network)
	mark := func(ctx context.Context, with any) error {
		return w.patch(ctx, o, map[string]any{"annotations": map[string]any{nudge: with}})
	}
	err = until(ctx, "network "+u.Network+" is not NetworkCreated="+created, func(ctx context.Context) error {
		if err := mark(ctx, time.Now().UTC().Format(time.RFC3339Nano)); err != nil {
			return err
		}
		return w.created(ctx, o, created)
	})
	return errors.Join(err, mark(ctx, nil))
}

// created says whether a network has that status of the condition NetworkCreated.
func (w *World) created(ctx context.Context, o *unstructured.Unstructured, want string) error {
	if err := w.Bed.Objects.Get(ctx, client.ObjectKeyFromObject(o), o); err != nil {
		return err
	}
	if status, said := scenario.Created(o); status != want {
		return errors.New(cmp.Or(said, "it says nothing of NetworkCreated"))
	}
	return nil
}

// Unprotect takes the finalizers from a network, by its key, as soon as its deletion is asked for, until taken back.
// Before that its controller would put them back.
type Unprotect struct{ Network string }

// Reversible is true: taken back, finalizers stay.
func (Unprotect) Reversible() bool { return true }

// unprotectPoll is how often the network is looked at.
const unprotectPoll = 300 * time.Millisecond

// Do starts to look.
func (u Unprotect) Do(ctx context.Context, w *World) (Undo, error) {
	o, err := w.network(u.Network)
	if err != nil {
		return nil, err
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// it ends with its context; a network that could not be unprotected shows in the claim that survives
		_ = wait.PollUntilContextCancel(life, unprotectPoll, true, func(ctx context.Context) (bool, error) {
			err := w.Bed.Objects.Get(ctx, client.ObjectKeyFromObject(o), o)
			if err == nil && o.GetDeletionTimestamp() != nil && len(o.GetFinalizers()) > 0 {
				_ = w.patch(ctx, o, map[string]any{"finalizers": nil})
			}
			return false, nil
		})
	}()
	return stopped(stop, ended), nil
}

// Unclaim deletes the IPAMClaim of a VM's interface under it. Whoever made it makes another for the next instance, with
// another address.
type Unclaim struct{ VM, Interface string }

// Reversible is true: the IPAM extension makes a claim where there is none.
func (Unclaim) Reversible() bool { return true }

// Do deletes the claim, which a finalizer would keep as long as the VM runs.
func (u Unclaim) Do(ctx context.Context, w *World) (Undo, error) {
	claim := object(scenario.ClaimKind, w.Running.NamespaceOf(u.VM), u.VM+"."+u.Interface)
	undo := func(context.Context) error { return nil }
	if err := w.patch(ctx, claim, map[string]any{"finalizers": nil}); err != nil {
		return nil, err
	}
	if err := w.Bed.Objects.Delete(ctx, claim); client.IgnoreNotFound(err) != nil {
		return undo, fmt.Errorf("IPAMClaim %s: %w", claim.GetName(), err)
	}
	return undo, nil
}

// object is one of a kind whose Go type we do without.
func object(kind schema.GroupVersionKind, namespace, name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(kind)
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}

// network is one of the scenario's networks, by its key.
func (w *World) network(key string) (*unstructured.Unstructured, error) {
	for _, n := range w.Running.Networks() {
		if n.Key == key {
			return object(n.Kind(), n.Namespace, n.Name), nil
		}
	}
	return nil, fmt.Errorf("the scenario has no network %s", key)
}

// patch merges metadata into an object.
func (w *World) patch(ctx context.Context, o *unstructured.Unstructured, metadata map[string]any) error {
	patch, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		return err
	}
	if err := w.Bed.Objects.Patch(ctx, o.DeepCopy(), client.RawPatch(types.MergePatchType, patch)); err != nil {
		return fmt.Errorf("%s %s: %w", o.GetKind(), o.GetName(), err)
	}
	return nil
}

// away says whether an object is gone.
func (w *World) away(ctx context.Context, o *unstructured.Unstructured) (bool, error) {
	err := w.Bed.Objects.Get(ctx, client.ObjectKeyFromObject(o), o.DeepCopy())
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	return false, err
}
