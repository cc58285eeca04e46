package judge

import (
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// CN-11. That an address is the guest's only one is another claim.
func sameAddressTwice(n *Notebook, o model.Observation) {
	subnet, err := guestSubnet(model.InterfaceSpec{})
	if err != nil {
		n.Cannot("default vmNetworkCIDR", err.Error())
		return
	}
	want := host(subnet, 2).String()
	vms := subjects(n, o, clusterNetworkVMs, guests)
	if len(vms) < len(clusterNetworkVMs) {
		return
	}
	var names, podIPs []string
	for _, s := range vms {
		i, ok := s.first()
		if !ok || i.VMNetworkCIDR != "" {
			continue
		}
		names = append(names, s.name)
		if vmi, from, ok := Need(n, s.what("VMI"), s.VMI); ok {
			n.Equal(s.what("VMI phase"), from, "Running", "it runs at the same time", vmi.Phase)
		}
		if l, from, ok := s.guestNIC(); ok {
			n.Has(s.what("guest's IPv4 addresses"), from, want, "second host of KubeVirt's default vmNetworkCIDR", ipv4(l))
		}
	}
	holder := map[string]string{}
	distinct := true
	for _, s := range subjects(n, o, nil, everyVM) {
		ip, ok := s.podIP()
		if !ok {
			continue
		}
		entry := s.name + " " + ip.String()
		if other, taken := holder[ip.String()]; taken {
			distinct = false
			entry += " as " + other
		}
		holder[ip.String()] = s.name
		podIPs = append(podIPs, entry)
	}
	n.Check("VMs on the default vmNetworkCIDR", Source{Place: "spec"}, "two or more", "the claim", list(names), len(names) >= 2)
	n.Check("pod IPs of all VMs", Source{Place: "api"}, "different ones", "the pod-networks annotation", list(podIPs), distinct)
}

// CN-12. Where nobody looks into a guest, its MAC is the spec's.
func vmiStatus(n *Notebook, o model.Observation) {
	vms := subjects(n, o, clusterNetworkVMs, guests)
	for _, s := range append(vms, subjects(n, o, nil, spares)...) {
		vmi, from, ok := Need(n, s.what("VMI"), s.VMI)
		if !ok {
			continue
		}
		i, ok := s.first()
		if !ok {
			continue
		}
		ip, ok := s.podIP()
		if !ok {
			continue
		}
		mac, why := i.MAC, "the spec's macAddress"
		if !s.Spec.Spare {
			nic, _, ok := s.guestNIC()
			if !ok {
				continue
			}
			mac, why = nic.MAC, "the MAC in the guest"
		}
		var names []string
		for _, v := range vmi.Interfaces {
			names = append(names, v.Name)
		}
		n.Set(s.what("interfaces in VMI status"), from, []string{i.Name}, "the spec", names)
		for _, v := range vmi.Interfaces {
			if v.Name != i.Name {
				continue
			}
			n.Equal(s.what("VMI status ipAddress"), from, ip, "the pod IP", v.IP)
			n.Set(s.what("VMI status ipAddresses"), from, []string{ip.String()}, "the pod IP", ipv4Only(v.IPs))
			n.Equal(s.what("VMI status mac"), from, mac, why, v.MAC)
		}
	}
}

func ipv4Only(ips []string) []string {
	return slices.DeleteFunc(slices.Clone(ips), func(ip string) bool { return strings.Contains(ip, ":") })
}

// primaryRole is CN-24.
func (s subject) primaryRole() {
	s.defaultRole(rolePrimary, "no primary user-defined network in the namespace")
}

func (s subject) defaultRole(want, why string) {
	pod, from, ok := Need(s.n, s.what("pod"), s.Pod)
	if !ok {
		return
	}
	a, ok := pod.Allotted[defaultNetwork]
	if !ok {
		s.n.Cannot(s.what("allotment"), "the pod-networks annotation has no network "+defaultNetwork)
		return
	}
	s.n.Equal(s.what("role of the default network"), from, want, why, a.Role)
}
