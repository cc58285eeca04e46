package judge

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/vmnet-project/vmnet/framework/model"
)

// launcherLinks is CN-01, PU-02 and SU-01. Links that any pod on the node has (tunl0, gre0, where the kernel makes them)
// are subtracted.
func (s subject) launcherLinks() {
	want := launcherNames(s.Spec)
	links, from, ok := Need(s.n, s.what("launcher's links"), s.Launcher.Links)
	if !ok {
		return
	}
	pod, _, ok := Need(s.n, s.what("pod"), s.Pod)
	if !ok {
		return
	}
	control, _, ok := Need(s.n, "links of a control pod on node "+pod.Node, s.stage.Controls[pod.Node])
	if !ok {
		return
	}
	anyPod := linkNames(control)
	if !slices.Contains(anyPod, clusterInterface) {
		s.n.Cannot("control pod on node "+pod.Node, "it has no "+clusterInterface+", so this was no look at a pod: "+list(anyPod))
		return
	}
	got := slices.DeleteFunc(linkNames(links), func(l string) bool {
		return slices.Contains(anyPod, l) && !slices.Contains(want, l)
	})
	s.n.Set(s.what("launcher's links"), from, want, "KubeVirt's names for "+interfaces(s.Spec), got)
}

// interfaces says which a spec has.
func interfaces(s model.VMSpec) string {
	var all []string
	for _, i := range s.Interfaces {
		all = append(all, cmp.Or(i.Name, "one without name")+" on "+cmp.Or(i.Network, "the pod network")+" by "+i.Binding)
	}
	return "the spec's interfaces: " + list(all)
}

// podLink is CN-02, and in PU-03.
func (s subject) podLink() {
	pod, at, ok := Need(s.n, s.what("pod"), s.Pod)
	if !ok {
		return
	}
	node, ok := s.node()
	if !ok {
		return
	}
	subnet, err := netip.ParsePrefix(node.PodSubnet)
	if err != nil {
		s.n.Cannot("pod subnet of node "+node.Name, err.Error())
		return
	}
	ips, err := allottedIPv4(pod, defaultNetwork)
	if err != nil {
		s.n.Cannot(s.what("pod IP"), err.Error())
		return
	}
	var plain, prefixed []string
	for _, ip := range ips {
		plain = append(plain, ip.String())
		prefixed = append(prefixed, netip.PrefixFrom(ip, subnet.Bits()).String())
	}
	n := s.n
	n.Set(s.what("pod's IPs in its status"), at, plain, "the pod-networks annotation", pod.IPs)
	n.Set(s.what("allotment"), at, prefixed, "with the prefix of node "+node.Name+"'s subnet "+node.PodSubnet, pod.Allotted[defaultNetwork].CIDRs)
	n.Check(s.what("pod IP"), at, "inside "+node.PodSubnet, "node "+node.Name+"'s subnet", ips[0].String(), subnet.Contains(ips[0]))
	l, from, ok := s.launcherLink(clusterInterface)
	if !ok {
		return
	}
	n.Equal(s.what("eth0 kind"), from, "veth", "CNI", l.Kind)
	n.Equal(s.what("eth0 state"), from, "UP", "CNI", state(l))
	n.Set(s.what("eth0 addresses"), from, prefixed, "the pod IP with the node subnet's prefix", ipv4(l))
	n.Equal(s.what("eth0 MAC"), from, podMAC(ips[0]), "0a:58 and "+ips[0].String(), l.MAC)
}

// bridgeLink is CN-03.
func (s subject) bridgeLink() {
	subnet, why, ok := s.subnet()
	if !ok {
		return
	}
	l, from, ok := s.launcherLink(bridgeName(clusterInterface))
	if !ok {
		return
	}
	s.n.Equal(s.what(l.Name+" kind"), from, "bridge", "KubeVirt", l.Kind)
	s.n.Equal(s.what(l.Name+" state"), from, "UP", "KubeVirt", state(l))
	s.n.Set(s.what(l.Name+" addresses"), from, []string{host(subnet, 1).String()}, "first host of "+why, ipv4(l))
}

// tapLink is CN-04.
func (s subject) tapLink() {
	if l, from, ok := s.launcherLink(tapName(clusterInterface)); ok {
		s.n.Equal(s.what(l.Name+" state"), from, "UP", "KubeVirt", state(l))
		s.n.Equal(s.what(l.Name+" master"), from, bridgeName(clusterInterface), "KubeVirt", l.Master)
	}
}

// bridgeMAC is CN-05.
func (s subject) bridgeMAC() {
	if l, from, ok := s.launcherLink(bridgeName(clusterInterface)); ok {
		s.n.Equal(s.what(l.Name+" MAC"), from, masqueradeBridgeMAC, "KubeVirt's static bridge MAC", l.MAC)
	}
}

// CN-06.
func oneMTU(n *Notebook, o model.Observation) {
	const why = "the cluster network's MTU"
	for _, s := range subjects(n, o, clusterNetworkVMs, everyVM) {
		for _, name := range []string{clusterInterface, bridgeName(clusterInterface), tapName(clusterInterface)} {
			if l, from, ok := s.launcherLink(name); ok {
				n.Equal(s.what(name+" MTU"), from, o.Facts.MTU, why, l.MTU)
			}
		}
	}
	for _, s := range subjects(n, o, clusterNetworkVMs, guests) {
		if l, from, ok := s.guestNIC(); ok {
			n.Equal(s.what("guest NIC "+l.Name+" MTU"), from, o.Facts.MTU, why, l.MTU)
		}
	}
}

// logicalPortBound is CN-23.
func (s subject) logicalPortBound() {
	pod, _, ok := Need(s.n, s.what("pod"), s.Pod)
	if !ok {
		return
	}
	port, from, ok := Need(s.n, s.what("logical port"), s.Port)
	if !ok {
		return
	}
	want := logicalPort(s.Spec.Namespace, pod.Name)
	const why = "OVN-Kubernetes' name for namespace and pod"
	s.n.Check(s.what("eth0's other end"), from, "a link of the node", "the veth pair", text(port.HostLink), port.HostLink != "")
	s.n.Equal(s.what("iface-id of OVS interface "+text(port.HostLink)), from, want, why, port.IfaceID)
	s.n.Equal(s.what("logical port"), from, want, why, port.Name)
	s.n.Equal(s.what("logical port's chassis"), from, pod.Node, "the pod's node", port.Chassis)
	s.n.Equal(s.what("logical port is up"), from, true, "OVN southbound", port.Up)
}
