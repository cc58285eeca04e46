package judge

import (
	"fmt"
	"slices"

	"github.com/vmnet-project/vmnet/framework/model"
)

// primaryAddress is PU-07.
func (s subject) primaryAddress() {
	i, ok := s.primary()
	if !ok {
		return
	}
	i.onlyAddress(rolePrimary)
	i.inStatus()
}

// secondaryAddress is SU-05.
func (s subject) secondaryAddress() {
	i, ok := s.secondary()
	if !ok {
		return
	}
	i.onlyAddress(roleSecondary)
	i.leased()
}

// onlyAddress: the guest has the allotted address there and no other, and it is one that the network gives.
func (i nic) onlyAddress(role string) {
	address, ok := i.allotted()
	if !ok {
		return
	}
	if _, subnet, ok := i.subnet(); ok {
		first := firstAllotted(subnet, role)
		i.n.Check(i.what("allotted address on "+i.key), Source{Place: i.Pod.Place, Command: i.Pod.Command},
			fmt.Sprintf("in %s from %s on", subnet, first), "the network's subnet", address.String(),
			address.Masked() == subnet && !address.Addr().Less(first))
	}
	if l, from, ok := i.inGuest(); ok {
		i.n.Set(i.what("guest's IPv4 addresses on "+l.Name), from, []string{address.String()}, "the pod-networks annotation", ipv4(l))
	}
}

// inStatus compares VMI status with the allotted address.
func (i nic) inStatus() {
	address, ok := i.allotted()
	if !ok {
		return
	}
	vmi, from, ok := Need(i.n, i.what("VMI"), i.VMI)
	if !ok {
		return
	}
	at := slices.IndexFunc(vmi.Interfaces, func(v model.VMIInterface) bool { return v.Name == i.spec.Name })
	if at < 0 {
		var names []string
		for _, v := range vmi.Interfaces {
			names = append(names, v.Name)
		}
		i.n.Has(i.what("interfaces in VMI status"), from, i.spec.Name, "the spec", names)
		return
	}
	ip := address.Addr().String()
	i.n.Equal(i.what("VMI status ipAddress of "+i.spec.Name), from, ip, "the pod-networks annotation", vmi.Interfaces[at].IP)
	i.n.Set(i.what("VMI status ipAddresses of "+i.spec.Name), from, []string{ip}, "the pod-networks annotation", ipv4Only(vmi.Interfaces[at].IPs))
}

// leased: the launcher's DHCP server gave the guest the allotted address.
func (i nic) leased() {
	address, ok := i.allotted()
	if !ok {
		return
	}
	lease, from, ok := i.lease()
	if !ok {
		return
	}
	i.n.Equal(i.what("address leased on "+i.key), from, address, "the pod-networks annotation", fmt.Sprintf("%s/%d", lease.IP, lease.Prefix))
	i.n.Equal(i.what("server of the lease on "+i.key), from, serverAddress(i.index), "the launcher's bridge", lease.Server)
}

// lease is what the guest's DHCP client was given on the interface; that there is none is a comparison that fails.
func (i nic) lease() (model.Lease, Source, bool) {
	l, _, ok := i.inGuest()
	if !ok {
		return model.Lease{}, Source{}, false
	}
	leases, from, ok := Need(i.n, i.what("guest's leases"), i.Guest.Leases)
	if !ok {
		return model.Lease{}, from, false
	}
	lease, ok := leases[l.Name]
	if !ok {
		var nics []string
		for name := range leases {
			nics = append(nics, name)
		}
		slices.Sort(nics)
		i.n.Has(i.what("guest's NICs with a lease"), from, l.Name, "it is configured by DHCP", nics)
	}
	return lease, from, ok
}

// primaryDefaultRoute is PU-08, and SU-06 where all of the guest's are counted.
func (s subject) primaryDefaultRoute() { s.gateway(false) }
func (s subject) onlyDefaultRoute()    { s.gateway(true) }

func (s subject) gateway(everywhere bool) {
	i, ok := s.primary()
	if !ok {
		return
	}
	_, subnet, ok := i.subnet()
	if !ok {
		return
	}
	address, ok := i.allotted()
	if !ok {
		return
	}
	isDefault, _, l, from, ok := i.routes(everywhere)
	if !ok {
		return
	}
	want := defaultRoute(l.Name, host(subnet, 1).Addr(), address.Addr(), i.index)
	s.n.Set(s.what("guest's default routes"), from, []string{want}, "via the first address of subnet "+subnet.String()+", by DHCP", isDefault)
}

// primaryConnectedRoute is PU-09.
func (s subject) primaryConnectedRoute() {
	if i, ok := s.primary(); ok {
		s.connected(false, i)
	}
}

// connectedRoutes is SU-07.
func (s subject) connectedRoutes() {
	first, ok := s.primary()
	if !ok {
		return
	}
	if second, ok := s.secondary(); ok {
		s.connected(true, first, second)
	}
}

// connected: beside default routes there are those to the interfaces' own subnets alone.
func (s subject) connected(everywhere bool, nics ...nic) {
	var want, others []string
	var from Source
	why := "connected by"
	for _, i := range nics {
		_, subnet, ok := i.subnet()
		if !ok {
			return
		}
		address, ok := i.allotted()
		if !ok {
			return
		}
		var l model.Link
		if _, others, l, from, ok = i.routes(everywhere); !ok {
			return
		}
		want = append(want, connectedRoute(l.Name, subnet, address.Addr(), i.index))
		why += " " + i.key
	}
	s.n.Set(s.what("guest's other routes"), from, want, why+"; "+interfaces(s.Spec), others)
}

// routes are the guest's rows of the IPv4 main table, as text: all of them, or where it has several NICs those over this
// one.
func (i nic) routes(everywhere bool) (isDefault, others []string, l model.Link, from Source, ok bool) {
	all, from, ok := Need(i.n, i.what("guest's routes"), i.Guest.Routes)
	if !ok {
		return nil, nil, l, from, false
	}
	if l, _, ok = i.inGuest(); !ok {
		return nil, nil, l, from, false
	}
	if l.Name == "" {
		i.n.Cannot(i.what("guest's NIC"), "it has no name to find its routes by")
		return nil, nil, l, from, false
	}
	rows := mainIPv4(all)
	if !everywhere && len(i.Spec.Interfaces) > 1 {
		rows = slices.DeleteFunc(rows, func(r model.Route) bool { return r.Dev != l.Name })
	}
	isDefault, others = byKind(rows)
	return isDefault, others, l, from, true
}
