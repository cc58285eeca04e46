package judge

import (
	"regexp"
	"slices"

	"github.com/vmnet-project/vmnet/framework/model"
)

// primaryVMs are the VMs of the main network: vm-p; vm-q, on another node; vm-r, on vm-p's. A spare may be among them.
var primaryVMs = []string{"vm-p", "vm-q", "vm-r"}

// What the stages are about: the VM that is stopped and started, the one that is moved and one that stays, and the network
// that is deleted under a VM.
const (
	restartedVM    = "vm-q"
	movingVM       = "vm-r"
	stayingVM      = "vm-p"
	removedNetwork = "other/other-udn"
)

var (
	primaryPairs     = [][2]string{{"vm-p", "vm-q"}, {"vm-q", "vm-p"}, {"vm-p", "vm-r"}, {"vm-r", "vm-p"}}
	primaryLaunchers = append(slices.Clone(primaryVMs), spareVM)
	primaryMeetings  = meetings{pairs: primaryPairs, address: primaryAddressOf, whose: "address on primary-udn", both: true}
)

// udnNeeds are what VMs on user-defined networks need.
var udnNeeds = []model.Feature{model.FeatureUDN, model.FeatureL2Bridge}

// The deviations that are upstream issues.
var (
	portForwardHangs = Known{Issue: "kubevirt#18399", Component: "kubevirt",
		Deviation: regexp.MustCompile(`^port-forward to \S+'s SSH: .* observed does not pass \(.*(no SSH handshake within|deadline exceeded|timed out|i/o timeout).*\)$`)}
	gatewayMoves = Known{Issue: "ovn-kubernetes#5094", Component: "ovn-kubernetes", Before: "1.2",
		Deviation: regexp.MustCompile(`^vm-p (MAC of gateway \S+|address as the outside peer sees it) after the migration of another VM: .* observed \S+, (the gateway router's on|the edge of) node \S+$`)}
	layer3Unreachable = Known{Issue: "ovn-kubernetes#5155", Component: "ovn-kubernetes",
		Deviation: regexp.MustCompile(`^vm-l3 on a Layer3 network, .* observed ` + silently)}
)

func primaryUDN() []Claim {
	outside, twoNodes := []model.Feature{model.FeatureOutside}, []model.Feature{model.FeatureTwoNodes}
	return of(PrimaryUDN, udnNeeds, []Claim{
		{ID: "PU-01", Text: "The UDN reports NetworkCreated=True; its NAD repeats topology, role and subnets, and carries a network ID", Profile: model.Extended, Judge: networksMade,
			Reads: join(
				(steady + "networks[*].").of("created", "namespace", "name", "asked.topology", "asked.role", "asked.subnets[*]", "asked.subnets[+*]",
					"made.topology", "made.role", "made.subnets[*]", "made.subnets[+*]", "networkName", "id"),
			)},
		{ID: "PU-02", Text: "The launcher holds exactly lo, eth0, ovn-udn1-nic, k6t-ovn-udn1, tap0 and ovn-udn1", Profile: model.Core, Judge: each(primaryLaunchers, subject.launcherLinks),
			Reads: join(launcherReads(every))},
		{ID: "PU-03", Text: "eth0 sits on the cluster network in the role infrastructure-locked, with no default route through it", Profile: model.Core, Judge: each(primaryLaunchers, subject.lockedLink),
			Reads: join(lockedReads(every))},
		{ID: "PU-04", Text: "ovn-udn1-nic and tap0 are UP and enslaved to k6t-ovn-udn1, a bridge, UP, without IPv4 address", Profile: model.Core, Judge: each(primaryLaunchers, subject.primaryBridge),
			Reads: join(primaryBridgeReads(every))},
		{ID: "PU-05", Text: "ovn-udn1 is a dummy, DOWN and NOARP, holds exactly the UDN address, and has the MAC 0a:58 followed by that address in hex", Profile: model.Core, Judge: each(primaryLaunchers, subject.primaryDummy),
			Reads: join(primaryDummyReads(every))},
		{ID: "PU-06", Text: "The guest NIC has the same MAC", Profile: model.Core, Judge: each(primaryVMs, subject.primaryMAC),
			Reads: join(primaryMACReads())},
		{ID: "PU-07", Text: "The guest's only IPv4 address is the one OVN allotted, inside the UDN's subnet, and VMI status agrees", Profile: model.Core, Judge: each(primaryVMs, subject.primaryAddress),
			Reads: join(primaryAddressReads())},
		{ID: "PU-08", Text: "The only default route goes via the subnet's first address: proto dhcp, source, metric", Profile: model.Core, Judge: each(primaryVMs, subject.primaryDefaultRoute),
			Reads: join(defaultRouteReads())},
		{ID: "PU-09", Text: "The only other route is the connected subnet", Profile: model.Core, Judge: each(primaryVMs, subject.primaryConnectedRoute),
			Reads: join(connectedRouteReads("10.1.1.*"))},
		{ID: "PU-10", Text: "One MTU along the path, and DF pings agree with it", Profile: model.Core, Judge: both(each(primaryVMs, subject.primaryMTU), wholePings(primaryPairs)),
			Reads: join(
				mtuReads(guest, "default", "ovn-udn1-nic", "k6t-ovn-udn1", "tap0"),
				guest.of("guest.links[eth0].mtu", "spec.interfaces[default].binding"), mainNetwork.of("asked.mtu"),
				paths.of("[vm-?>vm-?#df-mtu].passed", "[vm-?>vm-?#df-mtu].size"),
			)},
		{ID: "PU-11", Text: "Two VMs have different addresses and reach each other, on one node and across nodes", Profile: model.Core, Judge: primaryMeetings.meet(primaryVMs), Needs: twoNodes,
			Reads: join(
				firstNIC(guest), guest.of("pod.node"),
				top.of("facts.features[two-nodes].present"),
				paths.of("[vm-?>vm-?].passed", "[vm-?>vm-?].target"),
			)},
		{ID: "PU-12", Text: "At the UDN's gateway router the flow is translated to the masquerade IP that the network's ID implies: NAT row and the flow's own conntrack entry", Profile: model.Core, Judge: each(primaryVMs, subject.routerNAT), Needs: outside,
			Reads: join(routerNATReads())},
		{ID: "PU-13", Text: "An external peer sees the node-edge IP of the VM's node; the ports link guest, router and peer as one flow", Profile: model.Core, Judge: each(primaryVMs, subject.edgeFlow), Needs: outside,
			Reads: join(edgeFlowReads())},
		{ID: "PU-14", Text: "Neither a masquerade IP nor the guest's IP appears on the wire outside the node", Profile: model.Extended, Judge: each(primaryVMs, subject.masqueradeStaysInside), Needs: outside,
			Reads: join(staysInsideReads())},
		{ID: "PU-15", Text: "Kubelet health checks only: with a listener on the launcher's eth0, a pod of the default network is refused, a process on the node too, and a process in the kubelet's cgroup connects", Profile: model.Core, Judge: each([]string{"vm-p"}, subject.kubeletAlone),
			Reads: join(
				steady.vm("vm-p").of("pod.allotted[default].cidrs[*]"),
				present("vm-p"), paths.of("[*>launcher/vm-p].passed", "[*>launcher/vm-p].target", "[kubelet>launcher/vm-p].answer",
					"[pod/client-default>pod/echo-default].passed", "[pod/client-default>pod/echo-default].answer"),
			)},
		{ID: "PU-16", Text: "The guest reaches neither a pod of the default network nor a VM on another UDN: nothing arrives at the receiver, which answers a neighbour of its own", Profile: model.Extended, Judge: each([]string{"vm-p"}, subject.otherNetworks),
			Reads: join(
				present("vm-p"), steady.vm("vm-o").of("pod.allotted[*/other-udn].cidrs[*]", "pod.allotted[*/other-udn].role", "spec.hostname"),
				steady.of("pods[echo-default].allotted[default].cidrs[*]", "pods[echo-default].allotted[default].role"),
				refusedReads("vm-p>pod/echo-default", "pod/client-default>pod/echo-default"), paths.of("[pod/client-default>pod/echo-default].answer"),
				refusedReads("vm-p>vm/vm-o", "pod/client-other>vm/vm-o"), paths.of("[pod/client-other>vm/vm-o].answer"),
				paths.of("[vm-p>pod/echo].passed"),
			)},
		{ID: "PU-17", Text: "The guest resolves names and reaches a ClusterIP Service in its own network", Profile: model.Extended, Judge: each(primaryVMs, subject.serviceByName), Needs: []model.Feature{model.FeatureClusterDNS},
			Reads: join(present(primaryVMs...), serviceReads())},
		{ID: "PU-18", Text: "Two namespaces use the same UDN subnet at once without seeing each other", Profile: model.Core, Judge: each([]string{"vm-p"}, subject.sameSubnet),
			Reads: join(
				present("vm-p"), mainNetwork.of("asked.subnets[*]", "asked.subnets[+*]"), steady.of("networks[twin/primary-udn].asked.subnets[*]", "networks[twin/primary-udn].asked.subnets[+*]"),
				(steady+"pods[twin-?].allotted[*/primary-udn].").of("cidrs[*]", "role"),
				refusedReads("pod/twin-a>vm-unshared", "pod/client>vm-unshared"), paths.of("[pod/twin-a>vm-unshared].to", "[pod/client>vm-unshared].answer"),
				paths.of("[pod/twin-a>pod/twin-b].passed", "[pod/twin-a>pod/twin-b].target", "[pod/twin-a>pod/twin-b].answer", "[pod/client>shared].to"),
				(paths+"[pod/*>shared].").of("passed", "target", "answer"),
				steady.vm("<shared>").of("spec.hostname"), firstNIC(steady.vm("<shared>")),
				steady.vm("<unshared>").of("spec.hostname"), firstNIC(steady.vm("<unshared>")),
			)},
		{ID: "PU-19", Text: "The address survives stop and start (lifecycle Persistent; the report says whether the IPAM extension or the suite made the IPAMClaim)", Profile: model.Core, Stage: model.Restarted, Judge: restartedAddress([]string{restartedVM, spareVM}, 0),
			Reads: join(keptReads(restarted, restartedVM))},
		{ID: "PU-20", Text: "The address survives live migration, and an open TCP connection with it; the longest gap is recorded", Profile: model.Extended, Stage: model.Migrated, Judge: migratedAlive, Needs: twoNodes,
			Reads: join(
				keptReads(migrated, movingVM),
				steady.vm(movingVM).of("pod.node"), migrated.vm(movingVM).of("pod.node"),
				migrated.of("connections[pod/client>vm-r].broken"), top.of("facts.features[two-nodes].present"),
			)},
		{ID: "PU-21", Text: "Port-forward to the VM fails as documented: KNOWN kubevirt#18399; PASS with a note once it is fixed", Profile: model.Extended, Judge: each(primaryVMs, subject.portForward), Known: []Known{portForwardHangs},
			Reads: join(present(primaryVMs...), paths.of("[api><guests>].passed", "[api><guests>].detail"))},
		{ID: "PU-22", Text: "Deleting a UDN waits while a VM uses it (a network of its own)", Profile: model.Extended, Stage: model.Deleted, Judge: removalWaits,
			Reads: join(
				deleted.of("removal.network", "removal.there", "removal.deleting", "removal.finalizers[*]", "removal.users[*]"),
				deleted.vm("vm-o").of("spec.hostname", "spec.namespace", "pod.name"),
				deleted.of("paths[pod/client-other>vm/vm-o].passed", "paths[pod/client-other>vm/vm-o].answer"),
			)},
		{ID: "PU-23", Text: "OVN's DHCP lease carries router, DNS server, MTU, hostname and lease time", Profile: model.Extended, Judge: each(primaryVMs, subject.dhcpLease), Needs: []model.Feature{model.FeatureClusterDNS},
			Reads: join(leaseReads())},
		{ID: "PU-24", Text: "A live migration of one VM changes neither the gateway MAC that another VM of the network holds, nor its egress address: KNOWN before OVN-Kubernetes 1.2", Profile: model.Extended, Stage: model.Migrated, Judge: otherVMUnmoved, Needs: []model.Feature{model.FeatureTwoNodes, model.FeatureOutside}, Known: []Known{gatewayMoves},
			Reads: join(
				mainNetwork.of("asked.subnets[*]"), steady.vm(stayingVM).of("spec.interfaces[default]", "spec.interfaces[default].network"),
				(steady.vm(stayingVM)+"guest.neighbours[10.1.1.1].").of("ip", "mac"), (migrated.vm(stayingVM)+"guest.neighbours[10.1.1.1].").of("ip", "mac"),
				steady.vm(stayingVM).of("pod.node"), migrated.vm(stayingVM).of("pod.node"), top.of("facts.nodes[<home>].name", "facts.nodes[<home>].edgeIPs[*]"),
				migrated.of("paths[vm-p>peer/outside].passed", "paths[vm-p>peer/outside].sourceSeen"),
				top.of("facts.features[two-nodes].present", "facts.features[outside-peer].present"),
			)},
		{ID: "PU-25", Text: "A VM on a Layer3 primary UDN is refused or documented as not working, never silently unreachable", Profile: model.Extended, Judge: layer3, Known: []Known{layer3Unreachable},
			Reads: join(steady.vm("vm-l3").of("vmi.phase"), paths.of("[pod/client-layer3>vm-l3].passed"))},
	})
}

// masquerade are the claims on the masquerade subnet, judged where the primary networks are.
func masquerade() []Claim {
	return of(PrimaryUDN, udnNeeds, []Claim{
		{ID: "MS-01", Text: "The masquerade subnet in force (169.254.0.0/17 by default; IPv6 where it is used) is the cluster's setting and large enough for UDNs", Profile: model.Core, Judge: masqueradeSubnet,
			Reads: join(
				nodeReads(), top.of("facts.masqueradeSubnet", "facts.nodes[*].edgeBridge"), steady.of("networks[*].id"),
				hosts.link("breth0", "addresses[inet 169.254.*].cidr", "addresses[inet 169.254.*].family"),
			)},
		{ID: "MS-02", Text: "Each primary UDN owns two IPs of it, base + 10 + 2·ID − 1 and base + 10 + 2·ID, on every node", Profile: model.Core, Judge: twoMasqueradeIPs,
			Reads: join(
				nodeReads(), top.of("facts.masqueradeSubnet"), steady.of("networks[*].id", "networks[*].networkName"),
				hosts.of("nat[*_* *].externalIP", "nat[*_* rto*].network", "nat[*_* rto*].type"),
			)},
		{ID: "MS-03", Text: "No two UDNs share one", Profile: model.Extended, Judge: unsharedMasqueradeIPs,
			Reads: join(
				nodeReads(), top.of("facts.masqueradeSubnet"),
				hosts.of("nat[*_* *].externalIP", "nat[*_* *.?].network", "nat[*_* *.*/??].network"),
			)},
		{ID: "MS-04", Text: "The gateway mode in force is the configured one (routingViaHost)", Profile: model.Core, Judge: gatewayModeInForce,
			Reads: join(
				nodeReads(), top.of("facts.gatewayMode", "facts.nodes[*].podSubnet"), hosts.of("gatewayMode"),
				(hosts+"routes[ovn_cluster_router * src-ip].").of("router", "prefix", "policy", "nexthop"),
				(hosts+"routes[ovn_cluster_router 100.64.*.?].").of("router", "prefix", "policy", "nexthop"),
			)},
	})
}
