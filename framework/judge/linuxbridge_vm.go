package judge

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// attached is the VM's interface of that name, on a network of its own, and what its network is meant to be.
func (s subject) attached(name string) (nic, model.NetworkSpec, bool) {
	at := slices.IndexFunc(s.Spec.Interfaces, func(i model.InterfaceSpec) bool { return i.Name == name })
	if at < 0 {
		s.n.Cannot(s.what("spec.interfaces"), "none has the name "+name)
		return nic{}, model.NetworkSpec{}, false
	}
	i, ok := s.nic(at)
	if !ok {
		return i, model.NetworkSpec{}, false
	}
	w, ok := i.network()
	return i, w.Asked, ok
}

// byMAC is the guest's link with the interface's MAC that is no VLAN's on top of it.
func (i nic) byMAC() (model.Link, Source, bool) {
	links, from, ok := Need(i.n, i.what("guest's links"), i.Guest.Links)
	if !ok || !i.hasMAC() {
		return model.Link{}, from, false
	}
	at := slices.IndexFunc(links, func(l model.Link) bool { return l.MAC == i.spec.MAC && l.Kind != "vlan" })
	if at < 0 {
		i.n.Has(i.what("guest's links"), from, "one with MAC "+i.spec.MAC, "the spec", linkNames(links))
		return model.Link{}, from, false
	}
	return links[at], from, true
}

// onBridge is LB-01 and LB-04: the node's end of the VM's link is a port of the bridge, and a pod on the bridge is reached.
func onBridge(name, plugin string) func(subject) {
	return func(s subject) {
		i, asked, ok := s.attached(name)
		if !ok {
			return
		}
		if asked.Bridge == "" || !slices.Contains(asked.Plugins, plugin) {
			s.n.Cannot("network "+i.key, fmt.Sprintf("its plugins are %s, its bridge %s: that is no attachment by %s", list(asked.Plugins), text(asked.Bridge), plugin))
			return
		}
		i.bridgePort(asked.Bridge)
		if own, ok := s.status(s.name, s.Spec.Namespace, i.key); ok {
			if l, from, ok := i.byMAC(); ok {
				s.n.Set(s.what("guest's IPv4 addresses on the NIC with MAC "+l.MAC), from, ipv4Only(own.IPs), "network-status", withoutPrefix(ipv4(l)))
			}
		}
		const peer = "neighbour"
		there, ok := s.status(peer, s.Spec.Namespace, "plain")
		if !ok {
			return
		}
		path := s.name + ">pod/" + peer + "#" + name
		p, from, ok := s.path(path)
		if !ok {
			return
		}
		address, err := netip.ParseAddr(strings.Join(ipv4Only(there.IPs), " "))
		if err != nil {
			s.n.Cannot("network-status of pod "+peer, err.Error())
			return
		}
		dialled(s.n, path, from, address, peer+"'s on the bridge", p)
		passed(s.n, path, from, true, p)
		s.n.Equal(path+": answer", from, peer, "the pod's hostname", p.Answer)
	}
}

// bridgePort compares the bridge that the node's end of the interface's link is a port of.
func (i nic) bridgePort(bridge string) {
	veth, _, _, _ := udnNames(i.spec)
	l, _, ok := i.launcherLink(veth)
	if !ok {
		return
	}
	pod, _, ok := Need(i.n, i.what("pod"), i.Pod)
	if !ok {
		return
	}
	links, from, ok := Need(i.n, "links of node "+text(pod.Node), i.stage.Hosts[pod.Node].Links)
	if !ok {
		return
	}
	at := slices.IndexFunc(links, func(h model.Link) bool { return h.Index == l.PeerIndex && l.PeerIndex != 0 })
	what := fmt.Sprintf("%s other end of link %s, with index %d on node %s: master", i.name, veth, l.PeerIndex, pod.Node)
	if at < 0 {
		i.n.Check(what, from, bridge, "the network's bridge", "no such link", false)
		return
	}
	i.n.Equal(what, from, bridge, "the network's bridge", text(links[at].Master))
}

// status is the row of network-status of a VM or pod for a network. That there is none is a comparison that fails.
func (s subject) status(of, namespace, network string) (model.Attachment, bool) {
	rows, from, ok := Need(s.n, "network-status of "+of, s.stage.Physical.Attachments[of])
	if !ok {
		return model.Attachment{}, false
	}
	name := namespace + "/" + network
	var names []string
	for _, r := range rows {
		if r.Name == name {
			return r, true
		}
		names = append(names, r.Name)
	}
	s.n.Has("networks in network-status of "+of, from, name, "the spec", names)
	return model.Attachment{}, false
}

func withoutPrefix(cidrs []string) []string {
	var ips []string
	for _, c := range cidrs {
		ip, _, _ := strings.Cut(c, "/")
		ips = append(ips, ip)
	}
	return ips
}

// accessPort is LB-02.
func (s subject) accessPort() {
	if i, asked, ok := s.attached("access"); ok && i.hasMAC() {
		s.bridged(i, asked.VLAN, "#access")
	}
}

// guestTags is LB-03: the guest's link that puts the tag on has the address that the DHCP server gave, and the bridge lets
// the tag through.
func (s subject) guestTags() {
	i, asked, ok := s.attached("trunk")
	if !ok || !i.hasMAC() {
		return
	}
	if len(asked.Trunk) != 1 {
		s.n.Cannot("network "+i.key, fmt.Sprintf("its trunk is %v, not of one VLAN", asked.Trunk))
		return
	}
	p, from, ok := s.bridged(i, asked.Trunk[0], "#trunk")
	if !ok {
		return
	}
	_, peer, ok := s.hostOn(asked.Trunk[0], "network "+i.key)
	if !ok {
		return
	}
	address, ok := s.servedTo(i.spec.MAC, peer)
	if !ok {
		return
	}
	s.n.Equal(s.what("address as the peer sees it"), from, address.Addr().String(), byServer, p.SourceSeen)
	links, at, ok := Need(s.n, s.what("guest's links"), s.Guest.Links)
	if !ok {
		return
	}
	own := slices.IndexFunc(links, func(l model.Link) bool { return l.Kind == "vlan" && l.MAC == i.spec.MAC })
	if own < 0 {
		s.n.Has(s.what("guest's links"), at, "one of kind vlan with MAC "+i.spec.MAC, "the guest tags", linkNames(links))
		return
	}
	s.n.Set(s.what("guest's IPv4 addresses on "+links[own].Name+", of kind vlan"), at, []string{address.String()}, byServer, ipv4(links[own]))
}

// bridged compares the tag that the host on a VLAN sees of a VM on a Linux bridge, and how the VM reaches it. The tag comes
// first: with a wrong one the VM reaches nobody, and that says less.
func (s subject) bridged(i nic, vlan int, network string) (p model.Path, from Source, ok bool) {
	name, peer, ok := s.hostOn(vlan, "network "+i.key)
	if !ok {
		return p, from, false
	}
	path := vlanPath(s.name, name) + network
	s.tagged(path, i.spec.MAC, vlan, "the network's vlan")
	return s.reaches(path, peer)
}
