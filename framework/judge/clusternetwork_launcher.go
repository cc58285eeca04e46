package judge

import (
	"net/netip"
	"slices"

	"github.com/vmnet-project/vmnet/framework/model"
)

// CN-01. Links that any pod on the node has (tunl0, gre0, where the kernel makes them) are subtracted.
func launcherLinks(n *Notebook, o model.Observation) {
	want := []string{"lo", clusterInterface, bridgeName(clusterInterface), tapName(clusterInterface)}
	for _, s := range subjects(n, o, clusterNetworkVMs, everyVM) {
		links, from, ok := Need(n, s.what("launcher's links"), s.Launcher.Links)
		if !ok {
			continue
		}
		pod, _, ok := Need(n, s.what("pod"), s.Pod)
		if !ok {
			continue
		}
		control, _, ok := Need(n, "links of a control pod on node "+pod.Node, s.stage.Controls[pod.Node])
		if !ok {
			continue
		}
		anyPod := linkNames(control)
		if !slices.Contains(anyPod, clusterInterface) {
			n.Cannot("control pod on node "+pod.Node, "it has no "+clusterInterface+", so this was no look at a pod: "+list(anyPod))
			continue
		}
		got := slices.DeleteFunc(linkNames(links), func(l string) bool {
			return slices.Contains(anyPod, l) && !slices.Contains(want, l)
		})
		n.Set(s.what("launcher's links"), from, want, "KubeVirt's names", got)
	}
}

// CN-02.
func podLink(n *Notebook, o model.Observation) {
	for _, s := range subjects(n, o, clusterNetworkVMs, everyVM) {
		pod, at, ok := Need(n, s.what("pod"), s.Pod)
		if !ok {
			continue
		}
		node, ok := s.node()
		if !ok {
			continue
		}
		subnet, err := netip.ParsePrefix(node.PodSubnet)
		if err != nil {
			n.Cannot("pod subnet of node "+node.Name, err.Error())
			continue
		}
		ips, err := allottedIPv4(pod, defaultNetwork)
		if err != nil {
			n.Cannot(s.what("pod IP"), err.Error())
			continue
		}
		var plain, prefixed []string
		for _, ip := range ips {
			plain = append(plain, ip.String())
			prefixed = append(prefixed, netip.PrefixFrom(ip, subnet.Bits()).String())
		}
		n.Set(s.what("pod's IPs in its status"), at, plain, "the pod-networks annotation", pod.IPs)
		n.Set(s.what("allotment"), at, prefixed, "with the prefix of node "+node.Name+"'s subnet "+node.PodSubnet, pod.Allotted[defaultNetwork].CIDRs)
		n.Check(s.what("pod IP"), at, "inside "+node.PodSubnet, "node "+node.Name+"'s subnet", ips[0].String(), subnet.Contains(ips[0]))
		l, from, ok := s.launcherLink(clusterInterface)
		if !ok {
			continue
		}
		n.Equal(s.what("eth0 kind"), from, "veth", "CNI", l.Kind)
		n.Equal(s.what("eth0 state"), from, "UP", "CNI", state(l))
		n.Set(s.what("eth0 addresses"), from, prefixed, "the pod IP with the node subnet's prefix", ipv4(l))
		n.Equal(s.what("eth0 MAC"), from, podMAC(ips[0]), "0a:58 and "+ips[0].String(), l.MAC)
	}
}

// CN-03.
func bridgeLink(n *Notebook, o model.Observation) {
	for _, s := range subjects(n, o, clusterNetworkVMs, everyVM) {
		subnet, why, ok := s.subnet()
		if !ok {
			continue
		}
		l, from, ok := s.launcherLink(bridgeName(clusterInterface))
		if !ok {
			continue
		}
		n.Equal(s.what(l.Name+" kind"), from, "bridge", "KubeVirt", l.Kind)
		n.Equal(s.what(l.Name+" state"), from, "UP", "KubeVirt", state(l))
		n.Set(s.what(l.Name+" addresses"), from, []string{host(subnet, 1).String()}, "first host of "+why, ipv4(l))
	}
}

// CN-04.
func tapLink(n *Notebook, o model.Observation) {
	for _, s := range subjects(n, o, clusterNetworkVMs, everyVM) {
		if l, from, ok := s.launcherLink(tapName(clusterInterface)); ok {
			n.Equal(s.what(l.Name+" state"), from, "UP", "KubeVirt", state(l))
			n.Equal(s.what(l.Name+" master"), from, bridgeName(clusterInterface), "KubeVirt", l.Master)
		}
	}
}

// CN-05.
func bridgeMAC(n *Notebook, o model.Observation) {
	for _, s := range subjects(n, o, clusterNetworkVMs, everyVM) {
		if l, from, ok := s.launcherLink(bridgeName(clusterInterface)); ok {
			n.Equal(s.what(l.Name+" MAC"), from, masqueradeBridgeMAC, "KubeVirt's static bridge MAC", l.MAC)
		}
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

// CN-23.
func logicalPortBound(n *Notebook, o model.Observation) {
	for _, s := range subjects(n, o, clusterNetworkVMs, everyVM) {
		pod, _, ok := Need(n, s.what("pod"), s.Pod)
		if !ok {
			continue
		}
		port, from, ok := Need(n, s.what("logical port"), s.Port)
		if !ok {
			continue
		}
		want := logicalPort(s.Spec.Namespace, pod.Name)
		const why = "OVN-Kubernetes' name for namespace and pod"
		n.Check(s.what("eth0's other end"), from, "a link of the node", "the veth pair", text(port.HostLink), port.HostLink != "")
		n.Equal(s.what("iface-id of OVS interface "+text(port.HostLink)), from, want, why, port.IfaceID)
		n.Equal(s.what("logical port"), from, want, why, port.Name)
		n.Equal(s.what("logical port's chassis"), from, pod.Node, "the pod's node", port.Chassis)
		n.Equal(s.what("logical port is up"), from, true, "OVN southbound", port.Up)
	}
}
