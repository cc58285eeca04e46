package fault

import (
	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
)

func secondaryUDN() []Fault {
	outside := []model.Feature{model.FeatureOutside}
	return of(judge.SecondaryUDN, []Fault{
		{ID: "SU-01/extra-link", Text: "a dummy link in vm-ps' launcher",
			Steps: []Step{extraLink("vm-ps")},
			Red:   red("SU-01", `^vm-ps launcher's links: .*more than expected: vmnet-extra$`)},
		{ID: "SU-02/moved-address", Text: "the bridge of vm-ps' secondary network has another address",
			Steps: []Step{serverMoved},
			Red:   red("SU-02", `^vm-ps k6t-[0-9a-f]{11} addresses: expected 169\.254\.75\.11/32 .*more than expected: 169\.254\.75\.77/32$`)},
		{ID: "SU-03/up", Text: "the dummy link of vm-ps' secondary network is set up",
			Steps: []Step{linkUp("vm-ps", "pod$hash")},
			Red:   red("SU-03", `^vm-ps pod[0-9a-f]{11} state: expected DOWN .*observed UP`)},
		{ID: "SU-04/mac", Text: "another MAC on the dummy link of vm-ps' secondary network",
			Steps: []Step{linkMAC("vm-ps", "pod$hash")},
			Red:   red("SU-04", `^vm-ps pod[0-9a-f]{11} MAC: expected 02:86:5e:00:00:0a .*observed 02:00:00:00:00:77$`)},
		{ID: "SU-05/second-address", Text: "a second address on the second NIC of vm-ps' guest",
			Steps: []Step{guestSecondAddress("vm-ps", secondNIC)},
			Red:   red("SU-05", `^vm-ps guest's IPv4 addresses on \S+: .*more than expected: 192\.0\.2\.78/32$`)},
		{ID: "SU-06/second-default", Text: "a default route over the secondary network in vm-ps' guest",
			Steps: []Step{secondDefault},
			Red:   red("SU-06", `^vm-ps guest's default routes: .*more than expected: default via 10\.2\.2\.254 `)},
		{ID: "SU-07/lower-metric", Text: "the route to the secondary subnet comes before the primary's in vm-ps' guest",
			Steps: []Step{lowerMetric},
			Red:   red("SU-07", `^vm-ps guest's other routes: .*more than expected: 10\.2\.2\.0/24 .*metric 50$`)},
		{ID: "SU-08/pair-denied", Text: "an ACL of OVN drops vm-ps' pings to vm-pt on the secondary network",
			Steps: []Step{udnPairDenied("vm-pt", "secondary_udn", "vm_ps_second", "second")},
			Red:   red("SU-08", `^vm-ps reaches vm-pt .*: expected passes .*observed does not pass`)},
		{ID: "SU-09/router-port", Text: "the gateway router of the primary network has a port on the secondary one",
			Steps: secondaryOut, Needs: outside,
			Red: red("SU-09", `^(vm-ps>peer/outside#secondary: expected does not pass|frames of vm-ps>peer/outside#secondary at the receiver: expected nothing) .*observed `,
				"SU-10", `^(vm-po>vm-ps#secondary: expected does not pass|frames of vm-po>vm-ps#secondary at the receiver: expected nothing) .*observed `)},
		{ID: "SU-11/other-external", Text: "the primary network's gateway router on vm-ps' node translates to the node's own address",
			Steps: []Step{otherExternal("vm-ps")}, Needs: outside, Blind: []string{"SU-09"}, // what is refused there has no control
			Red: red("SU-11", `^vm-ps NAT of primary-udn on GR_\S+ for subnet 10\.1\.1\.0/24: expected 169\.254\.[\d.]+ .*observed `)},
		{ID: "SU-13/second-address", Text: "a second address on the first NIC of vm-ps' guest",
			Steps: []Step{guestSecondAddress("vm-ps", nic)},
			Red:   red("SU-13", `^vm-ps guest's IPv4 addresses on \S+: .*more than expected: 192\.0\.2\.78/32$`)},
		{ID: "SU-14/nic-mtu", Text: "the second NIC of vm-ps' guest two bytes short of the MTU",
			Steps: []Step{secondMTU},
			Red:   red("SU-14", `^vm-ps guest NIC \S+ MTU: expected \d+ .*observed \d+$`)},
		{ID: "SU-12/no-claim", Text: "the IPAMClaim of vm-pt's secondary address is deleted", Stage: model.Restarted,
			Steps: []Step{Unclaim{VM: "vm-pt", Interface: "secondary-udn"}}, Needs: []model.Feature{model.FeatureIPAMExtension}, Renews: []string{"vm-pt"},
			Red: red("SU-12", `^vm-pt after it was restarted: address on secondary-udn: expected 10\.2\.2\.\d+/24 .*observed 10\.2\.2\.\d+/24$`)},
	})
}
