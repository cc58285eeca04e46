package judge

import "slices"

// What functions of the scenario localnet read.

// leases are the DHCP server's rows for the form's VMs.
func (f form) leases() []string {
	var all []string
	for _, vm := range f.vms {
		all = append(all, f.leasedReads(vm)...)
	}
	return all
}

// each joins what a function reads of each VM of the form.
func (f form) each(reads func(prefix) []string) []string {
	var all []string
	for _, vm := range f.vms {
		all = append(all, reads(steady.vm(vm))...)
	}
	return all
}

func (f form) of(rest ...string) []string {
	return f.each(func(p prefix) []string { return p.of(rest...) })
}

func (f form) networkReads(fields ...string) []string {
	return (steady + prefix("networks["+f.network+"].")).of(fields...)
}

// vlanReads are those of form.leased but for the VM's own.
func (f form) vlanReads() []string {
	return slices.Concat(f.networkReads("asked.vlan"), (steady+"physical.").of("peers[vlan-1924].vlan", "peers[vlan-1924].address", "peers[vlan-1924].prefix"))
}

// vlanMACs are the interface's by VM, in the manifests.
var vlanMACs = map[string]string{"vm-l": "02:86:5e:00:00:14", "vm-m": "02:86:5e:00:00:18", "vm-c": "02:86:5e:00:00:16", "vm-d": "02:86:5e:00:00:1a"}

// leasedReads are those of form.leased for one VM.
func (f form) leasedReads(vm string) []string {
	return slices.Concat(f.vlanReads(), leasedIn(steady, vm),
		steady.vm(vm).of("spec.interfaces[*]", "spec.interfaces["+vlanSpec+"].network", "spec.interfaces["+vlanSpec+"].mac"))
}

// leasedIn is the DHCP server's row for a VM.
func leasedIn(stage prefix, vm string) []string {
	return (stage + prefix("physical.leases["+vlanMACs[vm]+"].")).of("mac", "ip")
}

func vlanLinksReads(p prefix) []string {
	return slices.Concat(steady.of("controls[*][eth0].name"), p.of("launcher.links[*].name", "launcher.links[+*]", "pod.node", "spec.interfaces[*]",
		"spec.interfaces[+*]", "spec.interfaces[default].network", "spec.interfaces["+vlanSpec+"].name", "spec.interfaces["+vlanSpec+"].network"))
}

func vlanLauncherReads(p prefix) []string {
	return slices.Concat((p+"launcher.").link(vlanDummy, "kind", "flags[NOARP]", "addresses[+inet *]", "mac"),
		(p+"launcher.").link(vlanVeth, "flags[UP]", "state", "master"), (p+"launcher.").link(vlanTap, "flags[UP]", "state", "master"),
		(p+"launcher.").link(vlanBridge, "kind", "flags[UP]", "state", "addresses[+inet *]"),
		p.of("spec.interfaces[*]", "spec.interfaces["+vlanSpec+"].name", "spec.interfaces["+vlanSpec+"].network", "spec.interfaces["+vlanSpec+"].mac"))
}

func firstByMasqueradeReads(p prefix) []string {
	l := p + "launcher."
	return slices.Concat(podLinkReads(p), l.link("eth0", "mtu"),
		l.link("k6t-eth0", "kind", "flags[UP]", "state", "addresses[inet *].cidr", "addresses[inet *].family", "addresses[+inet *]", "mac", "mtu"),
		l.link("tap0", "flags[UP]", "state", "master", "mtu"), top.of("facts.mtu"),
		p.of("spec.interfaces[default]", "spec.interfaces[default].vmNetworkCIDR", "spec.interfaces[default].network", "spec.interfaces[default].mac",
			"guest.links[eth0].name", "guest.links[eth0].mac", "guest.links[eth0].mtu",
			"guest.links[eth0].addresses[inet *].cidr", "guest.links[eth0].addresses[inet *].family", "guest.links[eth0].addresses[+inet *]",
			"guest.routes[inet main default].{route}", "guest.routes[+inet main default]", "guest.routes[inet main default #2].dev"))
}

func servedReads(p prefix) []string {
	return slices.Concat(p.of("guest.links[eth1].name", "guest.links[eth1].mac",
		"guest.links[eth1].addresses[inet *].cidr", "guest.links[eth1].addresses[inet *].family", "guest.links[eth1].addresses[+inet *]",
		"guest.leases[eth1].ip", "guest.leases[eth1].prefix", "guest.leases[eth1].server"))
}

func defaultRoutesReads(p prefix) []string {
	return slices.Concat(p.of("spec.interfaces[default]", "spec.interfaces[default].network",
		"spec.interfaces[default].vmNetworkCIDR", "guest.links[eth?].name", "guest.routes[inet main default*].{route}", "guest.routes[+inet main default]"))
}

func oneDefaultRouteReads(f form) []string {
	vm := steady.vm(f.unrouted())
	return slices.Concat(steady.vm(f.routed()).of("guest.links[eth1].name", "guest.routes[inet main default #2].{route}"), defaultRoutesReads(vm), vm.of("guest.leases[eth1].ip", "guest.leases[eth1].router"))
}

func vlanConnectedReads(p prefix) []string {
	return slices.Concat(p.of("spec.interfaces[default]", "spec.interfaces[default].network",
		"spec.interfaces[default].vmNetworkCIDR", "guest.links[eth?].name", "guest.routes[inet main *.*].{route}", "guest.routes[+inet main *.*]", "guest.routes[inet main default*].dst"))
}

func vlanMTUReads(p prefix) []string {
	reads := p.of("spec.interfaces[*]", "spec.interfaces["+vlanSpec+"].name", "spec.interfaces["+vlanSpec+"].network", "guest.links[eth1].mtu")
	for _, l := range []string{vlanVeth, vlanBridge, vlanTap} {
		reads = append(reads, (p+"launcher.").link(l, "mtu")...)
	}
	return reads
}

// ownMTUReads are what the network's MTU follows from where it asks for none.
func (f form) ownMTUReads() []string {
	if f.name == "nad" {
		return top.of("facts.mtu")
	}
	return nil
}
