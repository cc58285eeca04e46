package judge

import "slices"

// The beginnings of paths into the observation.
const (
	top       prefix = ""
	steady    prefix = "stages[steady]."
	restarted prefix = "stages[restarted]."
	migrated  prefix = "stages[migrated]."
	deleted   prefix = "stages[deleted]."
	every     prefix = steady + "vms[<all>]."
	guest     prefix = steady + "vms[<guests>]."
	spare     prefix = steady + "vms[<spares>]."
	shared    prefix = steady + "vms[<default>]."
	custom    prefix = steady + "vms[<custom>]."
	several   prefix = steady + "vms[<several>]."
	paths     prefix = steady + "paths"
	frames    prefix = steady + "frames"
	flows     prefix = steady + "flows"
	hosts     prefix = steady + "hosts[*]."
	// mainNetwork is a scenario's primary network, otherNetwork its secondary one.
	mainNetwork  prefix = steady + "networks[primary-udn]."
	otherNetwork prefix = steady + "networks[secondary-udn]."
)

type prefix string

// vm is one VM of a stage.
func (p prefix) vm(name string) prefix { return p + prefix("vms["+name+"].") }

func (p prefix) of(rest ...string) []string {
	all := make([]string, 0, len(rest))
	for _, r := range rest {
		all = append(all, string(p)+r)
	}
	return all
}

// link are fields of a link, beside its name.
func (p prefix) link(name string, fields ...string) []string {
	return prefix(string(p) + "links[" + name + "].").of(append([]string{"name"}, fields...)...)
}

// present are VMs that a claim needs for nothing but their names.
func present(vms ...string) []string {
	reads := steady.of("vms")
	for _, vm := range vms {
		reads = append(reads, string(steady)+"vms["+vm+"]")
	}
	return reads
}

func join(reads ...[]string) []string { return append(slices.Concat(reads...), commonReads...) }

// What functions that several claims share read.

// firstNIC and secondNIC find an interface and its address.
func firstNIC(p prefix) []string {
	return p.of("spec.interfaces[default]", "spec.interfaces[default].network", "spec.namespace", "pod.allotted[*/primary-udn].cidrs[*]")
}

func secondNIC(p prefix) []string {
	return p.of("spec.interfaces[*]", "spec.interfaces[secondary-udn].network", "spec.namespace", "pod.allotted[*/secondary-udn].cidrs[*]")
}

// podLinkReads are those of subject.podLink.
func podLinkReads(p prefix) []string {
	return slices.Concat((p+"launcher.").link("eth0", "kind", "flags[UP]", "state", "mac", "addresses[inet *].cidr",
		"addresses[inet *].family", "addresses[+inet *]"),
		p.of("pod.node", "pod.ips[*]", "pod.ips[+*]", "pod.allotted[default].cidrs[*]", "pod.allotted[default].cidrs[+*]"),
		top.of("facts.nodes[*].name", "facts.nodes[*].podSubnet"))
}

// nodeEdgeReads are those of subject.nodeEdge.
func nodeEdgeReads() []string {
	return slices.Concat(
		top.of("facts.nodes[*].name", "facts.nodes[*].edgeIPs[*]", "facts.features[outside-peer].present"),
		guest.of("pod.node"),
		paths.of("[<guests>>peer/outside].passed", "[<guests>>peer/outside].target", "[<guests>>peer/outside].sourceSeen",
			"[<guests>>peer/outside].sourcePort"),
		frames.of("[<guests>>peer/outside][+*]", "[<guests>>peer/outside][*].src", "[<guests>>peer/outside][*].dst",
			"[<guests>>peer/outside][*].srcPort", "[<guests>>peer/outside][*].dstPort"))
}

// serviceReads are those of subject.serviceByName.
func serviceReads() []string {
	return slices.Concat(
		top.of("facts.clusterDomain", "facts.features[cluster-dns].present"),
		(steady+"services[echo].").of("name", "namespace", "clusterIP", "backends[*]"),
		paths.of("[<guests>>dns/echo].passed", "[<guests>>dns/echo].target", "[<guests>>dns/echo].answer", "[<guests>>service/echo].passed",
			"[<guests>>service/echo].target", "[<guests>>service/echo].answer"))
}

// launcherReads are those of subject.launcherLinks on user-defined networks.
func launcherReads(p prefix) []string {
	return slices.Concat(
		p.of("launcher.links[*].name", "launcher.links[+*]", "pod.node", "spec.interfaces[*]", "spec.interfaces[+*]",
			"spec.interfaces[default].binding", "spec.interfaces[default].network"),
		steady.of("controls[*][eth0].name"))
}

func lockedReads(p prefix) []string {
	return slices.Concat(podLinkReads(p), p.of("pod.allotted[default].role", "launcher.routes", "launcher.routes[+inet main default]"))
}

func primaryBridgeReads(p prefix) []string {
	l := p + "launcher."
	return slices.Concat(l.link("ovn-udn1-nic", "flags[UP]", "state", "master"), l.link("tap0", "flags[UP]", "state", "master"),
		l.link("k6t-ovn-udn1", "kind", "flags[UP]", "state", "addresses[+inet *]"), firstBinding(p))
}

// firstBinding is what the names of the first interface's links follow from.
func firstBinding(p prefix) []string {
	return p.of("spec.interfaces[default]", "spec.interfaces[default].binding", "spec.interfaces[default].network")
}

func dummyReads(p prefix, name string) []string {
	return (p + "launcher.").link(name, "kind", "flags[NOARP]", "addresses[inet *].cidr", "addresses[inet *].family", "addresses[+inet *]")
}

func primaryDummyReads(p prefix) []string {
	return slices.Concat(firstNIC(p), firstBinding(p), dummyReads(p, udnInterface), p.of("launcher.links[ovn-udn1].mac", "spec.interfaces[default].mac"))
}

func primaryMACReads() []string {
	return slices.Concat(firstNIC(guest), firstBinding(guest), (guest+"launcher.").link(udnInterface, "mac"),
		guest.of("guest.links[eth0].mac", "spec.interfaces[default].mac"))
}

func primaryAddressReads() []string {
	return slices.Concat(firstNIC(guest), mainNetwork.of("asked.subnets[*]"),
		guest.of("spec.interfaces[default].name", "guest.links[eth0].addresses[inet *].cidr", "guest.links[eth0].addresses[inet *].family",
			"guest.links[eth0].addresses[+inet *]"),
		(guest+"vmi.interfaces[default].").of("name", "ip", "ips[*]", "ips[+*]"))
}

func defaultRouteReads() []string {
	return slices.Concat(firstNIC(guest), mainNetwork.of("asked.subnets[*]"),
		guest.of("guest.links[eth0].name", "guest.routes[inet main default].{route}", "guest.routes[+inet main default]"))
}

// connectedRouteReads are those of subject.primaryConnectedRoute, with a pattern of the network's own route.
func connectedRouteReads(subnet string) []string {
	return slices.Concat(firstNIC(guest), mainNetwork.of("asked.subnets[*]"),
		guest.of("guest.links[eth0].name", "guest.routes[inet main "+subnet+"].{route}", "guest.routes[+inet main *.*]", "guest.routes[inet main default].dst"))
}

// mtuReads are those of nic.oneMTU, but for the guest's NIC and the network's own MTU.
func mtuReads(p prefix, spec string, links ...string) []string {
	reads := slices.Concat(top.of("facts.mtu"), p.of("spec.interfaces["+spec+"]", "spec.interfaces["+spec+"].network"))
	for _, l := range links {
		reads = append(reads, (p+"launcher.").link(l, "mtu")...)
	}
	return reads
}

// masqueradeReads are those of subject.masquerade and subject.flow.
func masqueradeReads() []string {
	return slices.Concat(firstNIC(guest), mainNetwork.of("id"), top.of("facts.masqueradeSubnet", "facts.gatewayMode", "facts.features[outside-peer].present"),
		paths.of("[<guests>>peer/outside].clientPort"))
}

func routerNATReads() []string {
	return slices.Concat(masqueradeReads(), mainNetwork.of("networkName", "asked.subnets[*]"), top.of("facts.nodes[*].name"), guest.of("pod.node"),
		(hosts+"nat[<primary> *.*/??].").of("router", "type", "logicalIP", "externalIP"),
		(flows+"[<guests>>peer/outside].entries[*.*.*.* as 169.254.*].").of("original.src", "original.srcPort", "reply.dst"),
		(flows+"[<guests>>peer/outside].entries[* as 10.1.1.*].").of("reply.dst", "reply.dstPort"))
}

func edgeFlowReads() []string {
	return slices.Concat(nodeEdgeReads(), masqueradeReads(),
		(flows+"[<guests>>peer/outside].entries[*.*.*.* as 169.254.*].").of("original.src", "original.srcPort", "reply.dst", "reply.dstPort"),
		(flows+"[<guests>>peer/outside].entries[* as 10.1.1.*].").of("reply.dst", "reply.dstPort"),
		(flows+"[<guests>>peer/outside].entries[169.254.* as *].").of("original.src", "original.srcPort", "reply.dst", "reply.dstPort"))
}

func staysInsideReads() []string {
	return slices.Concat(firstNIC(guest), top.of("facts.masqueradeSubnet", "facts.features[outside-peer].present"),
		paths.of("[<guests>>peer/outside].target"), frames.of("[<guests>>peer/outside][*].src", "[<guests>>peer/outside][*].dst"))
}

// refusedReads are an attempt that must be refused and the one beside it, with their captures where there are any.
func refusedReads(vain, beside string) []string {
	reads := paths.of("["+vain+"].passed", "["+vain+"].target", "["+beside+"].passed", "["+beside+"].target")
	return append(reads, frames.of("["+vain+"]", "["+vain+"][+*]", "["+vain+"].(place)", "["+beside+"]", "["+beside+"].(place)")...)
}

func keptReads(stage prefix, vm string) []string {
	return slices.Concat(firstNIC(steady.vm(vm)), firstNIC(stage.vm(vm)), keptIn(stage.vm(vm), "default", "eth0"))
}

func keptIn(vm prefix, spec, nic string) []string {
	return vm.of("spec.interfaces["+spec+"].name", "guest.links["+nic+"].addresses[inet *].cidr", "guest.links["+nic+"].addresses[inet *].family",
		"guest.links["+nic+"].addresses[+inet *]", "ipamClaims["+spec+"].ips[*]")
}

func leaseReads() []string {
	return slices.Concat(firstNIC(guest), mainNetwork.of("asked.subnets[*]", "asked.mtu"),
		top.of("facts.mtu", "facts.serviceSubnets[*]", "facts.features[cluster-dns].present"), guest.of("pod.node", "spec.name", "guest.links[eth0].name"),
		(guest+"guest.leases[eth0].").of("ip", "prefix", "router", "dns[*]", "dns[+*]", "mtu", "hostname", "seconds", "server"),
		(hosts+"dhcp[*/<guests> 10.1.1.*].").of("owner", "cidr", "options[router]", "options[dns_server]", "options[mtu]", "options[hostname]",
			"options[lease_time]", "options[server_id]"))
}

// nodeReads are those of nodes.
func nodeReads() []string {
	return slices.Concat(steady.of("hosts[*]", "hosts[+*]"), guest.of("pod.node"), top.of("facts.nodes[*].name"))
}
