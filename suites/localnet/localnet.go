// Package localnet is the scenario of VMs on the cluster's network and on a VLAN.
package localnet

import (
	. "github.com/onsi/ginkgo/v2"

	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/suites/session"
)

// One spec a claim, as in package clusternetwork; where both forms of the network are claimed of, one a form.
var _ = Describe("VM on a localnet VLAN", Ordered, ContinueOnFailure, Label("scenario:"+judge.Localnet, "needs:physical-side", "needs:udn"), func() {
	s := session.Of(judge.Localnet)

	BeforeAll(s.Deployed, NodeTimeout(session.DeployNode))
	BeforeAll(s.Observe, NodeTimeout(session.ObserveTimeout))
	JustAfterEach(s.Diagnose, NodeTimeout(session.DiagnosticsTimeout))
	AfterAll(s.Over, NodeTimeout(session.TeardownTimeout))

	prove := s.Proof

	It("LN-01/nad The launcher holds exactly lo, eth0, k6t-eth0, tap0, H-nic, k6t-H, tapH and podH",
		Label(session.LabelOf("LN-01/nad"), "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LN-01/nad"))
	It("LN-01/cudn The launcher holds exactly lo, eth0, k6t-eth0, tap0, H-nic, k6t-H, tapH and podH",
		Label(session.LabelOf("LN-01/cudn"), "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LN-01/cudn"))
	It("LN-02/nad podH is a dummy, DOWN and NOARP, without IPv4 address, with the MAC of the VM spec; H-nic and tapH are enslaved to k6t-H, which has no IPv4 address",
		Label(session.LabelOf("LN-02/nad"), "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LN-02/nad"))
	It("LN-02/cudn podH is a dummy, DOWN and NOARP, without IPv4 address, with the MAC of the VM spec; H-nic and tapH are enslaved to k6t-H, which has no IPv4 address",
		Label(session.LabelOf("LN-02/cudn"), "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LN-02/cudn"))
	It("LN-03/nad The first NIC, guest and launcher side, is as CN-02 to CN-09",
		Label(session.LabelOf("LN-03/nad"), "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LN-03/nad"))
	It("LN-03/cudn The first NIC, guest and launcher side, is as CN-02 to CN-09",
		Label(session.LabelOf("LN-03/cudn"), "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LN-03/cudn"))
	It("LN-04/nad The second guest NIC has the spec's MAC and the lease that the VLAN's DHCP server recorded for it",
		Label(session.LabelOf("LN-04/nad"), "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LN-04/nad"))
	It("LN-04/cudn The second guest NIC has the spec's MAC and the lease that the VLAN's DHCP server recorded for it",
		Label(session.LabelOf("LN-04/cudn"), "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LN-04/cudn"))
	It("LN-05/nad With a router option there are exactly two default routes, each via its gateway, from DHCP, with its source; the cluster network's has the lower metric",
		Label(session.LabelOf("LN-05/nad"), "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LN-05/nad"))
	It("LN-05/cudn With a router option there are exactly two default routes, each via its gateway, from DHCP, with its source; the cluster network's has the lower metric",
		Label(session.LabelOf("LN-05/cudn"), "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LN-05/cudn"))
	It("LN-06/nad On the physical side the VM's frames carry exactly one tag, 1924",
		Label(session.LabelOf("LN-06/nad"), "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LN-06/nad"))
	It("LN-06/cudn On the physical side the VM's frames carry exactly one tag, 1924",
		Label(session.LabelOf("LN-06/cudn"), "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LN-06/cudn"))
	It("LN-07/nad A peer on the VLAN sees the guest's own IP and MAC: no NAT",
		Label(session.LabelOf("LN-07/nad"), "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LN-07/nad"))
	It("LN-07/cudn A peer on the VLAN sees the guest's own IP and MAC: no NAT",
		Label(session.LabelOf("LN-07/cudn"), "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LN-07/cudn"))
	It("LN-08/nad A peer on another VLAN is unreachable, and hears none of the VM's broadcasts",
		Label(session.LabelOf("LN-08/nad"), "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("LN-08/nad"))
	It("LN-08/cudn A peer on another VLAN is unreachable, and hears none of the VM's broadcasts",
		Label(session.LabelOf("LN-08/cudn"), "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("LN-08/cudn"))
	It("LN-09/nad Egress over the first NIC is as CN-14",
		Label(session.LabelOf("LN-09/nad"), "profile:core", "needs:outside-peer"), NodeTimeout(session.ClaimTimeout), prove("LN-09/nad"))
	It("LN-09/cudn Egress over the first NIC is as CN-14",
		Label(session.LabelOf("LN-09/cudn"), "profile:core", "needs:outside-peer"), NodeTimeout(session.ClaimTimeout), prove("LN-09/cudn"))
	It("LN-10/nad Two VMs on one VLAN reach each other, on one node and across nodes",
		Label(session.LabelOf("LN-10/nad"), "profile:extended", "needs:two-nodes"), NodeTimeout(session.ClaimTimeout), prove("LN-10/nad"))
	It("LN-10/cudn Two VMs on one VLAN reach each other, on one node and across nodes",
		Label(session.LabelOf("LN-10/cudn"), "profile:extended", "needs:two-nodes"), NodeTimeout(session.ClaimTimeout), prove("LN-10/cudn"))
	It("LN-11/nad Without a router option there is one default route: no hijack",
		Label(session.LabelOf("LN-11/nad"), "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("LN-11/nad"))
	It("LN-11/cudn Without a router option there is one default route: no hijack",
		Label(session.LabelOf("LN-11/cudn"), "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("LN-11/cudn"))
	It("LN-12 Given the same MTU, the NAD form and the CUDN form give equal observations",
		Label("LN-12", "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("LN-12"))
	It("LN-13 A network that no bridge mapping names is reported as such, at the first failing hop",
		Label("LN-13", "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("LN-13"))
	It("LN-14/nad After stop and start the VM leases the same address",
		Label(session.LabelOf("LN-14/nad"), "profile:extended", "stage:restarted"), NodeTimeout(session.ClaimTimeout), prove("LN-14/nad"))
	It("LN-14/cudn After stop and start the VM leases the same address",
		Label(session.LabelOf("LN-14/cudn"), "profile:extended", "stage:restarted"), NodeTimeout(session.ClaimTimeout), prove("LN-14/cudn"))
	It("LN-15/nad Connected routes are the two subnets', and no other",
		Label(session.LabelOf("LN-15/nad"), "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LN-15/nad"))
	It("LN-15/cudn Connected routes are the two subnets', and no other",
		Label(session.LabelOf("LN-15/cudn"), "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LN-15/cudn"))
	It("LN-16/nad One MTU along the VLAN's path: the NAD form's without `mtu` is the cluster network's, CUDN's default 1500",
		Label(session.LabelOf("LN-16/nad"), "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LN-16/nad"))
	It("LN-16/cudn One MTU along the VLAN's path: the NAD form's without `mtu` is the cluster network's, CUDN's default 1500",
		Label(session.LabelOf("LN-16/cudn"), "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LN-16/cudn"))
	It("LN-17 A namespaced UserDefinedNetwork refuses topology Localnet",
		Label("LN-17", "profile:core"), NodeTimeout(session.ClaimTimeout), prove("LN-17"))
	It("LN-18 A NAD whose netAttachDefName is not its own is refused with an event that names it",
		Label("LN-18", "profile:extended"), NodeTimeout(session.ClaimTimeout), prove("LN-18"))
})
