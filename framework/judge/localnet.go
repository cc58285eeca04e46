package judge

import (
	"slices"

	"github.com/vmnet-project/vmnet/framework/model"
)

// The scenarios on the physical side.
const (
	// Localnet has VMs on the cluster's network and on a VLAN.
	Localnet = "localnet"
	// LinuxBridge has a VM on Linux bridges of its node.
	LinuxBridge = "linux-bridge"
)

// form is one of the two ways to ask for a localnet network. On each are two VMs, on two nodes where there are two; the
// VLAN's DHCP server names a router to the first one alone.
type form struct {
	name string
	// network is its key in Stage.Networks.
	network string
	vms     []string
	// near is the VM of the other form on the node of the first one.
	near string
	// mtu is the network's where it asks for none, whose says why.
	mtu   func(model.Facts) int
	whose string
}

var forms = []form{
	{"nad", "demo-vlan-1924", []string{"vm-l", "vm-m"}, "vm-c", func(f model.Facts) int { return f.MTU }, "the cluster network's MTU"},
	{"cudn", "cudn-vlan-1924", []string{"vm-c", "vm-d"}, "vm-l", func(model.Facts) int { return localnetMTU }, "a localnet's MTU by default"},
}

// localnetMTU is what a ClusterUserDefinedNetwork of the topology Localnet has where it asks for none (OVN-Kubernetes,
// go-controller/pkg/crd/userdefinednetwork/v1: LocalnetConfig.MTU).
const localnetMTU = 1500

// vlanNIC is the place of the interface on the VLAN among the spec's, vlanSpec its name there.
const (
	vlanNIC  = 1
	vlanSpec = "nic-vlan-1924"
)

// The links of that interface, for what claims declare to read.
const (
	vlanVeth   = "16711a0a730-nic"
	vlanBridge = "k6t-16711a0a730"
	vlanTap    = "tap16711a0a730"
	vlanDummy  = "pod16711a0a730"
)

// routed is the VM that gets a router by DHCP, unrouted the one that gets none.
func (f form) routed() string   { return f.vms[0] }
func (f form) unrouted() string { return f.vms[1] }

// launchers are those with a spare, which is on the NetworkAttachmentDefinition.
func (f form) launchers() []string {
	if f.name == forms[0].name {
		return append(slices.Clone(f.vms), spareVM)
	}
	return f.vms
}

// localnets are the claims of the scenario: those of each form beside each other, in their order.
func localnets() []Claim {
	var all []Claim
	first, second := formClaims(forms[0]), formClaims(forms[1])
	for i := range first {
		all = append(all, first[i], second[i])
	}
	all = append(all, []Claim{
		{ID: "LN-12", Text: "Given the same MTU, the NAD form and the CUDN form give equal observations", Profile: model.Extended, Judge: alike, Reads: join(alikeReads())},
		{ID: "LN-13", Text: "A network that no bridge mapping names is reported as such, at the first failing hop", Profile: model.Extended, Judge: notMapped,
			Reads: join(refusalReads(unmapped), forms[0].networkReads("asked.physicalNetwork"), (steady+"physical.refusals[unmapped].").of("node", "asked.physicalNetwork"),
				(steady+"physical.").of("localnets[n2][*].physicalNetwork", "mappings[n2]", "mappings[n2][trunk]"))},
		{ID: "LN-17", Text: "A namespaced UserDefinedNetwork refuses topology Localnet", Profile: model.Core, Judge: namespacedRefused,
			Reads: join(refusalReads(udnLocal), (steady+"physical.refusals[udn-layer2].").of("came", "asked.topology"), (steady + "physical.refusals[udn-localnet].").of("asked.topology"))},
		{ID: "LN-18", Text: "A NAD whose netAttachDefName is not its own is refused with an event that names it", Profile: model.Extended, Judge: misnamedRefused,
			Reads: join(refusalReads(misnamed), (steady + "physical.refusals[misnamed].").of("network"), steady.vm("vm-l").of("vmi.phase"))},
	}...)
	return of(Localnet, []model.Feature{model.FeaturePhysical, model.FeatureUDN}, inOrder(all))
}

// inOrder sorts claims by their numbers.
func inOrder(claims []Claim) []Claim {
	number := func(c Claim) string { return c.ID[:len("LN-00")] }
	slices.SortStableFunc(claims, func(a, b Claim) int {
		switch {
		case number(a) < number(b):
			return -1
		case number(a) > number(b):
			return 1
		}
		return 0
	})
	return claims
}

// formClaims are the claims that are made of each form.
func formClaims(f form) []Claim {
	claims := []Claim{
		{ID: "LN-01", Text: "The launcher holds exactly lo, eth0, k6t-eth0, tap0, H-nic, k6t-H, tapH and podH", Profile: model.Core, Judge: each(f.launchers(), subject.launcherLinks),
			Reads: join(f.each(vlanLinksReads))},
		{ID: "LN-02", Text: "podH is a dummy, DOWN and NOARP, without IPv4 address, with the MAC of the VM spec; H-nic and tapH are enslaved to k6t-H, which has no IPv4 address", Profile: model.Core, Judge: each(f.launchers(), f.vlanLauncher),
			Reads: join(f.each(vlanLauncherReads))},
		{ID: "LN-03", Text: "The first NIC, guest and launcher side, is as CN-02 to CN-09", Profile: model.Core, Judge: each(f.vms, subject.firstByMasquerade),
			Reads: join(f.each(firstByMasqueradeReads))},
		{ID: "LN-04", Text: "The second guest NIC has the spec's MAC and the lease that the VLAN's DHCP server recorded for it", Profile: model.Core, Judge: each(f.vms, f.served),
			Reads: join(f.each(servedReads), f.leases())},
		{ID: "LN-05", Text: "With a router option there are exactly two default routes, each via its gateway, from DHCP, with its source; the cluster network's has the lower metric", Profile: model.Core, Judge: each(f.vms[:1], f.twoDefaultRoutes),
			Reads: join(defaultRoutesReads(steady.vm(f.routed())), f.leasedReads(f.routed()))},
		{ID: "LN-06", Text: "On the physical side the VM's frames carry exactly one tag, 1924", Profile: model.Core, Judge: each(f.vms, f.vlanTag),
			Reads: join(f.each(onVLANReads), f.hostReads(), f.eachPath("peer/vlan-1924", tagReads))},
		{ID: "LN-07", Text: "A peer on the VLAN sees the guest's own IP and MAC: no NAT", Profile: model.Core, Judge: each(f.vms, f.untranslated),
			Reads: join(f.leases(), f.eachPath("peer/vlan-1924", untranslatedReads), f.neighbourReads())},
		{ID: "LN-08", Text: "A peer on another VLAN is unreachable, and hears none of the VM's broadcasts", Profile: model.Extended, Judge: each(f.vms, f.otherVLANs),
			Reads: join(f.each(onVLANReads), f.hostReads(), (steady+"physical.").of("peers[vlan-1924].address", "peers[vlan-1925].address"),
				f.eachPath("peer/vlan-1924#arp", heardReads), f.eachPath("peer/vlan-1925#arp", arpReads))},
		{ID: "LN-09", Text: "Egress over the first NIC is as CN-14", Profile: model.Core, Judge: each(f.vms, subject.nodeEdge), Needs: []model.Feature{model.FeatureOutside},
			Reads: join(forVMs(nodeEdgeReads(), f.vms))},
		{ID: "LN-10", Text: "Two VMs on one VLAN reach each other, on one node and across nodes", Profile: model.Extended, Judge: f.meetings().meet(f.neighbours()), Needs: []model.Feature{model.FeatureTwoNodes},
			Reads: join(f.meetingReads())},
		{ID: "LN-11", Text: "Without a router option there is one default route: no hijack", Profile: model.Extended, Judge: each(f.vms[1:], f.oneDefaultRoute),
			Reads: join(oneDefaultRouteReads(f), f.leases())},
		{ID: "LN-14", Text: "After stop and start the VM leases the same address", Profile: model.Extended, Stage: model.Restarted, Judge: f.sameLease,
			Reads: join(f.leasedReads(f.unrouted()), leasedIn(restarted, f.unrouted()), steady.vm(f.unrouted()).of("pod"),
				restarted.vm(f.unrouted()).of("pod", "spec.interfaces[*]", "spec.interfaces["+vlanSpec+"].network", "spec.interfaces["+vlanSpec+"].mac",
					"guest.links[eth1].addresses[inet *].cidr", "guest.links[eth1].addresses[inet *].family", "guest.links[eth1].addresses[+inet *]"))},
		{ID: "LN-15", Text: "Connected routes are the two subnets', and no other", Profile: model.Core, Judge: each(f.vms, f.vlanConnectedRoutes),
			Reads: join(f.each(vlanConnectedReads), f.leases())},
		{ID: "LN-16", Text: "One MTU along the VLAN's path: the NAD form's without `mtu` is the cluster network's, CUDN's default 1500", Profile: model.Core, Judge: each(f.vms, f.vlanMTU),
			Reads: join(f.each(vlanMTUReads), f.networkReads("asked.mtu"), f.ownMTUReads())},
	}
	for i := range claims {
		claims[i].ID += "/" + f.name
	}
	return claims
}
