package fault

import (
	"regexp"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
)

// hop is what may follow the words of a comparison: where its path ends, or that of another one that fails beside it.
const hop = `(; (.+: )?` + judge.FirstHop + `.*)?$`

// red names the claims that must turn red, each with its words. Words that end with $ may be followed by a hop alone.
func red(claimAndWords ...string) map[string]*regexp.Regexp {
	m := map[string]*regexp.Regexp{}
	for i := 0; i+1 < len(claimAndWords); i += 2 {
		words := claimAndWords[i+1]
		if whole, ends := strings.CutSuffix(words, "$"); ends {
			words = whole + hop
		}
		m[claimAndWords[i]] = regexp.MustCompile(words)
	}
	return m
}

// All gives every fault, in the order in which they are injected.
func All() []Fault {
	return slices.Concat(clusterNetwork(), primaryUDN(), secondaryUDN(), localnet(), linuxBridges())
}

// WithoutFault are the claims that no live fault is possible for, with the reason. Their judges are proven by changes
// of recorded observations alone.
func WithoutFault() map[string]string {
	return map[string]string{
		"CN-24": "the role is the control plane's own word: only another network in the namespace changes it, not a fault in this one",
		"PU-21": "the way is closed on every cluster that is known (kubevirt#18399): there is nothing to break",
		"PU-25": "it is about what the platform does with such a VM from its start on, which nothing on a running cluster changes",
		"LN-17": "it is the API server's own refusal, by the schema of the kind, which nothing on a running cluster changes",
		"MS-01": "the masquerade subnet is a setting of OVN-Kubernetes' processes, which no running cluster changes",
		"MS-04": "the gateway mode is a setting of OVN-Kubernetes' processes, which no running cluster changes",
	}
}

func clusterNetwork() []Fault {
	outside := []model.Feature{model.FeatureOutside}
	twoNodes := []model.Feature{model.FeatureTwoNodes}
	faults := []Fault{
		{ID: "CN-01/extra-link", Text: "a dummy link in vm-a's launcher",
			Steps: []Step{extraLink("vm-a")},
			Red:   red("CN-01", `^vm-a launcher's links: .*more than expected: vmnet-extra$`)},
		{ID: "CN-02/second-address", Text: "a second address on eth0 of vm-a's launcher",
			Steps: []Step{secondAddress("vm-a", "eth0")},
			Red:   red("CN-02", `^vm-a eth0 addresses: .*more than expected: 192\.0\.2\.77/32$`)},
		{ID: "CN-03/bridge-prefix", Text: "k6t-eth0 of vm-a has half its subnet",
			Steps: []Step{bridgePrefix("vm-a")},
			Red:   red("CN-03", `^vm-a k6t-eth0 addresses: expected 10\.0\.2\.1/24 .*more than expected: 10\.0\.2\.1/25$`)},
		{ID: "CN-04/tap-without-bridge", Text: "tap0 of vm-spare taken from the bridge, which so loses its carrier",
			Steps: []Step{tapWithoutBridge},
			Red: red("CN-04", `^vm-spare tap0 master: expected k6t-eth0 .*observed nothing$`,
				"CN-03", `^vm-spare k6t-eth0 state: expected UP .*state is DOWN$`)},
		{ID: "CN-05/bridge-mac", Text: "another MAC on k6t-eth0 of vm-a",
			Steps: []Step{bridgeMAC("vm-a")},
			Red:   red("CN-05", `^vm-a k6t-eth0 MAC: expected 02:00:00:00:00:00 .*observed 02:00:00:00:00:77$`)},
		{ID: "CN-06/tap-mtu", Text: "tap0 of vm-a two bytes short of the MTU",
			Steps: []Step{tapMTU("vm-a")},
			Red:   red("CN-06", `^vm-a tap0 MTU: expected \d+ \(the cluster network's MTU\), observed \d+$`)},
		{ID: "CN-07/guest-mac", Text: "another MAC in vm-a's guest",
			Steps: []Step{guestMAC},
			Red: red("CN-07", `^vm-a guest's NICs: .*missing: [0-9a-f:]{17}; more than expected: [0-9a-f:]{15}77$`,
				"CN-12", `^vm-a VMI status mac: expected [0-9a-f:]{15}77 \(the MAC in the guest\), observed `)},
		{ID: "CN-08/second-address", Text: "a second address in vm-a's guest",
			Steps: []Step{guestSecondAddress("vm-a", nic)},
			Red:   red("CN-08", `^vm-a guest's IPv4 addresses: .*more than expected: 192\.0\.2\.78/32$`)},
		{ID: "CN-09/static-default", Text: "vm-a's default route set by hand instead of DHCP",
			Steps: []Step{staticDefault("vm-a")},
			Red:   red("CN-09", `^vm-a guest's default routes: .*more than expected: default via 10\.0\.2\.1 .*proto static`)},
		{ID: "CN-10/stray-route", Text: "one more route in vm-a's guest",
			Steps: []Step{strayRoute("vm-a")},
			Red:   red("CN-10", `^vm-a guest's other routes: .*more than expected: 192\.0\.2\.128/25 via 10\.0\.2\.1`)},
		{ID: "CN-13/other-source", Text: "vm-a's connections to the echo pod lead to the outside peer",
			Steps: towardEcho, Needs: outside,
			Red: red("CN-13", `^vm-a address as the echo pod sees it: expected [\d.]+ \(the pod IP\), observed [\d.]+$`)},
		{ID: "CN-14/not-masqueraded", Text: "the gateway router of vm-b's node does not translate flows to the outside peer",
			Steps: []Step{exempted("vm-b")}, Needs: outside, Blind: []string{"CN-19"}, // the peer's datagrams have no way back either
			Red: red("CN-14", `^vm-b reaches the outside peer: expected passes .*observed does not pass`,
				"CN-15", `^vm-b flow's addresses on the wire at the outside peer: expected none of `)},
		{ID: "CN-16/pair-denied", Text: "an ACL of OVN drops what vm-a sends to vm-b",
			Steps: []Step{pairDenied}, Needs: twoNodes,
			Red: red("CN-16", `^vm-a reaches vm-b across nodes: expected passes .*observed does not pass`)},
		{ID: "CN-17/no-resolver", Text: "vm-a's guest asks a DNS server that is not there",
			Steps: []Step{noResolver("vm-a")}, Needs: []model.Feature{model.FeatureClusterDNS},
			Red: red("CN-17", `^vm-a resolves echo\.\S+: expected passes .*observed does not pass`)},
		{ID: "CN-18/nobody-behind", Text: "the Service in front of vm-a selects nothing",
			Steps: nobodyBehind,
			Red:   red("CN-18", `^client reaches vm-a through its Service: expected passes .*observed does not pass`)},
		{ID: "CN-19/smaller-gateway", Text: "the gateway router of vm-b's node lets in 100 bytes less",
			Steps: smallerGateway, Needs: outside,
			Red: red("CN-19", `^peer/outside>vm-b#df-mtu: expected passes .*observed does not pass`)},
		{ID: "CN-19/larger-gateway", Text: "vm-b's node lets in one byte more than the MTU, as far as the guest",
			Steps: largerGateway, Needs: outside,
			Red: red("CN-19", `^peer/outside>vm-b#df-mtu\+1: expected does not pass .*observed passes`)},
		{ID: "CN-20/no-port-forward", Text: "new connections from virt-api to vm-c's SSH are dropped",
			Steps: []Step{noNewForwards},
			Red:   red("CN-20", `^port-forward to vm-c's SSH: expected passes .*observed does not pass`)},
		{ID: "CN-21/bridge", Text: "k6t-eth0 of vm-c has half its subnet",
			Steps: []Step{bridgePrefix("vm-c")},
			Red: red("CN-21", `^vm-c k6t-eth0 addresses: expected 10\.9\.8\.1/24 .*more than expected: 10\.9\.8\.1/25$`,
				"CN-03", `^vm-c k6t-eth0 addresses: .*more than expected: 10\.9\.8\.1/25$`)},
		{ID: "CN-21/guest", Text: "a second address in vm-c's guest",
			Steps: []Step{guestSecondAddress("vm-c", nic)},
			Red: red("CN-21", `^vm-c guest's IPv4 addresses: .*more than expected: 192\.0\.2\.78/32$`,
				"CN-08", `^vm-c guest's IPv4 addresses: .*more than expected: 192\.0\.2\.78/32$`)},
		{ID: "CN-21/gateway", Text: "vm-c's default route leads to an address beside the gateway's",
			Steps: []Step{otherGateway},
			Red: red("CN-21", `^vm-c guest's gateways: .*more than expected: 10\.9\.8\.3$`,
				"CN-09", `^vm-c guest's default routes: .*more than expected: default via 10\.9\.8\.3 `)},
		{ID: "CN-22/policy-deleted", Text: "network policies are deleted as soon as they appear",
			Steps: []Step{DeletePolicies{}},
			Red:   red("CN-22", `^client to vm-b while ingress is denied: expected does not pass .*observed passes`)},
		{ID: "CN-23/other-iface-id", Text: "the OVS interface of vm-spare's pod belongs to no logical port",
			Steps: []Step{otherIfaceID},
			Red:   red("CN-23", `^vm-spare iface-id of OVS interface \S+: expected \S+vm-spare\S* .*observed vmnet-fault$`)},
		{ID: "CN-25/e1000e", Text: "one more VM, whose NIC is an e1000e",
			Steps: []Step{Apply{File: "e1000e.yaml"}},
			Red:   red("CN-25", `^vm-e1000e hypervisor's NICs: expected virtio .*observed e1000e `)},
		{ID: "CN-26/other-hostname", Text: "another hostname in vm-b's guest",
			Steps: []Step{otherHostname},
			Red: red("CN-26", `^vm-b guest's hostname: expected vm-b .*observed vmnet-fault$`,
				"CN-20", `^hostname that vm-b says over port-forward: expected vm-b .*observed vmnet-fault$`)},
		// last, because vm-b starts twice
		{ID: "CN-11/other-subnet", Text: "vm-b starts with a vmNetworkCIDR of its own, so that vm-a alone has the default one",
			Steps: []Step{Renumber{VM: "vm-b", CIDR: "10.9.7.0/24"}}, Renews: []string{"vm-b"},
			Red: red("CN-11", `^VMs on the default vmNetworkCIDR: expected two or more .*observed vm-a$`)},
	}
	return of(judge.ClusterNetwork, faults)
}

// of makes faults a scenario's.
func of(scenario string, faults []Fault) []Fault {
	for i := range faults {
		faults[i].Scenario = scenario
	}
	return faults
}
