// Package primaryudn is the scenario of VMs on a primary user-defined network.
package primaryudn

import (
	. "github.com/onsi/ginkgo/v2"

	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/suites/session"
)

// One spec a claim, as in package clusternetwork.
var _ = Describe("VM on a primary UserDefinedNetwork", Ordered, ContinueOnFailure, Label("scenario:"+judge.PrimaryUDN, "needs:udn", "needs:l2bridge"), func() {
	s := session.Of(judge.PrimaryUDN)

	BeforeAll(s.Deployed, NodeTimeout(session.DeployNode))
	BeforeAll(s.Observe, NodeTimeout(session.ObserveTimeout))
	JustAfterEach(s.Diagnose, NodeTimeout(session.DiagnosticsTimeout))
	AfterAll(s.Over, NodeTimeout(session.TeardownTimeout))

	prove := s.Proof

	It("PU-01 The UDN reports NetworkCreated=True; its NAD repeats topology, role and subnets, and carries a network ID",
		Label("PU-01", "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("PU-01"))
	It("PU-02 The launcher holds exactly lo, eth0, ovn-udn1-nic, k6t-ovn-udn1, tap0 and ovn-udn1",
		Label("PU-02", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("PU-02"))
	It("PU-03 eth0 sits on the cluster network in the role infrastructure-locked, with no default route through it",
		Label("PU-03", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("PU-03"))
	It("PU-04 ovn-udn1-nic and tap0 are UP and enslaved to k6t-ovn-udn1, a bridge, UP, without IPv4 address",
		Label("PU-04", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("PU-04"))
	It("PU-05 ovn-udn1 is a dummy, DOWN and NOARP, holds exactly the UDN address, and has the MAC 0a:58 followed by that address in hex",
		Label("PU-05", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("PU-05"))
	It("PU-06 The guest NIC has the same MAC",
		Label("PU-06", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("PU-06"))
	It("PU-07 The guest's only IPv4 address is the one OVN allotted, inside the UDN's subnet, and VMI status agrees",
		Label("PU-07", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("PU-07"))
	It("PU-08 The only default route goes via the subnet's first address: proto dhcp, source, metric",
		Label("PU-08", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("PU-08"))
	It("PU-09 The only other route is the connected subnet",
		Label("PU-09", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("PU-09"))
	It("PU-10 One MTU along the path, and DF pings agree with it",
		Label("PU-10", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("PU-10"))
	It("PU-11 Two VMs have different addresses and reach each other, on one node and across nodes",
		Label("PU-11", "profile:core", "needs:two-nodes"), NodeTimeout(session.ClaimTimeout), prove("PU-11"))
	It("PU-12 At the UDN's gateway router the flow is translated to the masquerade IP that the network's ID implies: NAT row and the flow's own conntrack entry",
		Label("PU-12", "profile:core", "needs:outside-peer"), NodeTimeout(session.ClaimTimeout), prove("PU-12"))
	It("PU-13 An external peer sees the node-edge IP of the VM's node; the ports link guest, router and peer as one flow",
		Label("PU-13", "profile:core", "needs:outside-peer"), NodeTimeout(session.ClaimTimeout), prove("PU-13"))
	It("PU-14 Neither a masquerade IP nor the guest's IP appears on the wire outside the node",
		Label("PU-14", "profile:extended", "needs:outside-peer"), NodeTimeout(session.ClaimTimeout), prove("PU-14"))
	It("PU-15 Kubelet health checks only: with a listener on the launcher's eth0, a pod of the default network is refused, a process on the node too, and a process in the kubelet's cgroup connects",
		Label("PU-15", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("PU-15"))
	It("PU-16 The guest reaches neither a pod of the default network nor a VM on another UDN: nothing arrives at the receiver, which answers a neighbour of its own",
		Label("PU-16", "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("PU-16"))
	It("PU-17 The guest resolves names and reaches a ClusterIP Service in its own network",
		Label("PU-17", "profile:extended", "needs:cluster-dns"), NodeTimeout(session.ClaimTimeout), prove("PU-17"))
	It("PU-18 Two namespaces use the same UDN subnet at once without seeing each other",
		Label("PU-18", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("PU-18"))
	It("PU-19 The address survives stop and start (lifecycle Persistent; the report says whether the IPAM extension or the suite made the IPAMClaim)",
		Label("PU-19", "profile:core", "stage:restarted"), NodeTimeout(session.ClaimTimeout), prove("PU-19"))
	It("PU-20 The address survives live migration, and an open TCP connection with it; the longest gap is recorded",
		Label("PU-20", "profile:extended", "needs:two-nodes", "stage:migrated"), NodeTimeout(session.ClaimTimeout), prove("PU-20"))
	It("PU-21 Port-forward to the VM fails as documented: KNOWN kubevirt#18399; PASS with a note once it is fixed",
		Label("PU-21", "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("PU-21"))
	It("PU-22 Deleting a UDN waits while a VM uses it (a network of its own)",
		Label("PU-22", "profile:extended", "stage:deleted"), NodeTimeout(session.ClaimTimeout), prove("PU-22"))
	It("PU-23 OVN's DHCP lease carries router, DNS server, MTU, hostname and lease time",
		Label("PU-23", "profile:extended", "needs:cluster-dns"), NodeTimeout(session.ClaimTimeout), prove("PU-23"))
	It("PU-24 A live migration of one VM changes neither the gateway MAC that another VM of the network holds, nor its egress address: KNOWN before OVN-Kubernetes 1.2",
		Label("PU-24", "profile:extended", "needs:two-nodes", "needs:outside-peer", "stage:migrated"), NodeTimeout(session.ClaimTimeout), prove("PU-24"))
	It("PU-25 A VM on a Layer3 primary UDN is refused or documented as not working, never silently unreachable",
		Label("PU-25", "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("PU-25"))
	It("MS-01 The masquerade subnet in force (169.254.0.0/17 by default; IPv6 where it is used) is the cluster's setting and large enough for UDNs",
		Label("MS-01", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("MS-01"))
	It("MS-02 Each primary UDN owns two IPs of it, base + 10 + 2·ID − 1 and base + 10 + 2·ID, on every node",
		Label("MS-02", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("MS-02"))
	It("MS-03 No two UDNs share one",
		Label("MS-03", "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("MS-03"))
	It("MS-04 The gateway mode in force is the configured one (routingViaHost)",
		Label("MS-04", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("MS-04"))
})
