package judge

import (
	"slices"
	"strings"
)

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

func (f form) networkReads(fields ...string) []string {
	return (steady + prefix("networks["+f.network+"].")).of(fields...)
}

// vlanReads are those of form.leased but for the VM's own.
func (f form) vlanReads() []string {
	return append(f.hostReads(), (steady+"physical.").of("peers[vlan-1924].address", "peers[vlan-1924].prefix")...)
}

// hostReads are those of form.host, beside its address and prefix.
func (f form) hostReads() []string {
	return append(f.networkReads("asked.vlan"), (steady+"physical.").of("peers[vlan-1924].vlan", "peers[+*]")...)
}

// eachPath joins what a function reads of the attempt of each VM at a host.
func (f form) eachPath(to string, reads func(string) []string) []string {
	var all []string
	for _, vm := range f.vms {
		all = append(all, reads("["+vm+">"+to+"]")...)
	}
	return all
}

func tagReads(path string) []string {
	return (frames + prefix(path)).of("[#0].srcMAC", "[#0].vlans[*]", "[#0].vlans[+*]")
}

func untranslatedReads(path string) []string {
	return slices.Concat((paths+prefix(path)+".").of("passed", "target", "sourceSeen"),
		(frames+prefix(path)).of("[#0].srcMAC", "[#0].src", "[#0].proto", "[#0].dstPort"))
}

func arpReads(path string) []string {
	return slices.Concat((paths+prefix(path)+".").of("passed", "target"), (frames+prefix(path)).of("", "[*]", ".(place)"))
}

// heardReads are those of the control, a frame that was heard.
func heardReads(path string) []string {
	return append(arpReads(path), (frames+prefix(path)).of("[#0].srcMAC", "[#0].dstMAC")...)
}

// onVLANReads are those of form.vlan.
func onVLANReads(p prefix) []string {
	return p.of("spec.interfaces[*]", "spec.interfaces["+vlanSpec+"].network", "spec.interfaces["+vlanSpec+"].mac")
}

// neighbourReads are the host's rows for the form's VMs.
func (f form) neighbourReads() []string {
	var all []string
	for _, vm := range f.vms {
		all = append(all, (steady+prefix("physical.peers[vlan-1924].neighbours["+vlanIPs[vm]+"].")).of("ip", "mac")...)
	}
	return all
}

// vlanIPs are the addresses that a test's DHCP server gave.
var vlanIPs = map[string]string{"vm-l": "192.0.2.139", "vm-m": "192.0.2.142", "vm-c": "192.0.2.141", "vm-d": "192.0.2.143"}

// forVMs puts VMs in the place of a selector.
func forVMs(reads, vms []string) []string {
	var all []string
	for _, vm := range vms {
		for _, r := range reads {
			all = append(all, strings.ReplaceAll(r, "<guests>", vm))
		}
	}
	return all
}

func (f form) meetingReads() []string {
	reads := top.of("facts.features[two-nodes].present")
	for _, vm := range f.neighbours() {
		reads = append(reads, formOf(vm).leasedReads(vm)...)
		reads = append(reads, steady.vm(vm).of("pod.node")...)
	}
	for _, pair := range f.meetings().pairs {
		reads = append(reads, (paths+prefix("["+pair[0]+">"+pair[1]+"#vlan].")).of("passed", "target")...)
	}
	return reads
}

// vlanMACs are the interface's by VM, in the manifests.
var vlanMACs = map[string]string{"vm-l": "02:86:5e:00:00:14", "vm-m": "02:86:5e:00:00:18", "vm-c": "02:86:5e:00:00:16", "vm-d": "02:86:5e:00:00:1a"}

// leasedReads are those of form.leased for one VM.
func (f form) leasedReads(vm string) []string {
	return slices.Concat(f.vlanReads(), leasedIn(steady, vm),
		steady.vm(vm).of("spec.interfaces[*]", "spec.interfaces["+vlanSpec+"].network", "spec.interfaces["+vlanSpec+"].mac"))
}

// leasedIn is the DHCP server's row for a VM.
func leasedIn(stage prefix, vm string) []string { return servedToReads(stage, vlanMACs[vm]) }

func servedToReads(stage prefix, mac string) []string {
	return (stage + prefix("physical.leases["+mac+"].")).of("mac", "ip")
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
		p.of("pod.allotted[default].role", "launcher.nics[*].device", "launcher.nics[*].mac", "launcher.nics[*].tap", "launcher.nics[+*]",
			"guest.nics[*].driver", "guest.nics[+*]", "spec.interfaces[*]", "spec.interfaces[+*]", "spec.interfaces["+vlanSpec+"].name",
			"spec.interfaces["+vlanSpec+"].mac", "spec.interfaces["+vlanSpec+"].network", "spec.interfaces[default].vmNetworkCIDR", "spec.interfaces[default].network", "spec.interfaces[default].mac",
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

// refusalReads are those of refusal and warned.
func refusalReads(key string) []string {
	return (steady + prefix("physical.refusals["+key+"].")).of("came", "warnings[*].message")
}
