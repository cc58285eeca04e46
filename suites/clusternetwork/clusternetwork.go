// Package clusternetwork is the scenario of VMs on the cluster's default network, by the masquerade binding.
package clusternetwork

import (
	. "github.com/onsi/ginkgo/v2"

	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/suites/session"
)

// One spec a claim: the ID and the sentence stand here, so that they can be searched for; what decides is package
// judge's row of that ID. A label of the ID selects it.
var _ = Describe("VM on the default cluster network", Ordered, ContinueOnFailure, Label("scenario:"+judge.ClusterNetwork), func() {
	s := session.Of(judge.ClusterNetwork)

	BeforeAll(s.Deployed, NodeTimeout(session.DeployNode))
	BeforeAll(s.Observe, NodeTimeout(session.ObserveTimeout))
	JustAfterEach(s.Diagnose, NodeTimeout(session.DiagnosticsTimeout))
	AfterAll(s.Over, NodeTimeout(session.TeardownTimeout))

	prove := s.Proof

	It("CN-01 The launcher holds exactly the links lo, eth0, k6t-eth0 and tap0",
		Label("CN-01", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("CN-01"))
	It("CN-02 eth0 is a veth, UP, and carries exactly the pod's IP with the node subnet's prefix; its MAC is 0a:58 and that IP in hex",
		Label("CN-02", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("CN-02"))
	It("CN-03 k6t-eth0 is a bridge, UP, and carries exactly 10.0.2.1/24 (first host of vmNetworkCIDR)",
		Label("CN-03", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("CN-03"))
	It("CN-04 tap0 is UP and enslaved to k6t-eth0",
		Label("CN-04", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("CN-04"))
	It("CN-05 k6t-eth0 has MAC 02:00:00:00:00:00",
		Label("CN-05", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("CN-05"))
	It("CN-06 One MTU from eth0 over k6t-eth0 and tap0 to the guest NIC, equal to the cluster network's",
		Label("CN-06", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("CN-06"))
	It("CN-07 The guest has one NIC beside lo, with the MAC of the VM spec",
		Label("CN-07", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("CN-07"))
	It("CN-08 Its only IPv4 address is 10.0.2.2/24 (second host of vmNetworkCIDR)",
		Label("CN-08", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("CN-08"))
	It("CN-09 The only default route goes via 10.0.2.1: proto dhcp, its own address as source, the profile's metric",
		Label("CN-09", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("CN-09"))
	It("CN-10 The only other route is the connected 10.0.2.0/24: proto kernel, same source and metric",
		Label("CN-10", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("CN-10"))
	It("CN-11 Two VMs run at once with the same 10.0.2.2 and different pod IPs",
		Label("CN-11", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("CN-11"))
	It("CN-12 VMI status reports the pod IP and the guest's MAC for the interface",
		Label("CN-12", "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("CN-12"))
	It("CN-13 A peer pod sees the VM's connection come from the pod IP (masquerade at the pod edge)",
		Label("CN-13", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("CN-13"))
	It("CN-14 An external peer sees it come from the node-edge IP of the VM's node (masquerade at the node edge): the peer's answer and its capture agree",
		Label("CN-14", "profile:core", "needs:outside-peer"), NodeTimeout(session.ClaimTimeout), prove("CN-14"))
	It("CN-15 Of the probe's flow, neither 10.0.2.2 nor the pod IP appears on the wire outside the node",
		Label("CN-15", "profile:extended", "needs:outside-peer"), NodeTimeout(session.ClaimTimeout), prove("CN-15"))
	It("CN-16 Two VMs reach each other at their pod IPs, on one node and across nodes",
		Label("CN-16", "profile:extended", "needs:two-nodes"), NodeTimeout(session.ClaimTimeout), prove("CN-16"))
	It("CN-17 The guest resolves a Service name and reaches its ClusterIP",
		Label("CN-17", "profile:extended", "needs:cluster-dns"), NodeTimeout(session.ClaimTimeout), prove("CN-17"))
	It("CN-18 A ClusterIP Service in front of the VM answers a client pod",
		Label("CN-18", "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("CN-18"))
	It("CN-19 A DF ping of exactly the MTU passes both ways; one byte more from the peer does not arrive whole",
		Label("CN-19", "profile:extended", "needs:outside-peer"), NodeTimeout(session.ClaimTimeout), prove("CN-19"))
	It("CN-20 The API server's port-forward reaches the guest's SSH",
		Label("CN-20", "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("CN-20"))
	It("CN-21 A custom vmNetworkCIDR moves bridge, guest and gateway together",
		Label("CN-21", "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("CN-21"))
	It("CN-22 A NetworkPolicy that denies ingress blocks, and one that allows admits; positive control first",
		Label("CN-22", "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("CN-22"))
	It("CN-23 eth0's other end is the OVS port of the pod's logical port, and OVN has it bound to the VM's node",
		Label("CN-23", "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("CN-23"))
	It("CN-24 The default network's role for the pod is primary",
		Label("CN-24", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("CN-24"))
	It("CN-25 The guest's NICs are virtio, backed by the taps in the spec's order",
		Label("CN-25", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("CN-25"))
	It("CN-26 The guest's hostname is the VM's name",
		Label("CN-26", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("CN-26"))
})
