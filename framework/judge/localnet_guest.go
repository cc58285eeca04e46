package judge

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// vlan is the VM's interface on the form's network, and has a MAC.
func (f form) vlan(s subject) (nic, bool) {
	i, ok := f.nic(s)
	return i, ok && i.hasMAC()
}

// nic is that, with a MAC or without. The network of a run may have the run's ID behind its name.
func (f form) nic(s subject) (nic, bool) {
	i, ok := s.nic(vlanNIC)
	if ok && !strings.HasPrefix(i.key, f.network) {
		s.n.Cannot(s.what("spec.interfaces"), i.spec.Name+" is on network "+text(i.key)+", not on "+f.network)
		return i, false
	}
	return i, ok
}

// hasMAC notes where the spec names no MAC, by which leases and frames are found.
func (i nic) hasMAC() bool {
	if i.spec.MAC == "" {
		i.n.Cannot(i.what("spec.interfaces"), i.spec.Name+" has no mac")
	}
	return i.spec.MAC != ""
}

// asked is what the form's network is meant to be.
func (f form) asked(s subject) (model.NetworkSpec, bool) {
	w, _, ok := Need(s.n, "network "+f.network, s.stage.Networks[f.network])
	return w.Asked, ok
}

// host is the host on the form's VLAN, and its name: the DHCP server, which names itself as the router.
func (f form) host(s subject) (name string, p model.PhysicalPeer, ok bool) {
	asked, ok := f.asked(s)
	if !ok {
		return "", p, false
	}
	return s.hostOn(asked.VLAN, "network "+f.network)
}

func (s subject) hostOn(vlan int, whose string) (name string, p model.PhysicalPeer, ok bool) {
	var names []string
	for _, at := range slices.Sorted(maps.Keys(s.stage.Physical.Peers)) {
		if s.stage.Physical.Peers[at].VLAN == vlan && vlan != 0 {
			names = append(names, at)
		}
	}
	if len(names) != 1 {
		s.n.Cannot("peers", fmt.Sprintf("one is to be on vlan %d, that of %s, and there are: %s", vlan, whose, list(names)))
		return "", p, false
	}
	return names[0], s.stage.Physical.Peers[names[0]], true
}

// leased is what the DHCP server gave to the VM's interface on the VLAN.
func (f form) leased(s subject) (netip.Prefix, bool) {
	i, ok := f.vlan(s)
	if !ok {
		return netip.Prefix{}, false
	}
	_, p, ok := f.host(s)
	if !ok {
		return netip.Prefix{}, false
	}
	return s.servedTo(i.spec.MAC, p)
}

// byServer is where addresses on a VLAN are expected from.
const byServer = "the DHCP server's own list"

// servedTo is the address that the DHCP server wrote down for a MAC of the VM's, with the prefix of the host's VLAN. That
// there is none, or more, is a comparison that fails.
func (s subject) servedTo(mac string, host model.PhysicalPeer) (netip.Prefix, bool) {
	leases, from, ok := Need(s.n, "leases of the DHCP server", s.stage.Physical.Leases)
	if !ok {
		return netip.Prefix{}, false
	}
	var ips []string
	for _, l := range leases {
		if l.MAC == mac {
			ips = append(ips, l.IP)
		}
	}
	if len(ips) != 1 {
		s.n.Check(s.what("leases of the DHCP server for MAC "+text(mac)), from, "one", "the spec's macAddress", list(ips), false)
		return netip.Prefix{}, false
	}
	subnet, err := subnetOfHost(host)
	if err != nil {
		s.n.Cannot("peer on vlan "+fmt.Sprint(host.VLAN), err.Error())
		return netip.Prefix{}, false
	}
	ip, err := netip.ParseAddr(ips[0])
	if err != nil || !subnet.Contains(ip) {
		s.n.Check(fmt.Sprintf("%s lease of the DHCP server for MAC %s on vlan %d", s.name, mac, host.VLAN), from,
			"inside "+subnet.String(), "the peer's address and prefix", text(ips[0]), false)
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(ip, subnet.Bits()), true
}

// subnetOfHost is that of the VLAN that a host is on.
func subnetOfHost(p model.PhysicalPeer) (netip.Prefix, error) {
	ip, err := netip.ParseAddr(p.Address)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("its address: %w", err)
	}
	subnet, err := ip.Prefix(p.Prefix)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("its prefix: %w", err)
	}
	return subnet, nil
}

// served is LN-04.
func (f form) served(s subject) {
	i, ok := f.vlan(s)
	if !ok {
		return
	}
	i.guestMAC()
	address, ok := f.leased(s)
	if !ok {
		return
	}
	_, p, ok := f.host(s)
	if !ok {
		return
	}
	if l, from, ok := i.inGuest(); ok {
		s.n.Set(s.what("guest's IPv4 addresses on "+l.Name), from, []string{address.String()}, byServer, ipv4(l))
	}
	if lease, from, ok := i.lease(); ok {
		s.n.Equal(s.what("address leased on "+i.spec.Name), from, address, byServer, fmt.Sprintf("%s/%d", lease.IP, lease.Prefix))
		s.n.Equal(s.what("server of the lease on "+i.spec.Name), from, p.Address, "the peer's address", lease.Server)
	}
}

// firstRoute and vlanRoute are the default routes that a guest with a router on each network has.
func (s subject) firstRoute() (string, bool) {
	subnet, _, ok := s.subnet()
	if !ok {
		return "", false
	}
	i, ok := s.nic(0)
	if !ok {
		return "", false
	}
	l, _, ok := i.inGuest()
	return defaultRoute(l.Name, host(subnet, 1).Addr(), host(subnet, 2).Addr(), 0), ok
}

func (f form) vlanRoute(s subject) (string, bool) {
	address, ok := f.leased(s)
	if !ok {
		return "", false
	}
	_, p, ok := f.host(s)
	if !ok {
		return "", false
	}
	router, err := netip.ParseAddr(p.Address)
	if err != nil {
		s.n.Cannot("peer's address", err.Error())
		return "", false
	}
	i, ok := f.vlan(s)
	if !ok {
		return "", false
	}
	l, _, ok := i.inGuest()
	return defaultRoute(l.Name, router, address.Addr(), vlanNIC), ok
}

// vlanMAC is for messages.
func (s subject) vlanMAC() string {
	if len(s.Spec.Interfaces) <= vlanNIC {
		return ""
	}
	return s.Spec.Interfaces[vlanNIC].MAC
}

// defaults are all default routes of the guest.
func (s subject) defaults() ([]string, Source, bool) {
	routes, from, ok := Need(s.n, s.what("guest's routes"), s.Guest.Routes)
	isDefault, _ := byKind(mainIPv4(routes))
	return isDefault, from, ok
}

// twoDefaultRoutes is LN-05.
func (f form) twoDefaultRoutes(s subject) {
	first, ok := s.firstRoute()
	if !ok {
		return
	}
	second, ok := f.vlanRoute(s)
	if !ok {
		return
	}
	if got, from, ok := s.defaults(); ok {
		s.n.Set(s.what("guest's default routes"), from, []string{first, second},
			"from the launcher's DHCP and from the VLAN's, for MAC "+s.vlanMAC()+", whose router is the peer; the first NIC's metric is the lower one", got)
	}
}

// oneDefaultRoute is LN-11. It says something of a guest that has a lease without router, beside one that has a router.
func (f form) oneDefaultRoute(s subject) {
	if other, ok := s.member(f.routed()); ok {
		if want, ok := f.vlanRoute(other); ok {
			if got, _, ok := other.defaults(); ok && !slices.Contains(got, want) {
				s.n.Cannot("control "+other.name, "its default routes are "+list(got)+", without "+want+", which the DHCP server names to MAC "+other.vlanMAC())
			}
		}
	}
	i, ok := f.vlan(s)
	if !ok {
		return
	}
	address, ok := f.leased(s)
	if !ok {
		return
	}
	if lease, _, ok := i.lease(); ok {
		if lease.IP != address.Addr().String() {
			s.n.Cannot(s.what("guest's lease"), "it is of "+text(lease.IP)+", the DHCP server's for MAC "+i.spec.MAC+" of "+address.Addr().String())
		}
		if lease.Router != "" {
			s.n.Cannot(s.what("guest's lease"), "it names router "+lease.Router)
		}
	}
	want, ok := s.firstRoute()
	if !ok {
		return
	}
	if got, from, ok := s.defaults(); ok {
		s.n.Set(s.what("guest's default routes"), from, []string{want}, "the launcher's DHCP alone names a router", got)
	}
}

// vlanConnectedRoutes is LN-15.
func (f form) vlanConnectedRoutes(s subject) {
	subnet, _, ok := s.subnet()
	if !ok {
		return
	}
	address, ok := f.leased(s)
	if !ok {
		return
	}
	first, ok := s.nic(0)
	if !ok {
		return
	}
	second, ok := f.vlan(s)
	if !ok {
		return
	}
	_, others, a, from, ok := first.routes(true)
	if !ok {
		return
	}
	_, _, b, _, ok := second.routes(true)
	if !ok {
		return
	}
	want := []string{connectedRoute(a.Name, subnet, host(subnet, 2).Addr(), 0), connectedRoute(b.Name, address.Masked(), address.Addr(), vlanNIC)}
	s.n.Set(s.what("guest's other routes"), from, want, "connected by "+interfaces(s.Spec), others)
}
