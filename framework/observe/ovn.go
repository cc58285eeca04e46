package observe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// control is a pod on the cluster's network on that node that runs no VM: what links it has, any pod has.
func (o *observer) control(ctx context.Context, node string) (place, error) {
	for _, name := range slices.Sorted(maps.Keys(o.fixtures)) { // the same one in every round
		if p := o.fixtures[name]; p.node == node && !o.onNetwork(p.namespace) {
			return p, nil
		}
	}
	pods, err := o.bed.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{FieldSelector: "status.phase=Running,spec.nodeName=" + node})
	if err != nil {
		return place{}, err
	}
	for _, p := range pods.Items {
		if plain(p) {
			return place{pod: p.Namespace + "/" + p.Name, uid: string(p.UID), node: node}, nil
		}
	}
	return place{}, errors.New("no pod of the platform with nothing but the cluster's network runs on this node, to compare with")
}

// annotationsOfNetworks ask Multus for other networks than the cluster's.
var annotationsOfNetworks = []string{"k8s.v1.cni.cncf.io/networks", "v1.multus-cni.io/default-network"}

// plain says whether a pod can be a control: one of the platform's own, kube-system's or virt-handler, that is on the
// cluster's network and on no other. Anybody's pod might have the very link that is looked for.
func plain(p corev1.Pod) bool {
	if p.Namespace != metav1.NamespaceSystem && p.Labels["kubevirt.io"] != "virt-handler" {
		return false
	}
	attached := slices.ContainsFunc(annotationsOfNetworks, func(a string) bool { return p.Annotations[a] != "" })
	return !attached && !p.Spec.HostNetwork && p.Annotations[domainAnnotation] == "" && p.DeletionTimestamp == nil
}

// The tables that a port is followed through.
var (
	askInterfaces = ask{id: "ovs", show: "ovs-vsctl -f json --columns=name,external_ids list Interface"}
	askPorts      = ask{id: "nb", show: "ovn-nbctl -f json --columns=name,addresses list Logical_Switch_Port"}
	askBindings   = ask{id: "sb", show: "ovn-sbctl -f json --columns=logical_port,chassis,up list Port_Binding"}
	askChassis    = ask{id: "chassis", show: "ovn-sbctl -f json --columns=_uuid,hostname list Chassis"}
)

// ovnAnswers are one node's tables.
type ovnAnswers struct {
	interfaces, ports, bindings, chassis model.Read[[]parse.Row]
}

// ovn asks the databases in OVN-Kubernetes' own pod on the node: it has the sockets, wherever they are.
func (o *observer) ovn(ctx context.Context, node string) ovnAnswers {
	answers, err := o.inOVN(ctx, node, askInterfaces, askPorts, askBindings, askChassis)
	at := placed("node " + node)
	return ovnAnswers{
		interfaces: read(at, askInterfaces, answers, err, parse.Table), ports: read(at, askPorts, answers, err, parse.Table),
		bindings: read(at, askBindings, answers, err, parse.Table), chassis: read(at, askChassis, answers, err, parse.Table),
	}
}

func (o *observer) inOVN(ctx context.Context, node string, asks ...ask) (map[string]answer, error) {
	runner, err := o.bed.OVNPod(ctx, node)
	if err != nil {
		return nil, err
	}
	return batch(ctx, runner, "", asks)
}

// logicalPort follows the launcher's eth0: the veth's other end by its index, the OVS interface of that name, and,
// apart from these, the logical port with the pod's MAC and address and what the southbound database says of it.
func logicalPort(node string, v model.VMView, host model.Read[[]model.Link], t ovnAnswers) model.Read[model.LogicalPort] {
	r := model.Read[model.LogicalPort]{Place: "node " + node, At: time.Now().UTC(),
		Command: strings.Join([]string{host.Command, askInterfaces.show, askPorts.show, askBindings.show, askChassis.show}, "; ")}
	for _, err := range []error{v.Pod.Failure(), v.Launcher.Links.Failure(), host.Failure(), t.interfaces.Failure(),
		t.ports.Failure(), t.bindings.Failure(), t.chassis.Failure()} {
		if err != nil {
			r.Err = err.Error()
			return r
		}
	}
	var seen []string // the rows that were followed
	for _, l := range v.Launcher.Links.Value {
		for _, h := range host.Value {
			if l.Name == "eth0" && l.PeerIndex != 0 && h.Index == l.PeerIndex {
				r.Value.HostLink = h.Name
				seen = append(seen, fmt.Sprintf("eth0's peer is link %d: %s", h.Index, h.Name))
			}
		}
	}
	for _, row := range t.interfaces.Value {
		if r.Value.HostLink != "" && row.Text("name") == r.Value.HostLink {
			r.Value.IfaceID = row.Map("external_ids")["iface-id"]
			seen = append(seen, fmt.Sprintf("interface %s external_ids %v", r.Value.HostLink, row.Map("external_ids")))
		}
	}
	for _, row := range t.ports.Value {
		for _, address := range row.Texts("addresses") {
			if carries(address, v.Pod.Value.Allotted["default"]) {
				r.Value.Name = row.Text("name")
				seen = append(seen, fmt.Sprintf("logical port %s addresses %q", r.Value.Name, address))
			}
		}
	}
	for _, row := range t.bindings.Value {
		if r.Value.Name == "" || row.Text("logical_port") != r.Value.Name {
			continue
		}
		r.Value.Up = row.Bool("up")
		for _, c := range t.chassis.Value {
			if c.UUID() != "" && c.UUID() == row.Text("chassis") {
				r.Value.Chassis = c.Text("hostname")
			}
		}
		seen = append(seen, fmt.Sprintf("port binding %s: chassis %s (%s), up %t", r.Value.Name, row.Text("chassis"), r.Value.Chassis, r.Value.Up))
	}
	r.Raw = strings.Join(seen, "\n")
	return r
}

// carries says whether a port's address, "MAC IP…", is the one that was allotted.
func carries(address string, a model.Allotment) bool {
	fields := strings.Fields(address)
	if len(fields) < 2 || !strings.EqualFold(fields[0], a.MAC) {
		return false
	}
	for _, cidr := range a.CIDRs {
		ip, _, _ := strings.Cut(cidr, "/")
		if !slices.Contains(fields[1:], ip) {
			return false
		}
	}
	return len(a.CIDRs) > 0
}
