package fault

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// Where is a kind of place that a script runs at.
type Where string

// The places, each seen from one VM or pod.
const (
	// Launcher is the network namespace of the VM's virt-launcher pod, with the node pod's tools.
	Launcher Where = "launcher"
	// Guest is the VM's inside.
	Guest Where = "guest"
	// VirtAPI is the network namespace of each virt-api pod, wherever it runs.
	VirtAPI Where = "virt-api"
	// Northbound is where ovn-nbctl speaks to the database of the VM's node.
	Northbound Where = "northbound"
	// Switch is the VM's node itself, where ovs-vsctl speaks to its Open vSwitch.
	Switch Where = "switch"
	// Outside is the host outside the cluster.
	Outside Where = "outside"
)

// spot is one place. It is plain data, so that a later process finds it again.
type spot struct {
	Where Where `json:"where"`
	// Of is the VM or pod that the place is seen from.
	Of   string `json:"of"`
	Node string `json:"node,omitempty"`
	// Namespace, Pod and UID name the pod whose namespace is entered, or with no pod the VM's instance.
	Namespace string `json:"namespace,omitempty"`
	Pod       string `json:"pod,omitempty"`
	UID       string `json:"uid,omitempty"`
}

// path is where tools are looked for; the functions are the usual ways to take something back that may be gone already.
const path = `PATH=/usr/sbin:/usr/bin:/sbin:/bin
del_link() { ip link del "$1" 2>/dev/null || [ -z "$(ip -o link show "$1" 2>/dev/null)" ]; }
del_addr() { ip addr del "$1" dev "$2" 2>/dev/null || [ -z "$(ip -o addr show dev "$2" to "$1")" ]; }
del_route() { ip route del "$@" 2>/dev/null || [ -z "$(ip route show "$@")" ]; }
del_table() { nft delete table "$@" 2>/dev/null || [ -z "$(nft list table "$@" 2>/dev/null)" ]; }
`

// guestTools name tools by their path: busybox's shell prefers its own applets, whatever the path is.
const guestTools = path + `for t in ip ping; do for d in /usr/sbin /usr/bin /sbin /bin; do
if [ -x "$d/$t" ]; then eval "$t() { $d/$t \"\$@\"; }"; break; fi; done; done
`

// The tools of Open vSwitch and OVN, under names that every shell takes for a function's. The node's sockets are
// below the node's own root.
const (
	switchTools     = path + "vs() { ovs-vsctl -t 30 --db=unix:/proc/1/root/run/openvswitch/db.sock \"$@\"; }\n"
	northboundTools = path + "nb() { ovn-nbctl -t 60 \"$@\"; }\n"
)

// intoPod runs $2 in the network namespace of the pod whose control groups match $1.
const intoPod = bed.ProcessPrelude + `P=$(of "$1"); [ -n "$P" ] || { echo "no process of the pod on this node" >&2; exit 1; }
exec nsenter -t "$P" -n sh -c "$2"`

// spots are the places of a kind, seen from a VM or pod; there is more than one where a component has replicas.
func (w *World) spots(ctx context.Context, where Where, of string) ([]spot, error) {
	switch where {
	case Guest:
		uid, err := w.instance(ctx, of)
		return []spot{{Where: where, Of: of, Namespace: w.Running.NamespaceOf(of), UID: uid}}, err
	case Outside, VLANHost:
		return []spot{{Where: where, Of: of}}, nil
	case Switches:
		return w.switches(of)
	case VirtAPI:
		pods, err := w.Bed.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx,
			metav1.ListOptions{LabelSelector: kubevirtv1.AppLabel + "=virt-api", FieldSelector: "status.phase=Running"})
		if err != nil {
			return nil, fmt.Errorf("virt-api's pods: %w", err)
		}
		var spots []spot
		for i := range pods.Items {
			spots = append(spots, inPod(where, of, &pods.Items[i]))
		}
		if len(spots) == 0 {
			return nil, errors.New("virt-api: no pod runs")
		}
		return spots, nil
	}
	pod, err := w.seat(ctx, of)
	if err != nil {
		return nil, err
	}
	switch where {
	case Launcher:
		return []spot{inPod(where, of, pod)}, nil
	case Switch, Northbound:
		return []spot{{Where: where, Of: of, Node: pod.Spec.NodeName}}, nil
	}
	return nil, fmt.Errorf("no such kind of place: %q", where)
}

func inPod(where Where, of string, p *corev1.Pod) spot {
	return spot{Where: where, Of: of, Node: p.Spec.NodeName, Namespace: p.Namespace, Pod: p.Name, UID: string(p.UID)}
}

// enter gives a spot's runner, and what a shell there runs first.
func (s spot) enter(ctx context.Context, w *World) (at bed.Runner, prelude string, err error) {
	prelude = map[Where]string{Guest: guestTools, Northbound: northboundTools, Switch: switchTools}[s.Where]
	if prelude == "" {
		prelude = path
	}
	switch {
	case w.enterAt != nil:
		at, err = w.enterAt(s)
	case s.Where == Guest:
		at, err = w.Running.Guest(ctx, s.Of)
	case s.Where == Northbound:
		at, err = w.Bed.OVNPod(ctx, s.Node)
	case s.Where == VLANHost:
		at, err = w.vlanHost()
	case s.Where != Outside:
		at, err = w.Bed.Node(ctx, s.Node)
	default:
		h, ok := w.Bed.Outside()
		if !ok {
			return nil, "", errors.New("the bed has no host outside the cluster")
		}
		at = h
	}
	return at, prelude, err
}

// gone says whether what was changed at a spot went with it: another pod or instance is there, or none.
func (s spot) gone(ctx context.Context, w *World) (bool, error) {
	var uid string
	var err error
	switch {
	case s.Pod != "":
		var p *corev1.Pod
		if p, err = w.Bed.Kube.CoreV1().Pods(s.Namespace).Get(ctx, s.Pod, metav1.GetOptions{}); err == nil {
			uid = string(p.UID)
		}
	case s.Where == Guest:
		var vmi *kubevirtv1.VirtualMachineInstance
		if vmi, err = w.Bed.KubeVirt.VirtualMachineInstance(s.Namespace).Get(ctx, s.Of, metav1.GetOptions{}); err == nil {
			uid = string(vmi.UID)
		}
	default:
		return false, nil
	}
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	return err == nil && uid != s.UID, err
}
