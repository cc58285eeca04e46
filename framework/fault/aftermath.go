package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// What a stage leaves behind, faults or not, and what it takes until the steady stage can be looked at again.

const (
	// homeTries are so many migrations until a VM is where it was: with more nodes than two it may come by others.
	homeTries = 3
	// regrowTimeout bounds the end of a network whose last user went.
	regrowTimeout = 3 * time.Minute
	regrowPoll    = time.Second
)

// aftermath puts right what a stage left; before is the steady stage before it. After a restart that is nothing.
func (w *World) aftermath(ctx context.Context, stage string, before model.Observation) error {
	steady, ok := before.Stage(model.Steady)
	if !ok {
		return errors.New("there is no steady stage to go back to")
	}
	switch stage {
	case model.Migrated:
		return errors.Join(w.home(ctx, steady), w.forgetGateways(ctx, steady))
	case model.Deleted:
		return w.regrow(ctx)
	}
	return nil
}

// home moves VMs back to their nodes. A spare, whose address was lost on the way, starts anew instead, wherever.
func (w *World) home(ctx context.Context, steady model.Stage) error {
	var errs []error
	for _, s := range w.Running.Specs {
		if s.Group != "" {
			continue
		}
		was := steady.VMs[s.Name].Pod.Value.Node
		err := w.toNode(ctx, s, was)
		if err != nil {
			err = fmt.Errorf("%s back to node %s: %w", s.Name, was, err)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (w *World) toNode(ctx context.Context, s model.VMSpec, node string) error {
	for range homeTries {
		vmi, err := w.Bed.KubeVirt.VirtualMachineInstance(s.Namespace).Get(ctx, s.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err) && s.Spare: // the cluster went away while it was started anew
			return w.Running.Restart(ctx, s.Name)
		case err != nil:
			return err
		case vmi.Status.NodeName == node || node == "":
			return nil
		case s.Spare:
			return w.Running.Restart(ctx, s.Name)
		}
		if err := w.Running.Migrate(ctx, s.Name); err != nil {
			return err
		}
	}
	return fmt.Errorf("it is not there after %d migrations", homeTries)
}

// forgetGateways has guests ask anew who their gateway is: a migration tells all VMs of a network a MAC that may be another
// node's router's (ovn-kubernetes#5094), and may do so a moment after its end. What the guests held before is waited for.
func (w *World) forgetGateways(ctx context.Context, steady model.Stage) error {
	var errs []error
	for _, s := range w.mainGuests() {
		a := steady.VMs[s.Name].Pod.Value.Allotted
		for _, network := range a {
			for _, gateway := range network.Gateways {
				errs = append(errs, w.forgetGateway(ctx, s.Name, gateway, macOf(steady.VMs[s.Name].Guest.Neighbours.Value, gateway)))
			}
		}
	}
	return errors.Join(errs...)
}

// asked twice, so that what comes a moment later is noticed
const askGateway = `ip neigh flush to "$gateway"
for i in 1 2; do sleep 2; ping -c 1 -W 2 "$gateway" >/dev/null; ip neigh show to "$gateway" | grep -qwF "$mac"; done`

func (w *World) forgetGateway(ctx context.Context, vm, gateway, mac string) error {
	if mac == "" {
		return nil // it held none
	}
	variables := fmt.Sprintf("gateway=%s\nmac=%s\n", bed.CommandLine([]string{gateway}), bed.CommandLine([]string{mac}))
	s := spot{Where: Guest, Of: vm}
	if err := s.await(ctx, w, variables, askGateway); err != nil {
		return fmt.Errorf("%s: gateway %s is not %s again: %w", vm, gateway, mac, err)
	}
	return nil
}

func macOf(neighbours []model.Neighbour, ip string) string {
	for _, n := range neighbours {
		if n.IP == ip {
			return n.MAC
		}
	}
	return ""
}

// doomed is the network that the stage Deleted is about, with the files of the scenario's folder that are it and what is on
// it.
var doomed = struct{ key, networks, pods, vm string }{"other/other-udn", "networks.yaml", "other.yaml", "vm-o.yaml"}

// regrow lets a network end by taking away all that is on it, and makes it and them anew.
func (w *World) regrow(ctx context.Context) error {
	o, err := w.network(doomed.key)
	if err != nil {
		return err
	}
	if err := errors.Join(w.Running.Delete(ctx, doomed.vm), w.Running.Delete(ctx, doomed.pods)); err != nil {
		return err
	}
	if err := w.ended(ctx, o); err != nil {
		return err
	}
	if err := w.Running.Apply(ctx, doomed.networks); err != nil {
		return err
	}
	if err := until(ctx, "network "+doomed.key+" is not created", func(ctx context.Context) error { return w.created(ctx, o, "True") }); err != nil {
		return err
	}
	if err := errors.Join(w.Running.Apply(ctx, doomed.pods), w.Running.Apply(ctx, doomed.vm)); err != nil {
		return err
	}
	return w.Running.Await(ctx)
}

// ended waits until a network is gone with its attachment definition. The one that lost its finalizer too early leaves the
// other behind, with one that nobody takes off any more.
func (w *World) ended(ctx context.Context, o *unstructured.Unstructured) error {
	nad := object(scenario.NADKind, o.GetNamespace(), o.GetName())
	ctx, cancel := context.WithTimeoutCause(ctx, regrowTimeout, fmt.Errorf("network %s is not gone within %s", o.GetName(), regrowTimeout))
	defer cancel()
	var last error
	err := wait.PollUntilContextCancel(ctx, regrowPoll, true, func(ctx context.Context) (bool, error) {
		network, err := w.away(ctx, o)
		if err != nil || !network {
			last = err
			return false, nil //nolint:nilerr // asked again until the timeout
		}
		attachment, err := w.away(ctx, nad)
		if last = err; err == nil && !attachment {
			last = w.release(ctx, nad)
		}
		return attachment, nil
	})
	if err != nil {
		return errors.Join(context.Cause(ctx), last)
	}
	return nil
}

// release deletes an object whose finalizer nobody takes off, once its users are gone.
func (w *World) release(ctx context.Context, o *unstructured.Unstructured) error {
	pods, err := w.Bed.Kube.CoreV1().Pods(o.GetNamespace()).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	if n := len(pods.Items); n > 0 {
		return fmt.Errorf("%d pods are on it", n)
	}
	if err := w.patch(ctx, o, map[string]any{"finalizers": nil}); err != nil {
		return client.IgnoreNotFound(err)
	}
	return client.IgnoreNotFound(w.Bed.Objects.Delete(ctx, o.DeepCopy()))
}
