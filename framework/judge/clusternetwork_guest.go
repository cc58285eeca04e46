package judge

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// guestMAC is CN-07.
func (s subject) guestMAC() {
	i, ok := s.first()
	if !ok {
		return
	}
	links, from, ok := Need(s.n, s.what("guest's links"), s.Guest.Links)
	if !ok {
		return
	}
	var macs []string
	for _, l := range besideLo(links) {
		macs = append(macs, l.MAC)
	}
	s.n.Set(s.what("guest's NICs"), from, []string{i.MAC}, "the spec's macAddress", macs)
	names := linkNames(besideLo(links))
	s.n.Check(s.what("guest's links beside lo"), from, "one", "the spec has one interface", list(names), len(names) == 1)
}

// guestAddress is CN-08.
func (s subject) guestAddress() {
	subnet, why, ok := s.subnet()
	if !ok {
		return
	}
	if l, from, ok := s.guestNIC(); ok {
		s.n.Set(s.what("guest's IPv4 addresses"), from, []string{host(subnet, 2).String()}, "second host of "+why, ipv4(l))
	}
}

// guestDefaultRoute is CN-09.
func (s subject) guestDefaultRoute() {
	if subnet, why, ok := s.subnet(); ok {
		isDefault, _, nic, from, ok := s.routesOver()
		if !ok {
			return
		}
		want := defaultRoute(nic.Name, host(subnet, 1).Addr(), host(subnet, 2).Addr(), 0)
		s.n.Set(s.what("guest's default routes"), from, []string{want}, "from "+why+" by DHCP", isDefault)
	}
}

// guestConnectedRoute is CN-10.
func (s subject) guestConnectedRoute() {
	if subnet, why, ok := s.subnet(); ok {
		_, others, nic, from, ok := s.routesOver()
		if !ok {
			return
		}
		want := connectedRoute(nic.Name, subnet, host(subnet, 2).Addr(), 0)
		s.n.Set(s.what("guest's other routes"), from, []string{want}, "connected by "+why, others)
	}
}

// routesOver are the guest's rows of the IPv4 main table, as text, and its NIC.
func (s subject) routesOver() (isDefault, others []string, nic model.Link, from Source, ok bool) {
	routes, from, ok := Need(s.n, s.what("guest's routes"), s.Guest.Routes)
	if !ok {
		return nil, nil, nic, from, false
	}
	if nic, _, ok = s.guestNIC(); !ok {
		return nil, nil, nic, from, false
	}
	isDefault, others = byKind(mainIPv4(routes))
	return isDefault, others, nic, from, true
}

// byKind parts default routes from others, as text.
func byKind(routes []model.Route) (isDefault, others []string) {
	for _, r := range routes {
		if r.Dst == "default" {
			isDefault = append(isDefault, routeText(r))
		} else {
			others = append(others, routeText(r))
		}
	}
	return isDefault, others
}

// defaultRoute and connectedRoute are what DHCP and the kernel make over the guest's n-th NIC.
func defaultRoute(dev string, via, src netip.Addr, nic int) string {
	return routeText(model.Route{Dst: "default", Via: via.String(), Dev: dev, Proto: "dhcp", Src: src.String(), Metric: routeMetric(nic)})
}

func connectedRoute(dev string, subnet netip.Prefix, src netip.Addr, nic int) string {
	return routeText(model.Route{Dst: subnet.String(), Dev: dev, Proto: "kernel", Src: src.String(), Metric: routeMetric(nic)})
}

func mainIPv4(routes []model.Route) []model.Route {
	var rows []model.Route
	for _, r := range routes {
		if r.Family == "inet" && r.Table == "main" {
			rows = append(rows, r)
		}
	}
	return rows
}

// routeText is a route as ip writes it, without its scope.
func routeText(r model.Route) string {
	var b strings.Builder
	if r.Type != "" {
		b.WriteString(r.Type + " ")
	}
	b.WriteString(r.Dst)
	for _, f := range []struct{ word, value string }{{"via", r.Via}, {"dev", r.Dev}, {"proto", r.Proto}, {"src", r.Src}} {
		if f.value != "" {
			b.WriteString(" " + f.word + " " + f.value)
		}
	}
	if r.Metric != 0 {
		fmt.Fprintf(&b, " metric %d", r.Metric)
	}
	return b.String()
}

// CN-21.
func customSubnet(n *Notebook, o model.Observation) {
	found := subjects(n, o, nil, customVMs)
	if len(found) == 0 {
		n.Cannot("interfaces in the specs of VMs that are no spare", "none has a vmNetworkCIDR of its own, as the scenario's vm-c should")
	}
	for _, s := range found {
		subnet, why, ok := s.subnet()
		if !ok {
			continue
		}
		n.Check(s.what("vmNetworkCIDR"), Source{Place: "spec"}, "another than "+defaultGuestSubnet, "KubeVirt's default", subnet.String(), subnet.String() != defaultGuestSubnet)
		gateway, own := host(subnet, 1), host(subnet, 2)
		if l, from, ok := s.launcherLink(bridgeName(clusterInterface)); ok {
			n.Set(s.what(l.Name+" addresses"), from, []string{gateway.String()}, "first host of "+why, ipv4(l))
		}
		if l, from, ok := s.guestNIC(); ok {
			n.Set(s.what("guest's IPv4 addresses"), from, []string{own.String()}, "second host of "+why, ipv4(l))
		}
		routes, from, ok := Need(n, s.what("guest's routes"), s.Guest.Routes)
		if !ok {
			continue
		}
		var vias []string
		for _, r := range mainIPv4(routes) {
			if r.Dst == "default" {
				vias = append(vias, text(r.Via))
			}
		}
		n.Set(s.what("guest's gateways"), from, []string{gateway.Addr().String()}, "of default routes, first host of "+why, vias)
	}
}

// virtioNICs is CN-25, and in SU-13. The guest's side is not looked into for spares.
func (s subject) virtioNICs() {
	nics, from, ok := Need(s.n, s.what("hypervisor's NICs"), s.Launcher.NICs)
	if ok {
		why := "in the order of " + interfaces(s.Spec)
		var want, got []string
		for index, i := range s.Spec.Interfaces {
			mac := i.MAC
			if mac == "" && (i.Binding == l2Bridge || i.Network != "") {
				on, ok := s.nic(index)
				if !ok {
					return
				}
				given, whose, ok := on.mac()
				if !ok {
					return
				}
				mac, why = given, why+"; "+whose
			}
			want = append(want, nicText("virtio", mac, tapName(podInterface(i))))
		}
		for _, d := range nics {
			got = append(got, nicText(nicModel(d.Device), d.MAC, d.Tap))
		}
		s.n.Equal(s.what("hypervisor's NICs"), from, list(want), why, list(got))
	}
	if !s.Spec.Spare {
		s.virtioDrivers()
	}
}

func (s subject) virtioDrivers() {
	nics, from, ok := Need(s.n, s.what("guest's NICs"), s.Guest.NICs)
	if !ok {
		return
	}
	var want, got []string
	for range s.Spec.Interfaces {
		want = append(want, "virtio_net")
	}
	for _, d := range nics {
		got = append(got, text(d.Driver))
	}
	s.n.Set(s.what("guest's NIC drivers"), from, want, "virtio, one for each interface of the spec", got)
}

// virtioOfAll is CN-25: the scenario's guests must be looked into.
func virtioOfAll(n *Notebook, o model.Observation) {
	subjects(n, o, clusterNetworkVMs, guests)
	for _, s := range subjects(n, o, nil, everyVM) {
		s.virtioNICs()
	}
}

func nicText(kind, mac, tap string) string { return kind + " " + text(mac) + " on " + text(tap) }

// nicModel is a QEMU network device's model: virtio has several devices, for transitional and modern PCI.
func nicModel(device string) string {
	if strings.HasPrefix(device, "virtio-net-") {
		return "virtio"
	}
	return text(device)
}

// hostname is CN-26.
func (s subject) hostname() {
	if got, from, ok := Need(s.n, s.what("guest's hostname"), s.Guest.Hostname); ok {
		s.n.Equal(s.what("guest's hostname"), from, s.Spec.Hostname, hostnameRule(s.Spec), got)
	}
}

// hostnameRule says why a guest has the name that the spec's record holds.
func hostnameRule(s model.VMSpec) string {
	if s.Hostname == s.Name {
		return "the VM's name, as spec.hostname says no other"
	}
	return "spec.hostname, or else the name of VM " + s.Name + " up to its first dot"
}
