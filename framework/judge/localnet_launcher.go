package judge

import (
	"cmp"
	"slices"

	"github.com/vmnet-project/vmnet/framework/model"
)

// vlanLauncher is LN-02. Nobody but the VLAN's DHCP server has addresses for the interface.
func (f form) vlanLauncher(s subject) {
	i, ok := f.vlan(s)
	if !ok {
		return
	}
	const why = "the network has no addresses of its own"
	i.idle(nil, why)
	i.dummyMAC()
	i.enslaved()
	i.bridge(nil, why)
}

// firstByMasquerade is LN-03, and CN-24 and CN-25.
func (s subject) firstByMasquerade() {
	s.podLink()
	s.bridgeLink()
	s.tapLink()
	s.bridgeMAC()
	s.primaryRole()
	i, ok := s.nic(0)
	if !ok || !i.hasMAC() {
		return
	}
	if second, ok := s.nic(vlanNIC); ok && second.hasMAC() {
		s.virtioNICs()
	}
	i.mtus(s.facts.MTU, "the cluster network's MTU", clusterInterface, bridgeName(clusterInterface), tapName(clusterInterface))
	i.guestMAC()
	subnet, why, ok := s.subnet()
	if !ok {
		return
	}
	if l, from, ok := i.inGuest(); ok {
		s.n.Set(s.what("guest's IPv4 addresses on "+l.Name), from, []string{host(subnet, 2).String()}, "second host of "+why, ipv4(l))
	}
	routes, from, ok := Need(s.n, s.what("guest's routes"), s.Guest.Routes)
	if !ok {
		return
	}
	l, _, ok := i.inGuest()
	if !ok {
		return
	}
	if l.Name == "" {
		s.n.Cannot(s.what("guest's NIC"), "it has no name to find its routes by")
		return
	}
	isDefault, _ := byKind(slices.DeleteFunc(mainIPv4(routes), func(r model.Route) bool { return r.Dev != l.Name }))
	want := defaultRoute(l.Name, host(subnet, 1).Addr(), host(subnet, 2).Addr(), 0)
	s.n.Set(s.what("guest's default routes over NIC "+l.Name), from, []string{want}, "from "+why+" by DHCP", isDefault)
}

// vlanMTU is LN-16.
func (f form) vlanMTU(s subject) {
	i, ok := f.nic(s)
	if !ok {
		return
	}
	if asked, ok := f.asked(s); ok {
		veth, bridge, tap, _ := udnNames(i.spec)
		i.mtus(cmp.Or(asked.MTU, f.mtu(s.facts)), "MTU of network "+f.network+", or else "+f.whose, veth, bridge, tap)
	}
}
