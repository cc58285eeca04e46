package judge

import "github.com/vmnet-project/vmnet/framework/model"

// ClusterNetwork is the scenario of VMs on the cluster's default network by masquerade.
const ClusterNetwork = "cluster-network"

// clusterNetworkVMs are the VMs that the scenario always has: vm-a; vm-b, on another node; and vm-c, on vm-a's node,
// with a vmNetworkCIDR of its own. A spare may be among them.
var clusterNetworkVMs = []string{"vm-a", "vm-b", "vm-c"}

// The beginnings of paths into the observation.
const (
	every  = "stages[steady].vms[<all>]."
	guest  = "stages[steady].vms[<guests>]."
	shared = "stages[steady].vms[<default>]."
	custom = "stages[steady].vms[<custom>]."
	vmA    = "stages[steady].vms[vm-a]."
	vmB    = "stages[steady].vms[vm-b]."
	vmC    = "stages[steady].vms[vm-c]."
	paths  = "stages[steady].paths"
	frames = "stages[steady].frames"
)

func clusterNetwork() []Claim {
	claims := []Claim{
		{ID: "CN-01", Text: "The launcher holds exactly the links lo, eth0, k6t-eth0 and tap0", Profile: model.Core, Judge: launcherLinks,
			Reads: []string{every + "launcher.links[*].name", every + "launcher.links[+*]", every + "pod.node", "stages[steady].controls[*][eth0].name"}},
		{ID: "CN-02", Text: "eth0 is a veth, UP, and carries exactly the pod's IP with the node subnet's prefix; its MAC is 0a:58 and that IP in hex", Profile: model.Core, Judge: podLink,
			Reads: []string{every + "launcher.links[eth0].name", every + "launcher.links[eth0].kind", every + "launcher.links[eth0].flags[UP]", every + "launcher.links[eth0].state", every + "launcher.links[eth0].mac",
				every + "launcher.links[eth0].addresses[inet *].cidr", every + "launcher.links[eth0].addresses[inet *].family", every + "launcher.links[eth0].addresses[+inet *]",
				every + "pod.node", every + "pod.ips[*]", every + "pod.ips[+*]", every + "pod.allotted[default].cidrs[*]", every + "pod.allotted[default].cidrs[+*]", "facts.nodes[*].name", "facts.nodes[*].podSubnet"}},
		{ID: "CN-03", Text: "k6t-eth0 is a bridge, UP, and carries exactly 10.0.2.1/24 (first host of vmNetworkCIDR)", Profile: model.Core, Judge: bridgeLink,
			Reads: []string{every + "launcher.links[k6t-eth0].name", every + "launcher.links[k6t-eth0].kind", every + "launcher.links[k6t-eth0].flags[UP]", every + "launcher.links[k6t-eth0].state",
				every + "launcher.links[k6t-eth0].addresses[inet *].cidr", every + "launcher.links[k6t-eth0].addresses[inet *].family", every + "launcher.links[k6t-eth0].addresses[+inet *]", every + "spec.interfaces[*].vmNetworkCIDR"}},
		{ID: "CN-04", Text: "tap0 is UP and enslaved to k6t-eth0", Profile: model.Core, Judge: tapLink,
			Reads: []string{every + "launcher.links[tap0].name", every + "launcher.links[tap0].flags[UP]", every + "launcher.links[tap0].state", every + "launcher.links[tap0].master"}},
		{ID: "CN-05", Text: "k6t-eth0 has MAC 02:00:00:00:00:00", Profile: model.Core, Judge: bridgeMAC,
			Reads: []string{every + "launcher.links[k6t-eth0].name", every + "launcher.links[k6t-eth0].mac"}},
		{ID: "CN-06", Text: "One MTU from eth0 over k6t-eth0 and tap0 to the guest NIC, equal to the cluster network's", Profile: model.Core, Judge: oneMTU,
			Reads: []string{"facts.mtu", every + "launcher.links[eth0].name", every + "launcher.links[eth0].mtu", every + "launcher.links[k6t-eth0].name", every + "launcher.links[k6t-eth0].mtu",
				every + "launcher.links[tap0].name", every + "launcher.links[tap0].mtu", every + "spec.spare", guest + "guest.links[eth0].mtu"}},
		{ID: "CN-07", Text: "The guest has one NIC beside lo, with the MAC of the VM spec", Profile: model.Core, Judge: guestMAC,
			Reads: []string{every + "spec.spare", guest + "spec.interfaces[*].mac", guest + "guest.links[lo].name", guest + "guest.links[eth0].mac", guest + "guest.links[+*]"}},
		{ID: "CN-08", Text: "Its only IPv4 address is 10.0.2.2/24 (second host of vmNetworkCIDR)", Profile: model.Core, Judge: guestAddress,
			Reads: []string{every + "spec.spare", guest + "spec.interfaces[*].vmNetworkCIDR",
				guest + "guest.links[eth0].addresses[inet *].cidr", guest + "guest.links[eth0].addresses[inet *].family", guest + "guest.links[eth0].addresses[+inet *]"}},
		{ID: "CN-09", Text: "The only default route goes via 10.0.2.1: proto dhcp, its own address as source, the profile's metric", Profile: model.Core, Judge: guestDefaultRoute,
			Reads: []string{every + "spec.spare", guest + "spec.interfaces[*].vmNetworkCIDR", guest + "guest.links[eth0].name", guest + "guest.routes[inet main default].{route}", guest + "guest.routes[+inet main default]"}},
		{ID: "CN-10", Text: "The only other route is the connected 10.0.2.0/24: proto kernel, same source and metric", Profile: model.Core, Judge: guestConnectedRoute,
			Reads: []string{every + "spec.spare", guest + "spec.interfaces[*].vmNetworkCIDR", guest + "guest.links[eth0].name", guest + "guest.routes[inet main *.*].{route}", guest + "guest.routes[+inet main *.*]", guest + "guest.routes[inet main default].dst"}},
		{ID: "CN-11", Text: "Two VMs run at once with the same 10.0.2.2 and different pod IPs", Profile: model.Core, Judge: sameAddressTwice,
			Reads: []string{every + "spec.spare", guest + "spec.interfaces[*].vmNetworkCIDR", "stages[steady].vms[+*]", shared + "vmi.phase", every + "pod.allotted[default].cidrs[*]",
				shared + "guest.links[eth0].addresses[inet *].cidr", shared + "guest.links[eth0].addresses[inet *].family"}},
		{ID: "CN-12", Text: "VMI status reports the pod IP and the guest's MAC for the interface", Profile: model.Extended, Judge: vmiStatus,
			Reads: []string{every + "vmi.interfaces[default].name", every + "vmi.interfaces[default].mac", every + "vmi.interfaces[default].ip", every + "vmi.interfaces[default].ips[*]", every + "vmi.interfaces[default].ips[+*]", every + "vmi.interfaces[+*]",
				every + "spec.spare", every + "spec.interfaces[*].name", every + "pod.allotted[default].cidrs[*]", "stages[steady].vms[<spares>].spec.interfaces[*].mac", guest + "guest.links[eth0].mac"}},
		{ID: "CN-13", Text: "A peer pod sees the VM's connection come from the pod IP (masquerade at the pod edge)", Profile: model.Core, Judge: podEdge,
			Reads: []string{every + "spec.spare", "stages[steady].vms[+*]", guest + "pod.allotted[default].cidrs[*]", paths + "[<guests>>pod/echo].passed", paths + "[<guests>>pod/echo].sourceSeen"}},
		{ID: "CN-14", Text: "An external peer sees it come from the node-edge IP of the VM's node (masquerade at the node edge): the peer's answer and its capture agree", Profile: model.Core, Judge: nodeEdge,
			Needs: []model.Feature{model.FeatureOutside},
			Reads: []string{every + "spec.spare", "stages[steady].vms[+*]", guest + "pod.node", "facts.nodes[*].name", "facts.nodes[*].edgeIPs[*]", "facts.features[outside-peer].present",
				paths + "[<guests>>peer/outside].passed", paths + "[<guests>>peer/outside].target", paths + "[<guests>>peer/outside].sourceSeen", paths + "[<guests>>peer/outside].sourcePort",
				frames + "[<guests>>peer/outside][+*]", frames + "[<guests>>peer/outside][*].src", frames + "[<guests>>peer/outside][*].dst", frames + "[<guests>>peer/outside][*].srcPort", frames + "[<guests>>peer/outside][*].dstPort"}},
		{ID: "CN-15", Text: "Of the probe's flow, neither 10.0.2.2 nor the pod IP appears on the wire outside the node", Profile: model.Extended, Judge: nothingInnerOutside,
			Needs: []model.Feature{model.FeatureOutside},
			Reads: []string{every + "spec.spare", "stages[steady].vms[+*]", guest + "spec.interfaces[*].vmNetworkCIDR", guest + "pod.allotted[default].cidrs[*]", "facts.features[outside-peer].present",
				paths + "[<guests>>peer/outside].target", frames + "[<guests>>peer/outside][*].src", frames + "[<guests>>peer/outside][*].dst"}},
		{ID: "CN-16", Text: "Two VMs reach each other at their pod IPs, on one node and across nodes", Profile: model.Extended, Judge: vmToVM,
			Needs: []model.Feature{model.FeatureTwoNodes},
			Reads: []string{vmA + "spec.spare", vmB + "spec.spare", vmC + "spec.spare", vmA + "pod.node", vmB + "pod.node", vmC + "pod.node", vmA + "pod.allotted[default].cidrs[*]", vmB + "pod.allotted[default].cidrs[*]", vmC + "pod.allotted[default].cidrs[*]", "facts.features[two-nodes].present",
				paths + "[vm-a>vm-?].passed", paths + "[vm-a>vm-?].target", paths + "[vm-?>vm-a].passed", paths + "[vm-?>vm-a].target"}},
		{ID: "CN-17", Text: "The guest resolves a Service name and reaches its ClusterIP", Profile: model.Extended, Judge: serviceByName,
			Needs: []model.Feature{model.FeatureClusterDNS},
			Reads: []string{every + "spec.spare", "stages[steady].vms[+*]", "facts.clusterDomain", "facts.features[cluster-dns].present", "stages[steady].services[echo].name", "stages[steady].services[echo].namespace", "stages[steady].services[echo].clusterIP", "stages[steady].services[echo].backends[*]",
				paths + "[<guests>>dns/echo].passed", paths + "[<guests>>dns/echo].target", paths + "[<guests>>dns/echo].answer",
				paths + "[<guests>>service/echo].passed", paths + "[<guests>>service/echo].target", paths + "[<guests>>service/echo].answer"}},
		{ID: "CN-18", Text: "A ClusterIP Service in front of the VM answers a client pod", Profile: model.Extended, Judge: serviceToVM,
			Reads: []string{vmA + "spec.hostname", "stages[steady].services[vm-a].clusterIP", paths + "[pod/client>service/vm-a].passed", paths + "[pod/client>service/vm-a].target", paths + "[pod/client>service/vm-a].answer"}},
		{ID: "CN-19", Text: "A DF ping of exactly the MTU passes both ways; one byte more from the peer does not arrive whole", Profile: model.Extended, Judge: wholeMTU,
			Needs: []model.Feature{model.FeatureOutside},
			Reads: []string{every + "spec.spare", "stages[steady].vms[+*]", "facts.mtu", "facts.features[outside-peer].present", paths + "[<guests>>pod/echo#df-mtu].passed", paths + "[<guests>>pod/echo#df-mtu].size", paths + "[pod/client><guests>#df-mtu].passed", paths + "[pod/client><guests>#df-mtu].size",
				paths + "[peer/outside><guests>#df-mtu].passed", paths + "[peer/outside><guests>#df-mtu].size", paths + "[peer/outside><guests>#df-mtu+1].passed", paths + "[peer/outside><guests>#df-mtu+1].size"}},
		{ID: "CN-20", Text: "The API server's port-forward reaches the guest's SSH", Profile: model.Extended, Judge: portForward,
			Reads: []string{every + "spec.spare", "stages[steady].vms[+*]", guest + "guest.hostname", paths + "[api><guests>].passed", paths + "[api><guests>].answer"}},
		{ID: "CN-21", Text: "A custom vmNetworkCIDR moves bridge, guest and gateway together", Profile: model.Extended, Judge: customSubnet,
			Reads: []string{custom + "spec.spare", guest + "spec.interfaces[*].vmNetworkCIDR", custom + "launcher.links[k6t-eth0].name", custom + "launcher.links[k6t-eth0].addresses[inet *].cidr", custom + "launcher.links[k6t-eth0].addresses[inet *].family", custom + "launcher.links[k6t-eth0].addresses[+inet *]",
				custom + "guest.links[eth0].addresses[inet *].cidr", custom + "guest.links[eth0].addresses[inet *].family", custom + "guest.links[eth0].addresses[+inet *]",
				custom + "guest.routes[inet main default].via", custom + "guest.routes[inet main default].dst", custom + "guest.routes[inet main default].table", custom + "guest.routes[inet main default].family", custom + "guest.routes[+inet main default]"}},
		{ID: "CN-22", Text: "A NetworkPolicy that denies ingress blocks, and one that allows admits; positive control first", Profile: model.Extended, Judge: networkPolicy,
			Reads: []string{vmA + "spec.spare", vmB + "spec.spare", vmA + "pod.allotted[default].cidrs[*]", vmB + "pod.allotted[default].cidrs[*]", paths + "[pod/client>vm-b#before].passed", paths + "[pod/client>vm-b#before].target", paths + "[pod/client>vm-b#denied].passed", paths + "[pod/client>vm-b#denied].target",
				paths + "[pod/client>vm-b#allowed].passed", paths + "[pod/client>vm-b#allowed].target", paths + "[pod/client>vm-a#during-deny].passed", paths + "[pod/client>vm-a#during-deny].target"}},
		{ID: "CN-23", Text: "eth0's other end is the OVS port of the pod's logical port, and OVN has it bound to the VM's node", Profile: model.Extended, Judge: logicalPortBound,
			Reads: []string{every + "spec.namespace", every + "pod.name", every + "pod.node", every + "port.hostLink", every + "port.ifaceID", every + "port.name", every + "port.chassis", every + "port.up"}},
		{ID: "CN-24", Text: "The default network's role for the pod is primary", Profile: model.Core, Judge: primaryRole,
			Reads: []string{every + "pod.allotted[default].role"}},
		{ID: "CN-25", Text: "The guest's NICs are virtio, backed by the taps in the spec's order", Profile: model.Core, Judge: virtioNICs,
			Reads: []string{every + "spec.spare", every + "spec.interfaces[*].mac", every + "spec.interfaces[*].network", every + "spec.interfaces[+*]", every + "launcher.nics[*].device", every + "launcher.nics[*].mac", every + "launcher.nics[*].tap", every + "launcher.nics[+*]",
				guest + "guest.nics[*].driver", guest + "guest.nics[+*]"}},
		{ID: "CN-26", Text: "The guest's hostname is the VM's name", Profile: model.Core, Judge: hostname,
			Reads: []string{every + "spec.spare", guest + "spec.hostname", guest + "guest.hostname"}},
	}
	for i := range claims {
		claims[i].Scenario = ClusterNetwork
		claims[i].Reads = append(claims[i].Reads, commonReads...)
	}
	return claims
}
