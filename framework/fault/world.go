package fault

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// World is what steps act on: a bed, a scenario that runs on it, and what the cluster says of itself.
type World struct {
	Bed     *bed.Bed
	Running *scenario.Running
	Facts   model.Facts
}

// nameLabel is what the manifests put the VM's name into, on the VM's pod as well.
const nameLabel = "app.kubernetes.io/name"

// Where is a kind of place that a script runs at.
type Where string

// The places, each seen from one VM.
const (
	// Launcher is the network namespace of the VM's virt-launcher pod, with the node pod's tools.
	Launcher Where = "launcher"
	// Guest is the VM's inside.
	Guest Where = "guest"
	// VirtAPI is the network namespace of each virt-api pod, wherever it runs.
	VirtAPI Where = "virt-api"
	// Northbound is where ovn-nbctl speaks to the database of the VM's node.
	Northbound Where = "northbound"
	// Switch is where ovs-vsctl speaks to Open vSwitch on the VM's node.
	Switch Where = "switch"
	// Outside is the host outside the cluster.
	Outside Where = "outside"
)

// spot is one place with what a shell there runs first, and how it is entered.
type spot struct {
	runner  bed.Runner
	prelude string
	// inside wraps a script so that it runs in a pod's network namespace; empty for none.
	inside string
}

// intoPod finds a process of the pod $1 that is not on the node's own network and runs $2 on its. The pod's UID is in
// the path of its control groups, with underscores under the systemd driver.
const intoPod = `for f in $(grep -lsE "$1" /proc/[0-9]*/cgroup); do
d=${f%/cgroup}; n=$(readlink "$d/ns/net") || continue
[ "$n" = "$(readlink /proc/1/ns/net)" ] || exec nsenter --net="$d/ns/net" sh -c "$2"
done
echo "no process with a network of its own in the pod's control groups" >&2; exit 1`

// path is where tools are looked for.
const path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin\n"

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

// spots are the places of a kind, seen from a VM; there is more than one where a component has replicas.
func (w *World) spots(ctx context.Context, where Where, vm string) ([]spot, error) {
	switch where {
	case Guest:
		g, err := w.Running.Guest(ctx, vm)
		return []spot{{runner: g, prelude: guestTools}}, err
	case Outside:
		h, ok := w.Bed.Outside()
		if !ok {
			return nil, fmt.Errorf("the bed has no host outside the cluster")
		}
		return []spot{{runner: h, prelude: path}}, nil
	case VirtAPI:
		pods, err := w.Bed.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx,
			metav1.ListOptions{LabelSelector: kubevirtv1.AppLabel + "=virt-api", FieldSelector: "status.phase=Running"})
		if err != nil {
			return nil, fmt.Errorf("virt-api's pods: %w", err)
		}
		return w.inPods(ctx, pods.Items, "virt-api")
	}
	pod, err := w.launcher(ctx, vm)
	if err != nil {
		return nil, err
	}
	switch where {
	case Launcher:
		return w.inPods(ctx, []corev1.Pod{*pod}, "launcher "+vm)
	case Switch:
		n, err := w.Bed.Node(ctx, pod.Spec.NodeName)
		return []spot{{runner: n, prelude: switchTools}}, err
	case Northbound:
		r, err := w.northbound(ctx, pod.Spec.NodeName)
		return []spot{{runner: r, prelude: northboundTools}}, err
	}
	return nil, fmt.Errorf("no such kind of place: %q", where)
}

// inPods enters the network namespaces of pods from their nodes.
func (w *World) inPods(ctx context.Context, pods []corev1.Pod, what string) ([]spot, error) {
	if len(pods) == 0 {
		return nil, fmt.Errorf("%s: no pod runs", what)
	}
	var spots []spot
	for _, p := range pods {
		n, err := w.Bed.Node(ctx, p.Spec.NodeName)
		if err != nil {
			return nil, err
		}
		uid := string(p.UID)
		spots = append(spots, spot{runner: n, prelude: path, inside: "pod(" + uid + "|" + strings.ReplaceAll(uid, "-", "_") + ")"})
	}
	return spots, nil
}

// launcher is the running virt-launcher pod of a VM.
func (w *World) launcher(ctx context.Context, vm string) (*corev1.Pod, error) {
	pods, err := w.Bed.Kube.CoreV1().Pods(w.Running.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: kubevirtv1.AppLabel + "=virt-launcher," + nameLabel + "=" + vm})
	if err != nil {
		return nil, fmt.Errorf("launcher of %s: %w", vm, err)
	}
	for i, p := range pods.Items {
		if p.Status.Phase == corev1.PodRunning && p.DeletionTimestamp == nil {
			return &pods.Items[i], nil
		}
	}
	return nil, fmt.Errorf("launcher of %s: no running pod in %s", vm, w.Running.Namespace)
}

// northbound is OVN-Kubernetes' container beside the database of a node's zone.
func (w *World) northbound(ctx context.Context, node string) (bed.Runner, error) {
	pods, err := w.Bed.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx,
		metav1.ListOptions{LabelSelector: bed.OVNNodeSelector, FieldSelector: "status.phase=Running,spec.nodeName=" + node})
	if err != nil {
		return nil, fmt.Errorf("northbound database of %s: %w", node, err)
	}
	for _, p := range pods.Items {
		for _, c := range p.Spec.Containers {
			if c.Name == "nb-ovsdb" || c.Name == "nbdb" {
				return w.Bed.Pod(p.Namespace, p.Name, c.Name), nil
			}
		}
	}
	return nil, fmt.Errorf("northbound database of %s: no pod there has a container nb-ovsdb: "+
		"OVN-Kubernetes must run with a zone for each node", node)
}

// Variables are what scripts know of the world, beside what they find themselves:
//
//	mtu cluster namespace         the cluster network's MTU and subnet, the scenario's namespace
//	outside stranger              address of the host outside, and the port that Listen answers at there
//	echo service_NAME             addresses of the echo pod and of Services
//	node pod port ip              of the VM that the script is about: node, pod, logical port, pod IP
//	gateway own third prefix mac  of the VM's first interface: bridge's, guest's and the next address, prefix length, MAC
//	NAME_ip                       pod IP of the VM NAME, dashes as underscores
func (w *World) variables(ctx context.Context, vm string) (string, error) {
	v := map[string]string{"mtu": strconv.Itoa(w.Facts.MTU), "namespace": w.Running.Namespace, "echo": w.Running.Address("echo")}
	if h, ok := w.Bed.Outside(); ok {
		v["outside"], v["stranger"] = h.Address(), strconv.Itoa(strangerPort)
	}
	for _, s := range []string{"echo", "vm-a"} {
		v["service_"+name(s)] = w.Running.Address("service/" + s)
	}
	if len(w.Facts.ClusterSubnets) > 0 {
		v["cluster"] = w.Facts.ClusterSubnets[0]
	}
	for _, s := range w.Running.Specs {
		pod, err := w.launcher(ctx, s.Name)
		if err != nil {
			return "", err
		}
		v[name(s.Name)+"_ip"] = pod.Status.PodIP
		if s.Name != vm {
			continue
		}
		v["node"], v["pod"], v["ip"] = pod.Spec.NodeName, pod.Name, pod.Status.PodIP
		v["port"] = pod.Namespace + "_" + pod.Name
		if len(s.Interfaces) > 0 {
			if err := link(v, s.Interfaces[0]); err != nil {
				return "", fmt.Errorf("%s: %w", s.Name, err)
			}
		}
	}
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(v)) {
		fmt.Fprintf(&b, "%s=%s\n", k, bed.CommandLine([]string{v[k]}))
	}
	return b.String(), nil
}

// link says what KubeVirt makes of a masquerade interface's subnet: the first host is the bridge's, the second the
// guest's.
func link(v map[string]string, i model.InterfaceSpec) error {
	cidr := i.VMNetworkCIDR
	if cidr == "" {
		cidr = "10.0.2.0/24"
	}
	p, err := netip.ParsePrefix(cidr)
	if err != nil {
		return err
	}
	first := p.Masked().Addr().Next()
	v["gateway"], v["own"], v["prefix"], v["mac"] = first.String(), first.Next().String(), strconv.Itoa(p.Bits()), i.MAC
	v["third"] = first.Next().Next().String()
	return nil
}

func name(vm string) string { return strings.ReplaceAll(vm, "-", "_") }
