package judge

import (
	"slices"

	"github.com/vmnet-project/vmnet/framework/model"
)

// secondaryVMs are the VMs of the scenario: vm-ps; vm-pt, on another node; vm-po, on the primary network alone and on vm-ps'
// node. The first two are on the secondary network.
var (
	secondaryVMs = []string{"vm-ps", "vm-pt", "vm-po"}
	attachedVMs  = secondaryVMs[:2]
)

// The links of the interface on the network secondary-udn, for what claims declare to read.
const (
	secondVeth   = "2eae7330186-nic"
	secondBridge = "k6t-2eae7330186"
	secondTap    = "tap2eae7330186"
	secondDummy  = "pod2eae7330186"
)

var secondaryMeetings = meetings{
	pairs:   [][2]string{{"vm-ps", "vm-pt"}, {"vm-pt", "vm-ps"}},
	network: "#secondary", address: secondaryAddressOf, whose: "address on secondary-udn",
}

func secondaryUDN() []Claim {
	outside := []model.Feature{model.FeatureOutside}
	return of(SecondaryUDN, udnNeeds, []Claim{
		{ID: "SU-01", Text: "The launcher holds exactly lo, eth0, ovn-udn1-nic, k6t-ovn-udn1, tap0, ovn-udn1, H-nic, k6t-H, tapH and podH, H being the first 11 hex digits of SHA-256 of the VM's network name", Profile: model.Core, Judge: each(attachedVMs, subject.launcherLinks),
			Reads: join(launcherReads(several), several.of("spec.interfaces[secondary-udn].name", "spec.interfaces[secondary-udn].network"))},
		{ID: "SU-02", Text: "k6t-H carries exactly 169.254.75.1N/32, N the interface's index", Profile: model.Core, Judge: each(attachedVMs, subject.secondaryBridge),
			Reads: join(
				(several+"launcher.").link(secondBridge, "kind", "flags[UP]", "state", "addresses[inet *].cidr", "addresses[inet *].family", "addresses[+inet *]"),
				several.of("spec.interfaces[*]", "spec.interfaces[secondary-udn].name", "spec.interfaces[secondary-udn].network"),
			)},
		{ID: "SU-03", Text: "podH is a dummy, DOWN and NOARP, with exactly the secondary address; H-nic and tapH are UP and enslaved to k6t-H", Profile: model.Core, Judge: each(attachedVMs, subject.secondaryDummy),
			Reads: join(
				secondNIC(several), several.of("spec.interfaces[secondary-udn].name"), dummyReads(several, secondDummy),
				(several+"launcher.").link(secondVeth, "flags[UP]", "state", "master"), (several+"launcher.").link(secondTap, "flags[UP]", "state", "master"),
			)},
		{ID: "SU-04", Text: "The second guest NIC and podH carry the MAC of the VM spec (without one, 0a:58 and the address in hex)", Profile: model.Core, Judge: each(attachedVMs, subject.secondaryMAC),
			Reads: join(
				several.of("spec.interfaces[*]", "spec.interfaces[secondary-udn].name", "spec.interfaces[secondary-udn].network", "spec.interfaces[secondary-udn].mac", "guest.links[eth1].mac"),
				(several+"launcher.").link(secondDummy, "mac"),
				secondNIC(steady.vm("vm-pt")),
			)},
		{ID: "SU-05", Text: "The second guest NIC has exactly the address OVN allotted from the secondary subnet, by DHCP", Profile: model.Core, Judge: each(attachedVMs, subject.secondaryAddress),
			Reads: join(
				secondNIC(several), otherNetwork.of("asked.subnets[*]"),
				several.of("guest.links[eth1].name", "guest.links[eth1].addresses[inet *].cidr", "guest.links[eth1].addresses[inet *].family",
					"guest.links[eth1].addresses[+inet *]", "guest.leases[eth1].ip", "guest.leases[eth1].prefix", "guest.leases[eth1].server"),
			)},
		{ID: "SU-06", Text: "The only default route is the primary's", Profile: model.Core, Judge: each(attachedVMs, subject.onlyDefaultRoute),
			Reads: join(
				firstNIC(several), mainNetwork.of("asked.subnets[*]"),
				several.of("guest.links[eth0].name", "guest.routes[inet main default].{route}", "guest.routes[+inet main default]"),
			)},
		{ID: "SU-07", Text: "The connected routes are the two subnets', the secondary's with the higher metric, and no other", Profile: model.Core, Judge: each(attachedVMs, subject.connectedRoutes),
			Reads: join(
				firstNIC(several), secondNIC(several), mainNetwork.of("asked.subnets[*]"), otherNetwork.of("asked.subnets[*]"),
				several.of("guest.links[eth?].name", "guest.routes[inet main *.*].{route}", "guest.routes[+inet main *.*]", "guest.routes[inet main default].dst"),
			)},
		{ID: "SU-08", Text: "Two VMs reach each other over the secondary", Profile: model.Extended, Judge: secondaryMeetings.meet(attachedVMs),
			Reads: join(secondNIC(several), (paths+"[vm-ps>vm-pt#secondary].").of("passed", "target"), (paths+"[vm-pt>vm-ps#secondary].").of("passed", "target"))},
		{ID: "SU-09", Text: "Nothing outside is reached through the secondary", Profile: model.Extended, Judge: each([]string{"vm-ps"}, subject.nothingOutside), Needs: outside,
			Reads: join(present("vm-ps"), refusedReads("vm-ps>peer/outside#secondary", "vm-ps>peer/outside"), top.of("facts.features[outside-peer].present"))},
		{ID: "SU-10", Text: "A VM on the primary alone does not reach secondary addresses", Profile: model.Extended, Judge: each([]string{"vm-ps"}, subject.strangerKeptOut),
			Reads: join(
				secondNIC(steady.vm("vm-ps")), steady.vm("vm-ps").of("spec.hostname"),
				refusedReads("vm-po>vm-ps#secondary", "vm-pt>vm-ps#secondary-http"), paths.of("[vm-pt>vm-ps#secondary-http].answer", "[vm-po>vm-ps].passed"),
			)},
		{ID: "SU-11", Text: "Egress is as PU-12, PU-13 and PU-14", Profile: model.Core, Judge: each(secondaryVMs, subject.routerNAT, subject.edgeFlow, subject.masqueradeStaysInside), Needs: outside,
			Reads: join(routerNATReads(), edgeFlowReads(), staysInsideReads())},
		{ID: "SU-12", Text: "The secondary address survives stop and start (where the IPAM extension is installed)", Profile: model.Extended, Stage: model.Restarted, Judge: restartedAddress([]string{"vm-pt"}, 1), Needs: []model.Feature{model.FeatureIPAMExtension},
			Reads: join(secondKeptReads(restarted, "vm-pt"), top.of("facts.features[ipam-extension].present"))},
		{ID: "SU-13", Text: "The first NIC and its launcher side are as PU-03 to PU-09; the NICs are as CN-25", Profile: model.Core,
			Judge: each(secondaryVMs, subject.lockedLink, subject.primaryBridge, subject.primaryDummy, subject.primaryMAC, subject.primaryAddress,
				subject.primaryDefaultRoute, subject.primaryConnectedRoute, subject.virtioNICs),
			Reads: join(lockedReads(every), primaryBridgeReads(every), primaryDummyReads(every), primaryMACReads(), primaryAddressReads(), defaultRouteReads(),
				connectedRouteReads("10.1.1.*"), strayRouteReads(), secondNIC(steady.vm("vm-pt")), several.of("spec.interfaces[secondary-udn].name", "spec.interfaces[secondary-udn].network", "spec.interfaces[secondary-udn].mac"),
				every.of("spec.interfaces[*]", "spec.interfaces[+*]", "launcher.nics[*].device", "launcher.nics[*].mac", "launcher.nics[*].tap", "launcher.nics[+*]",
					"guest.nics[*].driver", "guest.nics[+*]"))},
		{ID: "SU-14", Text: "One MTU along the secondary's path", Profile: model.Core, Judge: each(attachedVMs, subject.secondaryMTU),
			Reads: join(
				mtuReads(several, "secondary-udn", secondVeth, secondBridge, secondTap), several.of("guest.links[eth1].mtu", "spec.interfaces[*]", "spec.interfaces[secondary-udn].name"),
				otherNetwork.of("asked.mtu"),
			)},
	})
}

// strayRouteReads are what could be taken for a route of the first NIC and is none: the second NIC's by another device, a
// link-local one by another family.
func strayRouteReads() []string {
	return slices.Concat(several.of("guest.routes[inet main 10.2.2.*].dev"), every.of("guest.routes[+inet main fe80*]"))
}

// secondKeptReads are those of survivor.kept on the second interface.
func secondKeptReads(stage prefix, vm string) []string {
	return slices.Concat(secondNIC(steady.vm(vm)), secondNIC(stage.vm(vm)), keptIn(stage.vm(vm), "secondary-udn", "eth1"))
}
