// Package linuxbridge is the scenario of a VM on Linux bridges, and of the plugins.
package linuxbridge

import (
	. "github.com/onsi/ginkgo/v2"

	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/suites/session"
)

// One spec a claim, as in package clusternetwork.
var _ = Describe("VM on a Linux bridge", Ordered, ContinueOnFailure, Label("scenario:"+judge.LinuxBridge, "needs:physical-side"), func() {
	s := session.Of(judge.LinuxBridge)

	BeforeAll(s.Deployed, NodeTimeout(session.DeployNode))
	BeforeAll(s.Observe, NodeTimeout(session.ObserveTimeout))
	JustAfterEach(s.Diagnose, NodeTimeout(session.DiagnosticsTimeout))
	AfterAll(s.Over, NodeTimeout(session.TeardownTimeout))

	prove := s.Proof

	It("LB-01 A NAD of type bridge attaches the VM to a Linux bridge on the node, and the guest reaches a peer on it",
		Label("LB-01", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LB-01"))
	It("LB-02 With `vlan` set the peer sees exactly that tag (VLAN access)",
		Label("LB-02", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LB-02"))
	It("LB-03 A guest that tags its own frames reaches a tagged peer (virtual guest tagging)",
		Label("LB-03", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LB-03"))
	It("LB-04 `cnv-bridge` behaves as `bridge` (where it is installed)",
		Label("LB-04", "profile:core", "needs:cnv-bridge"), NodeTimeout(session.ClaimTimeout), prove("LB-04"))
	It("MC-01 Multus is the plugin that the node's runtime calls, and it delegates to OVN-Kubernetes",
		Label("MC-01", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("MC-01"))
	It("MC-02 The node holds the plugin binaries that the scenarios need; the others are listed",
		Label("MC-02", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("MC-02"))
	It("MC-03 network-status lists each attachment of a VM with interface, address and MAC as observed",
		Label("MC-03", "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("MC-03"))
	It("MC-04 A chained plugin (bridge with tuning) is applied",
		Label("MC-04", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("MC-04"))
})
