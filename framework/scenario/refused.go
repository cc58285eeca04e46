package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

// refusalTime is how long a pod on a network that is to be refused is looked at, where no look fails. OVN-Kubernetes' plugin
// waits half a minute for what nobody writes, and kubelet tells of it after that; on a slow node Multus' own time-outs come
// before.
const refusalTime = 3 * time.Minute

const apiPlace = "api"

// Refused makes one of the networks that are to be refused (Unmapped, Misnamed) with its pod, reads what the cluster says
// of them until that names the network or the pod is ready, and takes both away again. A network of that name that is
// there already is left as it is until then. While both are there, it calls meanwhile, where that is not nil.
func (r *Running) Refused(ctx context.Context, network string, meanwhile func(context.Context)) model.Read[model.Refusal] {
	read := model.Read[model.Refusal]{Place: apiPlace, Command: fmt.Sprintf("apply %s; get pod %s; get events", RefusedFile(network), RefusedPod(network))}
	n, err := r.try(ctx, network)
	if err == nil {
		read.Value, read.Raw, err = refusal(ctx, r.bed, n, RefusedPod(network), refusalTime)
		if meanwhile != nil {
			meanwhile(ctx)
		}
	}
	err = errors.Join(err, r.Delete(context.WithoutCancel(ctx), RefusedFile(network)))
	if err != nil {
		read.Err = err.Error()
	}
	read.At = time.Now().UTC()
	return read
}

// try makes what is not there of a network that is to be refused.
func (r *Running) try(ctx context.Context, network string) (NetworkRef, error) {
	objects, err := r.load(ctx, RefusedFile(network))
	if err != nil {
		return NetworkRef{}, err
	}
	bounded, cancel := r.bound(ctx, r.timeouts.Network)
	defer cancel()
	_, networks, rest := sorted(objects)
	for _, o := range append(networks, rest...) {
		if err := r.makeOne(bounded, o); err != nil {
			return NetworkRef{}, err
		}
	}
	r.forget()
	if err := r.note(objects); err != nil {
		return NetworkRef{}, err
	}
	for _, n := range r.Networks() {
		if n.Key == network {
			return n, nil
		}
	}
	return NetworkRef{}, fmt.Errorf("%s has no network %s", RefusedFile(network), network)
}

// makeOne is as applyOne, and leaves what is there as it is.
func (r *Running) makeOne(ctx context.Context, o client.Object) error {
	err := insist(ctx, func() error {
		err := r.bed.Objects.Create(ctx, o)
		if apierrors.IsAlreadyExists(err) {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("make %s %s: %w", o.GetObjectKind().GroupVersionKind().Kind, o.GetName(), err)
	}
	return nil
}

// refusal looks until a warning names what is wrong with the network, the pod is ready, or the time is over; twice as
// long where a look failed, for what could not be seen may not have been said either. The error is the last look's. It also
// returns the warnings' events as the API has them.
func refusal(ctx context.Context, b *bed.Bed, n NetworkRef, pod string, limit time.Duration) (seen model.Refusal, raw string, err error) {
	seen = model.Refusal{Network: n.Namespace + "/" + n.Name, Asked: n.Asked}
	wrong := seen.Network
	if n.Key == Unmapped {
		wrong = n.Asked.PhysicalNetwork
	}
	// the looks are not bounded by the wait: client-go refuses a call that it would have to queue beyond its context's deadline
	began, troubled := time.Now(), false
	_ = wait.PollUntilContextTimeout(ctx, poll, 2*limit, true, func(context.Context) (bool, error) {
		node, ready, events, failed := lookAtRefused(ctx, b, n, pod)
		if failed != nil {
			err, troubled = failed, true
			return false, nil
		}
		err, seen.Node, seen.Came, seen.Warnings = nil, node, ready, warnings(events)
		raw = asText(events)
		named := slices.ContainsFunc(seen.Warnings, func(w model.Warning) bool { return strings.Contains(w.Message, wrong) })
		return ready || named || !troubled && time.Since(began) >= limit, nil
	})
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return seen, raw, err
}

// lookAtRefused reads the pod, and the warnings about it and its network: about these, not others of their names before.
func lookAtRefused(ctx context.Context, b *bed.Bed, n NetworkRef, pod string) (node string, ready bool, events []corev1.Event, err error) {
	p, err := b.Kube.CoreV1().Pods(n.Namespace).Get(ctx, pod, metav1.GetOptions{})
	if err != nil {
		return "", false, nil, err
	}
	network := &unstructured.Unstructured{}
	network.SetGroupVersionKind(n.Kind())
	if err := b.Objects.Get(ctx, client.ObjectKey{Namespace: n.Namespace, Name: n.Name}, network); err != nil {
		return "", false, nil, err
	}
	all, err := eventsOf(ctx, b, n.Namespace, []string{pod, n.Name})
	if err != nil {
		return "", false, nil, err
	}
	for _, e := range all {
		// OVN-Kubernetes' events about a network have no UID; times are in seconds
		aboutNetwork := e.InvolvedObject.Name == n.Name && !eventTime(e).Before(network.GetCreationTimestamp().Truncate(time.Second))
		if e.Type == corev1.EventTypeWarning && (e.InvolvedObject.UID == p.UID || aboutNetwork) {
			events = append(events, e)
		}
	}
	return p.Spec.NodeName, bed.PodReady(p), events, nil
}

func warnings(events []corev1.Event) []model.Warning {
	var all []model.Warning
	for _, e := range events {
		all = append(all, model.Warning{About: e.InvolvedObject.Name, Reason: e.Reason, Message: e.Message})
	}
	return all
}

func asText(events []corev1.Event) string {
	for i := range events {
		events[i].ManagedFields = nil
	}
	raw, err := json.Marshal(events)
	if err != nil {
		return ""
	}
	return string(raw)
}

// AskedLocalnet asks the API server whether it would make a UserDefinedNetwork of the topology Localnet. Nothing is made.
func (r *Running) AskedLocalnet(ctx context.Context) model.Read[model.Refusal] {
	physical := manifestPhysical
	if p := r.physical(); p != nil {
		physical = p.Network
	}
	return r.askDry(ctx, "Localnet", map[string]any{"role": "Secondary", "physicalNetworkName": physical, "ipam": map[string]any{"mode": "Disabled"}})
}

// AskedLayer2 asks the same for a topology that such a network has.
func (r *Running) AskedLayer2(ctx context.Context) model.Read[model.Refusal] {
	return r.askDry(ctx, "Layer2", map[string]any{"role": "Secondary", "ipam": map[string]any{"mode": "Disabled"}})
}

// askDry asks for one without making it. What the API server says against the object is an answer, anything else is not.
func (r *Running) askDry(ctx context.Context, topology string, spec map[string]any) model.Read[model.Refusal] {
	name := "asked-" + strings.ToLower(topology)
	u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"topology": topology, strings.ToLower(topology): spec}}}
	u.SetGroupVersionKind(UDNKind)
	u.SetNamespace(r.Namespace)
	u.SetName(name)
	read := model.Read[model.Refusal]{Place: apiPlace, Command: fmt.Sprintf("create --dry-run=server %s %s, topology %s", UDNKind.Kind, name, topology)}
	read.Value = model.Refusal{Network: r.Namespace + "/" + name, Asked: model.NetworkSpec{Topology: strings.ToLower(topology), Role: "secondary"}}
	err := r.bed.Objects.Create(ctx, u, client.DryRunAll)
	read.At = time.Now().UTC()
	switch {
	case err == nil:
		read.Value.Came, read.Raw = true, "created (dry run)"
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		read.Raw = err.Error()
		read.Value.Warnings = []model.Warning{{About: name, Reason: string(apierrors.ReasonForError(err)), Message: err.Error()}}
	default:
		read.Err = err.Error()
	}
	return read
}
