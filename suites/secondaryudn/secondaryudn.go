// Package secondaryudn is the scenario of VMs on a primary and a secondary user-defined network.
package secondaryudn

import (
	. "github.com/onsi/ginkgo/v2"

	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/suites/session"
)

// One spec a claim, as in package clusternetwork.
var _ = Describe("VM on a primary and a secondary UserDefinedNetwork", Ordered, ContinueOnFailure, Label("scenario:"+judge.SecondaryUDN, "needs:udn", "needs:l2bridge"), func() {
	s := session.Of(judge.SecondaryUDN)

	BeforeAll(s.Deployed, NodeTimeout(session.DeployNode))
	BeforeAll(s.Observe, NodeTimeout(session.ObserveTimeout))
	JustAfterEach(s.Diagnose, NodeTimeout(session.DiagnosticsTimeout))
	AfterAll(s.Over, NodeTimeout(session.TeardownTimeout))

	prove := s.Proof

	It("SU-01 The launcher holds exactly lo, eth0, ovn-udn1-nic, k6t-ovn-udn1, tap0, ovn-udn1, H-nic, k6t-H, tapH and podH, H being the first 11 hex digits of SHA-256 of the VM's network name",
		Label("SU-01", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("SU-01"))
	It("SU-02 k6t-H carries exactly 169.254.75.1N/32, N the interface's index",
		Label("SU-02", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("SU-02"))
	It("SU-03 podH is a dummy, DOWN and NOARP, with exactly the secondary address; H-nic and tapH are UP and enslaved to k6t-H",
		Label("SU-03", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("SU-03"))
	It("SU-04 The second guest NIC and podH carry the MAC of the VM spec (without one, 0a:58 and the address in hex)",
		Label("SU-04", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("SU-04"))
	It("SU-05 The second guest NIC has exactly the address OVN allotted from the secondary subnet, by DHCP",
		Label("SU-05", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("SU-05"))
	It("SU-06 The only default route is the primary's",
		Label("SU-06", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("SU-06"))
	It("SU-07 The connected routes are the two subnets', the secondary's with the higher metric, and no other",
		Label("SU-07", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("SU-07"))
	It("SU-08 Two VMs reach each other over the secondary",
		Label("SU-08", "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("SU-08"))
	It("SU-09 Nothing outside is reached through the secondary",
		Label("SU-09", "profile:extended", "needs:outside-peer"), NodeTimeout(session.ClaimTimeout), prove("SU-09"))
	It("SU-10 A VM on the primary alone does not reach secondary addresses",
		Label("SU-10", "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("SU-10"))
	It("SU-11 Egress is as PU-12, PU-13 and PU-14",
		Label("SU-11", "profile:core", "needs:outside-peer"), NodeTimeout(session.ClaimTimeout), prove("SU-11"))
	It("SU-12 The secondary address survives stop and start (where the IPAM extension is installed)",
		Label("SU-12", "profile:extended", "needs:ipam-extension", "stage:restarted"), NodeTimeout(session.ClaimTimeout), prove("SU-12"))
	It("SU-13 The first NIC and its launcher side are as PU-03 to PU-09; the NICs are as CN-25",
		Label("SU-13", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("SU-13"))
	It("SU-14 One MTU along the secondary's path",
		Label("SU-14", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("SU-14"))
})
