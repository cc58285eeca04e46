package judge

import (
	"slices"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

func TestPortForwardKnown(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*model.Observation, *model.Path)
		verdict model.Verdict
		reason  string
	}{
		"no handshake":        {nil, model.Known, "kubevirt#18399: port-forward to vm-p's SSH"},
		"the dial's deadline": {func(_ *model.Observation, p *model.Path) { p.Detail = "dial: context deadline exceeded" }, model.Known, "kubevirt#18399"},
		"virt-api's time-out": {func(_ *model.Observation, p *model.Path) {
			p.Detail = "dialing VM: dial tcp 10.1.1.3:22: connect: connection timed out"
		}, model.Known, "kubevirt#18399"},
		"refused": {func(_ *model.Observation, p *model.Path) { p.Detail = "connection refused" }, model.Fail, "connection refused"},
		"another host answers": {func(_ *model.Observation, p *model.Path) { p.Passed, p.Answer, p.Detail = true, "vm-x", "" }, model.Fail,
			"hostname that vm-p says over port-forward: expected vm-p"},
		"one of them passes": {func(_ *model.Observation, p *model.Path) { p.Passed, p.Answer, p.Detail = true, "vm-p", "" }, model.Known, "vm-q"},
		"a version that nobody knows": {func(o *model.Observation, _ *model.Path) { o.Facts.Versions["kubevirt"] = "main" }, model.Fail,
			"as in kubevirt#18399, which is not known of version main of kubevirt"},
	} {
		o := composed(t, PrimaryUDN)
		changePath(t, o, model.Steady, "api>vm-p", func(p *model.Path) {
			if c.change != nil {
				c.change(&o, p)
			}
		})
		t.Log(name)
		expect(t, verdict(t, o, "PU-21"), c.verdict, c.reason)
	}
	o := composed(t, PrimaryUDN)
	for _, vm := range primaryVMs {
		changePath(t, o, model.Steady, "api>"+vm, func(p *model.Path) { p.Passed, p.Answer, p.Detail = true, vm, "" })
	}
	expect(t, verdict(t, o, "PU-21"), model.Pass, "kubevirt#18399, known of version v1.7.0 of kubevirt, is not seen")
}

// After a migration another VM holds the other node's gateway router, or leaves by it, or both: that is known before
// OVN-Kubernetes 1.2, and nothing else is.
func TestGatewayMoves(t *testing.T) {
	const elsewhere, edge = "0a:58:64:41:00:03", "192.168.77.12"
	for name, c := range map[string]struct {
		mac, edge, version string
		verdict            model.Verdict
		reason             string
	}{
		"as before":                {"0a:58:64:41:00:02", "192.168.77.11", "1.1.0", model.Pass, "ovn-kubernetes#5094, known of version 1.1.0 of ovn-kubernetes, is not seen"},
		"both":                     {elsewhere, edge, "1.1.0", model.Known, "ovn-kubernetes#5094: vm-p MAC of gateway 10.1.1.1 after the migration of another VM"},
		"the MAC":                  {elsewhere, "192.168.77.11", "1.1.0", model.Known, "observed " + elsewhere + ", the gateway router's on node n2"},
		"the way out":              {"0a:58:64:41:00:02", edge, "1.1.0", model.Known, "observed " + edge + ", the edge of node n2"},
		"another MAC":              {"0a:58:64:41:00:77", "192.168.77.11", "1.1.0", model.Fail, "expected 0a:58:64:41:00:02 (as before), observed 0a:58:64:41:00:77"},
		"another MAC beside it":    {"0a:58:64:41:00:77", edge, "1.1.0", model.Fail, "observed 0a:58:64:41:00:77"},
		"another way out":          {elsewhere, "192.168.77.99", "1.1.0", model.Fail, "vm-p MAC of gateway"},
		"a version that mended it": {elsewhere, edge, "1.2.0", model.Fail, "as in ovn-kubernetes#5094, which is not known of version 1.2.0 of ovn-kubernetes"},
		"1.2 beside it, well":      {"0a:58:64:41:00:02", "192.168.77.11", "1.2.0", model.Pass, ""},
	} {
		o := composed(t, PrimaryUDN)
		o.Facts.Versions["ovn-kubernetes"] = c.version
		changeVM(t, o, model.Migrated, "vm-p", func(v *model.VMView) {
			i := slices.IndexFunc(v.Guest.Neighbours.Value, func(n model.Neighbour) bool { return n.IP == "10.1.1.1" })
			v.Guest.Neighbours.Value[i].MAC = c.mac
		})
		changePath(t, o, model.Migrated, "vm-p>peer/outside", func(p *model.Path) { p.SourceSeen = c.edge })
		t.Log(name)
		expect(t, verdict(t, o, "PU-24"), c.verdict, c.reason)
	}
}

func TestLayer3(t *testing.T) {
	for name, c := range map[string]struct {
		vmi     model.VMI
		passed  bool
		verdict model.Verdict
		reason  string
	}{
		"silently":         {model.VMI{Phase: "Running"}, false, model.Known, "ovn-kubernetes#5155: vm-l3 on a Layer3 network, by pod/client-layer3>vm-l3: expected refused, or reachable (the claim), observed runs and is silently unreachable"},
		"reachable":        {model.VMI{Phase: "Running"}, true, model.Pass, "is not seen"},
		"refused":          {model.VMI{Phase: "Scheduled", Conditions: []model.VMICondition{{Type: "Synchronized", Status: "False", Reason: "NotSupported", Message: "Layer3"}}}, false, model.Pass, ""},
		"failed":           {model.VMI{Phase: "Failed"}, false, model.Error, "neither refused for its network nor running"},
		"slow":             {model.VMI{Phase: "Scheduled", Conditions: []model.VMICondition{{Type: "Synchronized", Status: "False", Reason: "Synchronizing with the Domain failed.", Message: "DeadlineExceeded"}}}, false, model.Error, "neither refused"},
		"not yet":          {model.VMI{Phase: "Scheduling", Conditions: []model.VMICondition{{Type: "Ready", Status: "False", Reason: "GuestNotRunning"}}}, false, model.Error, "neither refused for its network nor running"},
		"wordless":         {model.VMI{Phase: "Running", Conditions: []model.VMICondition{{Type: "Synchronized", Status: "False"}}}, false, model.Known, silently},
		"beside the point": {model.VMI{Phase: "Running", Conditions: []model.VMICondition{{Type: "LiveMigratable", Status: "False", Message: "no"}}}, false, model.Known, silently},
	} {
		o := composed(t, PrimaryUDN)
		changeVM(t, o, model.Steady, "vm-l3", func(v *model.VMView) { v.VMI.Value = c.vmi })
		changePath(t, o, model.Steady, "pod/client-layer3>vm-l3", func(p *model.Path) { p.Passed = c.passed })
		t.Log(name)
		expect(t, verdict(t, o, "PU-25"), c.verdict, c.reason)
	}
}
