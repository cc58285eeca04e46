package judge

import (
	"github.com/vmnet-project/vmnet/framework/model"
)

// The scenarios, as in manifests/scenarios.
const (
	// ClusterNetwork has VMs on the cluster's default network by masquerade.
	ClusterNetwork = "cluster-network"
	// PrimaryUDN has VMs on a primary UserDefinedNetwork by l2bridge.
	PrimaryUDN = "primary-udn"
	// SecondaryUDN has VMs on a primary and a secondary UserDefinedNetwork.
	SecondaryUDN = "secondary-udn"
)

// clusterNetworkVMs are the VMs that the scenario always has: vm-a; vm-b, on another node; and vm-c, on vm-a's node,
// with a vmNetworkCIDR of its own. A spare may be among them.
var clusterNetworkVMs = []string{"vm-a", "vm-b", "vm-c"}

func clusterNetwork() []Claim {
	claims := []Claim{
		{ID: "CN-01", Text: "The launcher holds exactly the links lo, eth0, k6t-eth0 and tap0", Profile: model.Core, Judge: clusterVMs(everyVM, subject.launcherLinks),
			Reads: join(
				every.of("launcher.links[*].name", "launcher.links[+*]", "pod.node", "spec.interfaces[*]", "spec.interfaces[+*]", "spec.interfaces[*].network"),
				steady.of("controls[*][eth0].name"),
			)},
		{ID: "CN-02", Text: "eth0 is a veth, UP, and carries exactly the pod's IP with the node subnet's prefix; its MAC is 0a:58 and that IP in hex", Profile: model.Core, Judge: clusterVMs(everyVM, subject.podLink),
			Reads: join(podLinkReads(every))},
		{ID: "CN-03", Text: "k6t-eth0 is a bridge, UP, and carries exactly 10.0.2.1/24 (first host of vmNetworkCIDR)", Profile: model.Core, Judge: clusterVMs(everyVM, subject.bridgeLink),
			Reads: join(
				every.of("launcher.links[k6t-eth0].name", "launcher.links[k6t-eth0].kind", "launcher.links[k6t-eth0].flags[UP]",
					"launcher.links[k6t-eth0].state", "launcher.links[k6t-eth0].addresses[inet *].cidr",
					"launcher.links[k6t-eth0].addresses[inet *].family", "launcher.links[k6t-eth0].addresses[+inet *]",
					"spec.interfaces[*].vmNetworkCIDR"),
			)},
		{ID: "CN-04", Text: "tap0 is UP and enslaved to k6t-eth0", Profile: model.Core, Judge: clusterVMs(everyVM, subject.tapLink),
			Reads: join(
				every.of("launcher.links[tap0].name", "launcher.links[tap0].flags[UP]", "launcher.links[tap0].state", "launcher.links[tap0].master"),
			)},
		{ID: "CN-05", Text: "k6t-eth0 has MAC 02:00:00:00:00:00", Profile: model.Core, Judge: clusterVMs(everyVM, subject.bridgeMAC),
			Reads: join(
				every.of("launcher.links[k6t-eth0].name", "launcher.links[k6t-eth0].mac"),
			)},
		{ID: "CN-06", Text: "One MTU from eth0 over k6t-eth0 and tap0 to the guest NIC, equal to the cluster network's", Profile: model.Core, Judge: oneMTU,
			Reads: join(
				top.of("facts.mtu"),
				every.of("launcher.links[eth0].name", "launcher.links[eth0].mtu", "launcher.links[k6t-eth0].name", "launcher.links[k6t-eth0].mtu",
					"launcher.links[tap0].name", "launcher.links[tap0].mtu", "spec.spare"),
				guest.of("guest.links[eth0].mtu"),
			)},
		{ID: "CN-07", Text: "The guest has one NIC beside lo, with the MAC of the VM spec", Profile: model.Core, Judge: clusterVMs(guests, subject.guestMAC),
			Reads: join(
				every.of("spec.spare"),
				guest.of("spec.interfaces[*].mac", "guest.links[lo].name", "guest.links[eth0].mac", "guest.links[+*]"),
			)},
		{ID: "CN-08", Text: "Its only IPv4 address is 10.0.2.2/24 (second host of vmNetworkCIDR)", Profile: model.Core, Judge: clusterVMs(guests, subject.guestAddress),
			Reads: join(
				every.of("spec.spare"),
				guest.of("spec.interfaces[*].vmNetworkCIDR", "guest.links[eth0].addresses[inet *].cidr",
					"guest.links[eth0].addresses[inet *].family", "guest.links[eth0].addresses[+inet *]"),
			)},
		{ID: "CN-09", Text: "The only default route goes via 10.0.2.1: proto dhcp, its own address as source, the profile's metric", Profile: model.Core, Judge: clusterVMs(guests, subject.guestDefaultRoute),
			Reads: join(
				every.of("spec.spare"),
				guest.of("spec.interfaces[*].vmNetworkCIDR", "guest.links[eth0].name", "guest.routes[inet main default].{route}",
					"guest.routes[+inet main default]"),
			)},
		{ID: "CN-10", Text: "The only other route is the connected 10.0.2.0/24: proto kernel, same source and metric", Profile: model.Core, Judge: clusterVMs(guests, subject.guestConnectedRoute),
			Reads: join(
				every.of("spec.spare"),
				guest.of("spec.interfaces[*].vmNetworkCIDR", "guest.links[eth0].name", "guest.routes[inet main *.*].{route}",
					"guest.routes[+inet main *.*]", "guest.routes[inet main default].dst"),
			)},
		{ID: "CN-11", Text: "Two VMs run at once with the same 10.0.2.2 and different pod IPs", Profile: model.Core, Judge: sameAddressTwice,
			Reads: join(
				every.of("spec.spare", "pod.allotted[default].cidrs[*]"),
				guest.of("spec.interfaces[*].vmNetworkCIDR"),
				steady.of("vms[+*]"),
				shared.of("vmi.phase", "guest.links[eth0].addresses[inet *].cidr", "guest.links[eth0].addresses[inet *].family"),
			)},
		{ID: "CN-12", Text: "VMI status reports the pod IP and the guest's MAC for the interface", Profile: model.Extended, Judge: vmiStatus,
			Reads: join(
				every.of("vmi.interfaces[default].name", "vmi.interfaces[default].mac", "vmi.interfaces[default].ip",
					"vmi.interfaces[default].ips[*]", "vmi.interfaces[default].ips[+*]", "vmi.interfaces[+*]", "spec.spare",
					"spec.interfaces[*].name", "pod.allotted[default].cidrs[*]"),
				spare.of("spec.interfaces[*].mac"),
				guest.of("guest.links[eth0].mac"),
			)},
		{ID: "CN-13", Text: "A peer pod sees the VM's connection come from the pod IP (masquerade at the pod edge)", Profile: model.Core, Judge: clusterVMs(guests, subject.podEdge),
			Reads: join(
				every.of("spec.spare"),
				steady.of("vms[+*]"),
				guest.of("pod.allotted[default].cidrs[*]"),
				paths.of("[<guests>>pod/echo].passed", "[<guests>>pod/echo].sourceSeen"),
			)},
		{ID: "CN-14", Text: "An external peer sees it come from the node-edge IP of the VM's node (masquerade at the node edge): the peer's answer and its capture agree", Profile: model.Core, Judge: clusterVMs(guests, subject.nodeEdge), Needs: []model.Feature{model.FeatureOutside},
			Reads: join(
				every.of("spec.spare"),
				steady.of("vms[+*]"),
				nodeEdgeReads(),
			)},
		{ID: "CN-15", Text: "Of the probe's flow, neither 10.0.2.2 nor the pod IP appears on the wire outside the node", Profile: model.Extended, Judge: clusterVMs(guests, subject.innerStaysInside), Needs: []model.Feature{model.FeatureOutside},
			Reads: join(
				every.of("spec.spare"),
				top.of("facts.features[outside-peer].present"),
				steady.of("vms[+*]"),
				guest.of("spec.interfaces[*].vmNetworkCIDR", "pod.allotted[default].cidrs[*]"),
				paths.of("[<guests>>peer/outside].target"),
				frames.of("[<guests>>peer/outside][*].src", "[<guests>>peer/outside][*].dst"),
			)},
		{ID: "CN-16", Text: "Two VMs reach each other at their pod IPs, on one node and across nodes", Profile: model.Extended, Judge: clusterMeetings.meet(clusterNetworkVMs), Needs: []model.Feature{model.FeatureTwoNodes},
			Reads: join(
				steady.vm("vm-a").of("pod.node", "pod.allotted[default].cidrs[*]"),
				steady.vm("vm-b").of("pod.node", "pod.allotted[default].cidrs[*]"),
				steady.vm("vm-c").of("pod.node", "pod.allotted[default].cidrs[*]"),
				top.of("facts.features[two-nodes].present"),
				paths.of("[vm-a>vm-?].passed", "[vm-a>vm-?].target", "[vm-?>vm-a].passed", "[vm-?>vm-a].target"),
			)},
		{ID: "CN-17", Text: "The guest resolves a Service name and reaches its ClusterIP", Profile: model.Extended, Judge: clusterVMs(guests, subject.serviceByName), Needs: []model.Feature{model.FeatureClusterDNS},
			Reads: join(
				every.of("spec.spare"),
				top.of("facts.clusterDomain", "facts.features[cluster-dns].present"),
				steady.of("vms[+*]", "services[echo].name", "services[echo].namespace", "services[echo].clusterIP", "services[echo].backends[*]"),
				paths.of("[<guests>>dns/echo].passed", "[<guests>>dns/echo].target", "[<guests>>dns/echo].answer", "[<guests>>service/echo].passed",
					"[<guests>>service/echo].target", "[<guests>>service/echo].answer"),
			)},
		{ID: "CN-18", Text: "A ClusterIP Service in front of the VM answers a client pod", Profile: model.Extended, Judge: serviceToVM,
			Reads: join(
				steady.vm("vm-a").of("spec.hostname"),
				steady.of("services[vm-a].clusterIP"),
				paths.of("[pod/client>service/vm-a].passed", "[pod/client>service/vm-a].target", "[pod/client>service/vm-a].answer"),
			)},
		{ID: "CN-19", Text: "A DF ping of exactly the MTU passes both ways; one byte more from the peer does not arrive whole", Profile: model.Extended, Judge: clusterVMs(guests, subject.wholeMTU), Needs: []model.Feature{model.FeatureOutside},
			Reads: join(
				every.of("spec.spare"),
				top.of("facts.mtu", "facts.features[outside-peer].present"),
				steady.of("vms[+*]"),
				paths.of("[<guests>>pod/echo#df-mtu].passed", "[<guests>>pod/echo#df-mtu].size", "[pod/client><guests>#df-mtu].passed",
					"[pod/client><guests>#df-mtu].size", "[peer/outside><guests>#df-mtu].passed", "[peer/outside><guests>#df-mtu].size",
					"[peer/outside><guests>#df-mtu+1].passed", "[peer/outside><guests>#df-mtu+1].size"),
			)},
		{ID: "CN-20", Text: "The API server's port-forward reaches the guest's SSH", Profile: model.Extended, Judge: clusterVMs(guests, subject.portForward),
			Reads: join(
				every.of("spec.spare"),
				steady.of("vms[+*]"),
				guest.of("spec.hostname"),
				paths.of("[api><guests>].passed", "[api><guests>].answer"),
			)},
		{ID: "CN-21", Text: "A custom vmNetworkCIDR moves bridge, guest and gateway together", Profile: model.Extended, Judge: customSubnet,
			Reads: join(
				custom.of("spec.spare", "launcher.links[k6t-eth0].name", "launcher.links[k6t-eth0].addresses[inet *].cidr",
					"launcher.links[k6t-eth0].addresses[inet *].family", "launcher.links[k6t-eth0].addresses[+inet *]",
					"guest.links[eth0].addresses[inet *].cidr", "guest.links[eth0].addresses[inet *].family", "guest.links[eth0].addresses[+inet *]",
					"guest.routes[inet main default].via", "guest.routes[inet main default].dst", "guest.routes[inet main default].table",
					"guest.routes[inet main default].family", "guest.routes[+inet main default]"),
				guest.of("spec.interfaces[*].vmNetworkCIDR"),
			)},
		{ID: "CN-22", Text: "A NetworkPolicy that denies ingress blocks, and one that allows admits; positive control first", Profile: model.Extended, Judge: networkPolicy,
			Reads: join(
				steady.vm("vm-a").of("spec.spare", "pod.allotted[default].cidrs[*]"),
				steady.vm("vm-b").of("spec.spare", "pod.allotted[default].cidrs[*]"),
				paths.of("[pod/client>vm-b#before].passed", "[pod/client>vm-b#before].target", "[pod/client>vm-b#denied].passed",
					"[pod/client>vm-b#denied].target", "[pod/client>vm-b#allowed].passed", "[pod/client>vm-b#allowed].target",
					"[pod/client>vm-a#during-deny].passed", "[pod/client>vm-a#during-deny].target"),
			)},
		{ID: "CN-23", Text: "eth0's other end is the OVS port of the pod's logical port, and OVN has it bound to the VM's node", Profile: model.Extended, Judge: clusterVMs(everyVM, subject.logicalPortBound),
			Reads: join(
				every.of("spec.namespace", "pod.name", "pod.node", "port.hostLink", "port.ifaceID", "port.name", "port.chassis", "port.up"),
			)},
		{ID: "CN-24", Text: "The default network's role for the pod is primary", Profile: model.Core, Judge: clusterVMs(everyVM, subject.primaryRole),
			Reads: join(
				every.of("pod.allotted[default].role"),
			)},
		{ID: "CN-25", Text: "The guest's NICs are virtio, backed by the taps in the spec's order", Profile: model.Core, Judge: virtioOfAll,
			Reads: join(
				every.of("spec.spare", "spec.interfaces[*].mac", "spec.interfaces[*].network", "spec.interfaces[+*]", "launcher.nics[*].device",
					"launcher.nics[*].mac", "launcher.nics[*].tap", "launcher.nics[+*]"),
				guest.of("guest.nics[*].driver", "guest.nics[+*]"),
			)},
		{ID: "CN-26", Text: "The guest's hostname is the VM's name", Profile: model.Core, Judge: clusterVMs(guests, subject.hostname),
			Reads: join(
				every.of("spec.spare"),
				guest.of("spec.hostname", "guest.hostname"),
			)},
	}
	return of(ClusterNetwork, nil, claims)
}
