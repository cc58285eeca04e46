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

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// variables are what scripts know of the world, beside what they find themselves. Names of VMs and networks have their
// dashes and slashes as underscores:
//
//	mtu cluster namespace          the cluster network's MTU and subnet, the scenario's namespace
//	outside stranger               address of the host outside, and the port that Listen answers at there
//	echo service_NAME              addresses of the echo pod and of Services
//	node edge                      of the VM or pod that the script is about: its node, and that node's address at the edge
//	vm_namespace pod port ip       of the VM: its namespace, pod, logical port, pod IP
//	gateway own prefix mac         of the VM's first interface: gateway, guest's address, prefix length, MAC
//	third                          with masquerade, the address after these two
//	second hash                    of the VM's second interface: address, and what its links are named after
//	NAME_ip NAME_own NAME_second   the same of the VM NAME
//	network_KEY subnet_KEY last_KEY switch_KEY router_KEY
//	                               of the network KEY: its name in OVN-Kubernetes, subnet, the last host's address in it, and its
//	                               logical switch and gateway router on that node
//
// and what ofPhysical adds.
func (w *World) variables(ctx context.Context, of string) (string, error) {
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
	seat, err := w.seat(ctx, of)
	if err != nil {
		return "", err
	}
	v["node"] = seat.Spec.NodeName
	if n, ok := w.Facts.Node(seat.Spec.NodeName); ok && len(n.EdgeIPs) > 0 {
		v["edge"] = n.EdgeIPs[0]
	}
	for _, s := range w.Running.Specs {
		pod, err := w.launcher(ctx, s.Name)
		if err != nil {
			continue // one that does not run is nobody's far end
		}
		if err := ofVM(v, s, pod, s.Name == of); err != nil {
			return "", fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	for _, n := range w.Running.Networks() {
		if err := ofNetwork(v, n.Key, n.Namespace+"_"+n.Name, n.Asked.Subnets); err != nil {
			return "", fmt.Errorf("network %s: %w", n.Key, err)
		}
	}
	if err := w.ofPhysical(ctx, v, of); err != nil {
		return "", err
	}
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(v)) {
		fmt.Fprintf(&b, "%s=%s\n", k, bed.CommandLine([]string{v[k]}))
	}
	return b.String(), nil
}

// ofVM adds what is known of one VM, about being the one that the script is about.
func ofVM(v map[string]string, s model.VMSpec, pod *corev1.Pod, about bool) error {
	one := map[string]string{"ip": pod.Status.PodIP}
	if len(s.Interfaces) > 0 && s.Interfaces[0].Binding == "masquerade" {
		if err := masqueraded(one, s.Interfaces[0]); err != nil {
			return err
		}
	} else if err := allotted(one, pod); err != nil {
		return err
	}
	for _, k := range []string{"ip", "own", "second"} {
		if one[k] != "" {
			v[name(s.Name)+"_"+k] = one[k]
		}
	}
	if !about {
		return nil
	}
	maps.Copy(v, one)
	v["vm_namespace"], v["pod"], v["port"] = pod.Namespace, pod.Name, pod.Namespace+"_"+pod.Name
	if len(s.Interfaces) > 1 {
		v["hash"] = scenario.LinkHash(s.Interfaces[1].Name)
	}
	return nil
}

// masqueraded says what KubeVirt makes of a masquerade interface's subnet: the first host is the bridge's, the second the
// guest's.
func masqueraded(v map[string]string, i model.InterfaceSpec) error {
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

// allotted says what OVN-Kubernetes gave to a pod on its user-defined networks.
func allotted(v map[string]string, pod *corev1.Pod) error {
	text, ok := pod.Annotations[parse.PodNetworks]
	if !ok {
		return fmt.Errorf("pod %s has no annotation %s", pod.Name, parse.PodNetworks)
	}
	all, err := parse.Allotments(text)
	if err != nil {
		return err
	}
	for network, a := range all {
		if len(a.CIDRs) == 0 || network == "default" {
			continue
		}
		p, err := netip.ParsePrefix(a.CIDRs[0])
		if err != nil {
			return err
		}
		if a.Role != "primary" {
			v["second"] = p.Addr().String()
			continue
		}
		v["own"], v["prefix"], v["mac"] = p.Addr().String(), strconv.Itoa(p.Bits()), a.MAC
		if len(a.Gateways) > 0 {
			v["gateway"] = a.Gateways[0]
		}
	}
	return nil
}

// ofNetwork adds what is known of a user-defined network (names: OVN-Kubernetes, go-controller/pkg/util:
// GetUserDefinedNetworkPrefix, GetGatewayRouterFromNode; go-controller/pkg/types: OVNLayer2Switch).
func ofNetwork(v map[string]string, key, network string, subnets []string) error {
	dotted := strings.NewReplacer("-", ".", "/", ".").Replace(network)
	k := name(key)
	v["network_"+k], v["switch_"+k], v["router_"+k] = network, dotted+"_ovn_layer2_switch", "GR_"+dotted+"_"+v["node"]
	if len(subnets) == 0 || strings.Count(subnets[0], "/") != 1 {
		return nil // of layer 3, where each node has a share
	}
	p, err := netip.ParsePrefix(subnets[0])
	if err != nil {
		return err
	}
	v["subnet_"+k] = p.Masked().String()
	if p.Addr().Is4() {
		last := p.Masked().Addr().As4()
		for bit := p.Bits(); bit < 31; bit++ {
			last[bit/8] |= 1 << (7 - bit%8)
		}
		v["last_"+k] = netip.AddrFrom4(last).String()
	}
	return nil
}

func name(s string) string { return strings.NewReplacer("-", "_", "/", "_").Replace(s) }
