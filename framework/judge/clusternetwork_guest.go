package judge

import (
	"fmt"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// CN-07.
func guestMAC(n *Notebook, o model.Observation) {
	for _, s := range subjects(n, o, clusterNetworkVMs, guests) {
		i, ok := s.first()
		if !ok {
			continue
		}
		links, from, ok := Need(n, s.what("guest's links"), s.Guest.Links)
		if !ok {
			continue
		}
		var macs []string
		for _, l := range besideLo(links) {
			macs = append(macs, l.MAC)
		}
		n.Set(s.what("guest's NICs"), from, []string{i.MAC}, "the spec's macAddress", macs)
	}
}

// CN-08.
func guestAddress(n *Notebook, o model.Observation) {
	for _, s := range subjects(n, o, clusterNetworkVMs, guests) {
		subnet, why, ok := s.subnet()
		if !ok {
			continue
		}
		if l, from, ok := s.guestNIC(); ok {
			n.Set(s.what("guest's IPv4 addresses"), from, []string{host(subnet, 2).String()}, "second host of "+why, ipv4(l))
		}
	}
}

// CN-09.
func guestDefaultRoute(n *Notebook, o model.Observation) {
	guestRoutes(n, o, func(s subject, nic model.Link, isDefault, _ []string, from Source) {
		if subnet, why, ok := s.subnet(); ok {
			want := routeText(model.Route{
				Dst: "default", Via: host(subnet, 1).Addr().String(), Dev: nic.Name, Proto: "dhcp",
				Src: host(subnet, 2).Addr().String(), Metric: routeMetric(0),
			})
			n.Set(s.what("guest's default routes"), from, []string{want}, "from "+why+" by DHCP", isDefault)
		}
	})
}

// CN-10.
func guestConnectedRoute(n *Notebook, o model.Observation) {
	guestRoutes(n, o, func(s subject, nic model.Link, _, others []string, from Source) {
		if subnet, why, ok := s.subnet(); ok {
			want := routeText(model.Route{
				Dst: subnet.String(), Dev: nic.Name, Proto: "kernel", Src: host(subnet, 2).Addr().String(), Metric: routeMetric(0),
			})
			n.Set(s.what("guest's other routes"), from, []string{want}, "connected by "+why, others)
		}
	})
}

// guestRoutes gives each guest's rows of the IPv4 main table, as text.
func guestRoutes(n *Notebook, o model.Observation, judge func(s subject, nic model.Link, isDefault, others []string, from Source)) {
	for _, s := range subjects(n, o, clusterNetworkVMs, guests) {
		routes, from, ok := Need(n, s.what("guest's routes"), s.Guest.Routes)
		if !ok {
			continue
		}
		nic, _, ok := s.guestNIC()
		if !ok {
			continue
		}
		var isDefault, others []string
		for _, r := range mainIPv4(routes) {
			if r.Dst == "default" {
				isDefault = append(isDefault, routeText(r))
			} else {
				others = append(others, routeText(r))
			}
		}
		judge(s, nic, isDefault, others, from)
	}
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
		n.Cannot("VMs", "none has a vmNetworkCIDR of its own, as the scenario's vm-c should")
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
		n.Set(s.what("guest's gateways"), from, []string{gateway.Addr().String()}, "first host of "+why, vias)
	}
}

// CN-25. The guest's side is not looked into for spares.
func virtioNICs(n *Notebook, o model.Observation) {
	for _, s := range subjects(n, o, clusterNetworkVMs, everyVM) {
		nics, from, ok := Need(n, s.what("hypervisor's NICs"), s.Launcher.NICs)
		if !ok {
			continue
		}
		var want, got []string
		for _, i := range s.Spec.Interfaces {
			want = append(want, nicText("virtio", i.MAC, tapName(podInterface(i))))
		}
		for _, d := range nics {
			got = append(got, nicText(nicModel(d.Device), d.MAC, d.Tap))
		}
		n.Equal(s.what("hypervisor's NICs"), from, list(want), "the spec's interfaces in their order", list(got))
	}
	for _, s := range subjects(n, o, clusterNetworkVMs, guests) {
		nics, from, ok := Need(n, s.what("guest's NICs"), s.Guest.NICs)
		if !ok {
			continue
		}
		var want, got []string
		for range s.Spec.Interfaces {
			want = append(want, "virtio_net")
		}
		for _, d := range nics {
			got = append(got, text(d.Driver))
		}
		n.Set(s.what("guest's NIC drivers"), from, want, "virtio, one for each interface of the spec", got)
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

// CN-26.
func hostname(n *Notebook, o model.Observation) {
	for _, s := range subjects(n, o, clusterNetworkVMs, guests) {
		if got, from, ok := Need(n, s.what("guest's hostname"), s.Guest.Hostname); ok {
			n.Equal(s.what("guest's hostname"), from, s.Spec.Hostname, hostnameRule(s.Spec), got)
		}
	}
}

// hostnameRule says why a guest has the name that the spec's record holds.
func hostnameRule(s model.VMSpec) string {
	if s.Hostname == s.Name {
		return "the VM's name, as spec.hostname says no other"
	}
	return "spec.hostname, or else the name of VM " + s.Name + " up to its first dot"
}
