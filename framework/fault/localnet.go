package fault

import (
	"slices"

	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
)

// localnet are the faults of VMs on a VLAN. What LN-12 sees of a VM is changed at its like of the other form, too, so that
// the two stay alike: such a fault turns both forms of its claim red.
func localnet() []Fault {
	return of(judge.Localnet, slices.Concat(localnetGuests(), localnetLaunchers(), localnetWire(), localnetRefusals(), localnetRestarts()))
}

// localnetGuests are about what is in the guests. The DHCP client comes first: it would put right what is changed there.
func localnetGuests() []Fault {
	return []Fault{
		{ID: "LN-11/router-option", Text: "the DHCP server names a router to vm-m and vm-d, too",
			Steps: []Step{routerNamed("vm-m"), routerNamed("vm-d"), routerLearned("vm-m"), routerLearned("vm-d")},
			Red: red("LN-11/nad", `^vm-m guest's default routes: .*more than expected: default via [\d.]+ dev \S+ `,
				"LN-11/cudn", `^vm-d guest's default routes: .*more than expected: default via [\d.]+ dev \S+ `)},
		{ID: "LN-03/second-address", Text: "a second address on the first NIC of vm-m's and vm-d's guests",
			Steps: both(vlanGuestAddress(nic), "vm-m", "vm-d"),
			Red: red("LN-03/nad", `^vm-m guest's IPv4 addresses on \S+: .*more than expected: 203\.0\.113\.78/32$`,
				"LN-03/cudn", `^vm-d guest's IPv4 addresses on \S+: .*more than expected: 203\.0\.113\.78/32$`)},
		{ID: "LN-04/second-address", Text: "a second address on the VLAN's NIC of vm-l's and vm-c's guests",
			Steps: both(vlanGuestAddress(secondNIC), "vm-l", "vm-c"),
			Red: red("LN-04/nad", `^vm-l guest's IPv4 addresses on \S+: .*more than expected: 203\.0\.113\.78/32$`,
				"LN-04/cudn", `^vm-c guest's IPv4 addresses on \S+: .*more than expected: 203\.0\.113\.78/32$`)},
		{ID: "LN-05/other-metric", Text: "another metric on the VLAN's default route in vm-l's and vm-c's guests",
			Steps: both(otherMetric, "vm-l", "vm-c"), Blind: []string{"LN-11/nad", "LN-11/cudn"}, // that route is their control
			Red: red("LN-05/nad", `^vm-l guest's default routes: .*more than expected: default via [\d.]+ .*metric 900$`,
				"LN-05/cudn", `^vm-c guest's default routes: .*more than expected: default via [\d.]+ .*metric 900$`)},
		{ID: "LN-15/stray-route", Text: "one more route in vm-l's and vm-c's guests",
			Steps: both(vlanStrayRoute, "vm-l", "vm-c"),
			Red: red("LN-15/nad", `^vm-l guest's other routes: .*more than expected: 203\.0\.113\.128/25 via 10\.0\.2\.1`,
				"LN-15/cudn", `^vm-c guest's other routes: .*more than expected: 203\.0\.113\.128/25 via 10\.0\.2\.1`)},
		{ID: "LN-16/nic-mtu", Text: "the VLAN's NIC of vm-m's and vm-d's guests has another MTU than its network",
			Steps: both(vlanNICMTU, "vm-m", "vm-d"),
			Red: red("LN-16/nad", `^vm-m guest NIC \S+ MTU: expected \d+ .*observed 1280$`,
				"LN-16/cudn", `^vm-d guest NIC \S+ MTU: expected \d+ .*observed 1280$`)},
	}
}

func localnetLaunchers() []Fault {
	return []Fault{
		{ID: "LN-01/extra-link", Text: "a dummy link in vm-l's and vm-c's launchers",
			Steps: both(extraLink, "vm-l", "vm-c"),
			Red: red("LN-01/nad", `^vm-l launcher's links: .*more than expected: vmnet-extra$`,
				"LN-01/cudn", `^vm-c launcher's links: .*more than expected: vmnet-extra$`)},
		{ID: "LN-02/bridge-address", Text: "an address on the VLAN's bridge in vm-m's and vm-d's launchers",
			Steps: both(vlanBridgeAddress, "vm-m", "vm-d"),
			Red: red("LN-02/nad", `^vm-m k6t-[0-9a-f]{11} addresses: expected nothing .*more than expected: 203\.0\.113\.77/32$`,
				"LN-02/cudn", `^vm-d k6t-[0-9a-f]{11} addresses: expected nothing .*more than expected: 203\.0\.113\.77/32$`)},
		{ID: "LN-02/nad/tap-without-bridge", Text: "the tap of vm-spare's VLAN taken from its bridge",
			Steps: []Step{vlanTapFree("vm-spare")},
			Red:   red("LN-02/nad", `^vm-spare tap[0-9a-f]{11} master: expected k6t-[0-9a-f]{11} .*observed nothing$`)},
		{ID: "LN-02/cudn/mac", Text: "another MAC on the dummy link of vm-c's VLAN",
			Steps: []Step{linkMAC("vm-c", "pod$hash")},
			Red:   red("LN-02/cudn", `^vm-c pod[0-9a-f]{11} MAC: expected 02:86:5e:00:00:16 .*observed 02:00:00:00:00:77$`)},
		{ID: "LN-03/nad/bridge-mac", Text: "another MAC on k6t-eth0 of vm-l",
			Steps: []Step{bridgeMAC("vm-l")},
			Red:   red("LN-03/nad", `^vm-l k6t-eth0 MAC: expected 02:00:00:00:00:00 .*observed 02:00:00:00:00:77$`)},
		{ID: "LN-03/cudn/bridge-mac", Text: "another MAC on k6t-eth0 of vm-c",
			Steps: []Step{bridgeMAC("vm-c")},
			Red:   red("LN-03/cudn", `^vm-c k6t-eth0 MAC: expected 02:00:00:00:00:00 .*observed 02:00:00:00:00:77$`)},
		{ID: "LN-12/dummy-mtu", Text: "the dummy link of vm-c's VLAN has two bytes less than the form gives",
			Steps: []Step{dummyMTU("vm-c")},
			Red:   red("LN-12", `^vm-c launcher's links as vm-l's: .*more than expected: pod[0-9a-f]{11} dummy `)},
	}
}

// localnetWire are about what leaves a VM, each at one VM.
func localnetWire() []Fault {
	twoNodes := []model.Feature{model.FeatureTwoNodes}
	return []Fault{
		{ID: "LN-06/nad/other-tag", Text: "the localnet port of vm-m's network has another tag, on vm-m's node",
			Steps: otherTag("vm-m"), Needs: twoNodes, Blind: []string{"LN-08/nad"}, // it does not reach its own VLAN either
			Red: red("LN-06/nad", `^vm-m tags of the frames from MAC \S+ in the capture of vm-m>peer/\S+: expected \d+ .*more than expected: \d+$`,
				"LN-07/nad", `^vm-m>peer/\S+: expected passes .*observed does not pass`,
				"LN-10/nad", `^vm-l reaches vm-m across nodes: expected passes .*observed does not pass`)},
		{ID: "LN-06/cudn/other-tag", Text: "the localnet port of vm-d's network has another tag, on vm-d's node",
			Steps: otherTag("vm-d"), Needs: twoNodes, Blind: []string{"LN-08/cudn"},
			Red: red("LN-06/cudn", `^vm-d tags of the frames from MAC \S+ in the capture of vm-d>peer/\S+: expected \d+ .*more than expected: \d+$`,
				"LN-07/cudn", `^vm-d>peer/\S+: expected passes .*observed does not pass`,
				"LN-10/cudn", `^vm-c reaches vm-d across nodes: expected passes .*observed does not pass`)},
		{ID: "LN-07/nad/translated", Text: "the bridge of vm-l's node translates vm-l's address on its way to the peer",
			Steps: translatedTo("vm-l", "free_1"),
			Red:   red("LN-07/nad", `^vm-l address as peer \S+ sees it: expected [\d.]+ .*observed `)},
		{ID: "LN-07/cudn/translated", Text: "the bridge of vm-c's node translates vm-c's address on its way to the peer",
			Steps: translatedTo("vm-c", "free_2"),
			Red:   red("LN-07/cudn", `^vm-c address as peer \S+ sees it: expected [\d.]+ .*observed `)},
		{ID: "LN-08/nad/overheard", Text: "the bridge of vm-l's node puts vm-l's broadcasts onto the other peer's VLAN, too",
			Steps: []Step{overheard("vm-l")},
			Red: red("LN-08/nad", `^frames from MAC \S+ in the capture of vm-l>peer/\S+#arp: expected nothing .*more than expected: arp to ff:ff:ff:ff:ff:ff$`,
				"LN-06/nad", `^vm-l tags of the frames from MAC \S+ in the capture of vm-l>peer/\S+: expected \d+ .*more than expected: \d+$`)},
		{ID: "LN-08/cudn/joined", Text: "the bridge of vm-c's node puts vm-c's broadcasts onto the other peer's VLAN, and the answers onto its own",
			Steps: []Step{answered("vm-c")},
			Red: red("LN-08/cudn", `^vm-c>peer/\S+#arp: expected does not pass .*observed passes`,
				"LN-06/cudn", `^vm-c tags of the frames from MAC \S+ in the capture of vm-c>peer/\S+: expected \d+ .*more than expected: \d+$`)},
		// vm-c is on vm-l's node
		{ID: "LN-09/not-masqueraded", Text: "the gateway router of vm-l's and vm-c's node does not translate flows to the outside peer",
			Steps: []Step{exempted("vm-l")}, Needs: []model.Feature{model.FeatureOutside},
			Red: red("LN-09/nad", `^vm-l reaches the outside peer: expected passes .*observed does not pass`,
				"LN-09/cudn", `^vm-c reaches the outside peer: expected passes .*observed does not pass`)},
		{ID: "LN-10/nad/pair-denied", Text: "an ACL of OVN drops vm-l's pings to vm-m on the VLAN",
			Steps: []Step{vlanPairDenied("vm-l", "vm-m")}, Needs: twoNodes,
			Red: red("LN-10/nad", `^vm-l reaches vm-m across nodes: expected passes .*observed does not pass`)},
		{ID: "LN-10/cudn/pair-denied", Text: "an ACL of OVN drops vm-c's pings to vm-d on the VLAN",
			Steps: []Step{vlanPairDenied("vm-c", "vm-d")}, Needs: twoNodes,
			Red: red("LN-10/cudn", `^vm-c reaches vm-d across nodes: expected passes .*observed does not pass`)},
	}
}

// localnetRefusals let come about what is to be refused.
func localnetRefusals() []Fault {
	return []Fault{
		{ID: "LN-13/mapped", Text: "all nodes map the physical network that no node is to map",
			Steps: []Step{mapped},
			Red:   red("LN-13", `^network \S+/unmapped came about: expected false .*observed true$`)},
		{ID: "LN-18/corrected", Text: "the attachment that calls itself by another's name is there already, by its own",
			Steps: []Step{Corrected{}},
			Red:   red("LN-18", `^network \S+/misnamed came about: expected false .*observed true$`)},
	}
}

// localnetRestarts show in a stage for which both VMs start anew.
func localnetRestarts() []Fault {
	renewed := []string{"vm-m", "vm-d"}
	return []Fault{
		{ID: "LN-14/nad/forgotten", Text: "the DHCP server has another address for vm-m when it comes again", Stage: model.Restarted,
			Steps: forgotten("vm-m", "free_1"), Renews: renewed,
			Red: red("LN-14/nad", `^vm-m after it was restarted: lease of the DHCP server for MAC \S+: expected \S+ \(as before\), observed \S+$`)},
		{ID: "LN-14/cudn/forgotten", Text: "the DHCP server has another address for vm-d when it comes again", Stage: model.Restarted,
			Steps: forgotten("vm-d", "free_2"), Renews: renewed,
			Red: red("LN-14/cudn", `^vm-d after it was restarted: lease of the DHCP server for MAC \S+: expected \S+ \(as before\), observed \S+$`)},
	}
}

// both makes a step at each of two VMs.
func both(step func(vm string) Script, vms ...string) []Step {
	var steps []Step
	for _, vm := range vms {
		steps = append(steps, step(vm))
	}
	return steps
}
