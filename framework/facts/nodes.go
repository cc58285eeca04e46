package facts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

// Annotations that OVN-Kubernetes keeps on nodes (go-controller/pkg/util/node_annotations.go).
const (
	annotationSubnets = "k8s.ovn.org/node-subnets"
	annotationGateway = "k8s.ovn.org/l3-gateway-config"
	annotationZone    = "k8s.ovn.org/zone-name"
)

// labelSchedulable is set by virt-handler on nodes that can run VMs.
const labelSchedulable = "kubevirt.io/schedulable"

func nodes(ctx context.Context, b *bed.Bed, f *model.Facts) error {
	list, err := b.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("nodes: %w", err)
	}
	if len(list.Items) == 0 {
		return errors.New("the cluster has no nodes")
	}
	var problems []error
	forVMs, err := NodesForVMs(ctx, b)
	if err != nil {
		problems = append(problems, err)
	}
	for i := range list.Items {
		n, err := node(&list.Items[i])
		if err != nil {
			problems = append(problems, err)
			continue
		}
		f.Nodes = append(f.Nodes, n)
	}
	sort.Slice(f.Nodes, func(i, j int) bool { return f.Nodes[i].Name < f.Nodes[j].Name })
	f.Sources["nodes"] = "api: nodes, annotations " + strings.Join([]string{annotationSubnets, annotationGateway, annotationZone}, ", ")
	f.Features[model.FeatureTwoNodes] = model.Presence{
		Present: forVMs >= 2, Reason: fmt.Sprintf("nodes that carry VMs, neither cordoned nor tainted: %d", forVMs),
	}
	return errors.Join(problems...)
}

func node(n *corev1.Node) (model.Node, error) {
	out := model.Node{Name: n.Name, Zone: n.Annotations[annotationZone]}
	for _, a := range n.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			out.InternalIP = a.Address
			break
		}
	}
	var err error
	if out.PodSubnet, err = podSubnet(n.Annotations[annotationSubnets]); err != nil {
		return out, fmt.Errorf("node %s, annotation %s: %w (OVN-Kubernetes as the cluster's network writes it)", n.Name, annotationSubnets, err)
	}
	if out.EdgeBridge, out.EdgeIPs, err = gateway(n.Annotations[annotationGateway]); err != nil {
		return out, fmt.Errorf("node %s, annotation %s: %w", n.Name, annotationGateway, err)
	}
	return out, nil
}

// podSubnet returns the default network's first IPv4 subnet; older releases write a string, newer a list.
func podSubnet(annotation string) (string, error) {
	networks := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(annotation), &networks); err != nil {
		return "", fmt.Errorf("%q: %w", annotation, err)
	}
	var list []string
	if err := json.Unmarshal(networks["default"], &list); err != nil {
		list = make([]string, 1)
		if err := json.Unmarshal(networks["default"], &list[0]); err != nil {
			return "", fmt.Errorf("%q: no subnet of the default network", annotation)
		}
	}
	for _, s := range list {
		if p, err := netip.ParsePrefix(s); err == nil && p.Addr().Is4() {
			return p.String(), nil
		}
	}
	return "", fmt.Errorf("%q: no IPv4 subnet of the default network", annotation)
}

// gateway returns the external bridge and the addresses on it.
func gateway(annotation string) (bridge string, ips []string, err error) {
	networks := map[string]struct {
		Bridge string   `json:"bridge-id"`
		IPs    []string `json:"ip-addresses"`
		IP     string   `json:"ip-address"`
	}{}
	if err := json.Unmarshal([]byte(annotation), &networks); err != nil {
		return "", nil, fmt.Errorf("%q: %w", annotation, err)
	}
	g := networks["default"]
	if len(g.IPs) == 0 && g.IP != "" {
		g.IPs = []string{g.IP}
	}
	for _, s := range g.IPs {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return "", nil, fmt.Errorf("address %q: %w", s, err)
		}
		ips = append(ips, p.Addr().String())
	}
	if g.Bridge == "" || len(ips) == 0 {
		return "", nil, fmt.Errorf("%q names no bridge or no address", annotation)
	}
	return g.Bridge, ips, nil
}
