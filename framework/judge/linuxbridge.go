package judge

import (
	"slices"

	"github.com/vmnet-project/vmnet/framework/model"
)

// bridgeVM has an interface on each of the scenario's networks, cnvVM one by cnv-bridge.
const (
	bridgeVM = "vm-b1"
	cnvVM    = "vm-b2"
)

// bridgeNetworks are those that the scenario always has, as in Stage.Networks.
var bridgeNetworks = []string{"access", "plain", "tagging", "tuned"}

// The links of the interfaces plain, tuned and cnv, for what claims declare to read.
var (
	plainVeth, _, _, _ = udnNames(model.InterfaceSpec{Name: "plain", Network: "plain"})
	tunedVeth, _, _, _ = udnNames(model.InterfaceSpec{Name: "tuned", Network: "tuned"})
	cnvVeth, _, _, _   = udnNames(model.InterfaceSpec{Name: "cnv", Network: "cnv"})
)

// trunkMAC is the interface's whose guest tags, in the manifest.
const trunkMAC = "02:86:5e:00:00:23"

func linuxBridges() []Claim {
	vm := []string{bridgeVM}
	return of(LinuxBridge, []model.Feature{model.FeaturePhysical}, []Claim{
		{ID: "LB-01", Text: "A NAD of type bridge attaches the VM to a Linux bridge on the node, and the guest reaches a peer on it", Profile: model.Core, Judge: each(vm, onBridge("plain", "bridge")),
			Reads: join(onBridgeReads(bridgeVM, "plain", plainVeth, "veth1"))},
		{ID: "LB-02", Text: "With `vlan` set the peer sees exactly that tag (VLAN access)", Profile: model.Core, Judge: each(vm, subject.accessPort),
			Reads: join(attachedReads(bridgeVM, "access", "access"), macReads(bridgeVM, "access"), (steady + "networks[access].").of("asked.vlan"), bridgePeerReads("#access"))},
		{ID: "LB-03", Text: "A guest that tags its own frames reaches a tagged peer (virtual guest tagging)", Profile: model.Core, Judge: each(vm, subject.guestTags),
			Reads: join(attachedReads(bridgeVM, "trunk", "tagging"), macReads(bridgeVM, "trunk"), (steady+"networks[tagging].").of("asked.trunk[*]", "asked.trunk[+*]"), bridgePeerReads("#trunk"),
				paths.of("[vm-b1>peer/vlan-1924#trunk].sourceSeen"),
				servedToReads(steady, trunkMAC), (steady + "physical.").of("peers[vlan-1924].prefix"), (steady.vm(bridgeVM)+"guest.").of("links[eth3.1924].kind", "links[eth3.1924].mac",
					"links[eth3.1924].addresses[inet *].cidr", "links[eth3.1924].addresses[inet *].family", "links[eth3.1924].addresses[+inet *]"))},
		{ID: "LB-04", Text: "`cnv-bridge` behaves as `bridge` (where it is installed)", Profile: model.Core, Judge: each([]string{cnvVM}, onBridge("cnv", "cnv-bridge")), Needs: []model.Feature{model.FeatureCNVBridge},
			Reads: join(top.of("facts.features[cnv-bridge].present"), onBridgeReads(cnvVM, "cnv", cnvVeth, "veth6"))},
		{ID: "MC-01", Text: "Multus is the plugin that the node's runtime calls, and it delegates to OVN-Kubernetes", Profile: model.Core, Judge: multusCalled,
			Reads: join(top.of("facts.nodes[*].name", "facts.nodes[+*]"), (steady+"physical.cni[*].").of("type", "delegate"))},
		{ID: "MC-02", Text: "The node holds the plugin binaries that the scenarios need; the others are listed", Profile: model.Core, Judge: pluginsThere,
			Reads: join(top.of("facts.nodes[*].name", "facts.nodes[+*]"), (steady+"networks[*].").of("asked.plugins[*]", "asked.plugins[+*]"),
				(steady+"physical.cni[*].").of("binaries[bridge]", "binaries[tuning]", "binaries[cnv-bridge]", "binaries[ovn-k8s-cni-overlay]"))},
		{ID: "MC-03", Text: "network-status lists each attachment of a VM with interface, address and MAC as observed", Profile: model.Extended, Judge: each(vm, subject.statusLists),
			Reads: join(statusReads(steady.vm(bridgeVM)))},
		{ID: "MC-04", Text: "A chained plugin (bridge with tuning) is applied", Profile: model.Core, Judge: each(vm, subject.chained),
			Reads: join(attachedReads(bridgeVM, "tuned", "tuned"), (steady+"networks[tuned].").of("asked.sysctls[*]", "asked.sysctls[+*]"),
				(steady+"physical.").of("sysctls[vm-b1][*"+plainVeth+"*]", "sysctls[vm-b1][*"+tunedVeth+"*]"))},
	})
}

// attachedReads are those of subject.attached on a network. The first one behind the pod network's must not become the first.
func attachedReads(vm, spec, network string) []string {
	reads := steady.vm(vm).of("spec.interfaces["+spec+"].name", "spec.interfaces["+spec+"].network")
	reads = append(reads, string(steady)+"networks["+network+"]")
	if spec == "plain" || spec == "cnv" {
		reads = append(reads, string(steady.vm(vm))+"spec.interfaces[default]")
	}
	return reads
}

func macReads(vm, spec string) []string { return steady.vm(vm).of("spec.interfaces[" + spec + "].mac") }

func onBridgeReads(vm, spec, veth, other string) []string {
	p := steady.vm(vm)
	return slices.Concat(attachedReads(vm, spec, spec), macReads(vm, spec), p.of("spec.namespace", "pod.node"),
		(p+"launcher.").link(veth, "peerIndex"), (steady+prefix("networks["+spec+"].")).of("asked.bridge", "asked.plugins[*]"),
		(hosts+prefix("links["+other+"].")).of("index", "master"),
		p.of("guest.links[eth1].mac", "guest.links[eth1].addresses[inet *].cidr", "guest.links[eth1].addresses[inet *].family", "guest.links[eth1].addresses[+inet *]"),
		(steady+"physical.").of("attachments["+vm+"][*/"+spec+"].name", "attachments["+vm+"][*/"+spec+"].ips[*]", "attachments["+vm+"][*/"+spec+"].ips[+*]",
			"attachments[neighbour][*/plain].name", "attachments[neighbour][*/plain].ips[*]", "attachments[neighbour][*/plain].ips[+*]"),
		paths.of("["+vm+">pod/neighbour#"+spec+"].passed", "["+vm+">pod/neighbour#"+spec+"].target", "["+vm+">pod/neighbour#"+spec+"].answer"))
}

func bridgePeerReads(network string) []string {
	const path = "[vm-b1>peer/vlan-1924"
	return slices.Concat((steady+"physical.").of("peers[vlan-1924].vlan", "peers[vlan-1924].address", "peers[+*]"),
		paths.of(path+network+"].passed", path+network+"].target"), tagReads(path+network+"]"))
}

func statusReads(p prefix) []string {
	return slices.Concat(p.of("spec.namespace", "spec.interfaces[*]", "spec.interfaces[+*]", "spec.interfaces[*].network", "spec.interfaces[*].name"),
		(p+"launcher.links[pod*].").of("name", "mac", "addresses[inet *].cidr", "addresses[inet *].family", "addresses[+inet *]"),
		(p+"launcher.").link("eth0", "mac", "addresses[inet *].cidr", "addresses[inet *].family", "addresses[+inet *]"),
		(steady+"physical.attachments[vm-b1]").of("[*].name", "[*].default", "[*].interface", "[*].mac", "[*].ips[*]", "[*].ips[+*]", "[+*]"))
}
