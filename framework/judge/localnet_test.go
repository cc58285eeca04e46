package judge

import (
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

// Cases that no single change of an observation makes.

// A frame of the VM's on another VLAN is a leak, answered or not; nothing can be said where nobody listened.
func TestHeardOnAnotherVLAN(t *testing.T) {
	const other, own = "vm-l>peer/vlan-1925#arp", "vm-l>peer/vlan-1924#arp"
	for words, c := range map[string]struct {
		path    string
		change  func(*model.Read[[]model.Frame])
		verdict model.Verdict
	}{
		"observed arp to ff:ff:ff:ff:ff:ff": {other, func(r *model.Read[[]model.Frame]) {
			r.Value = append(r.Value, model.Frame{Proto: "arp", SrcMAC: vlanMACs["vm-l"], DstMAC: broadcast})
		}, model.Fail},
		"it is empty, though peer vlan-1925": {other, func(r *model.Read[[]model.Frame]) { r.Value = nil }, model.Error},
		"it was made at peer vlan-1924":      {other, func(r *model.Read[[]model.Frame]) { r.Place = "peer vlan-1924" }, model.Error},
		"its capture has no frame from MAC":  {own, func(r *model.Read[[]model.Frame]) { r.Value[0].DstMAC = "02:42:c0:00:02:01" }, model.Error},
	} {
		o := composed(t, Localnet)
		s := stage(t, o, model.Steady)
		r := s.Frames[c.path]
		c.change(&r)
		s.Frames[c.path] = r
		expect(t, verdict(t, o, "LN-08/nad"), c.verdict, words)
		expect(t, verdict(t, o, "LN-08/cudn"), model.Pass, "")
	}
	o := composed(t, Localnet)
	changePath(t, o, model.Steady, other, func(p *model.Path) { p.Passed = true })
	expect(t, verdict(t, o, "LN-08/nad"), model.Fail, other+": expected does not pass (the claim), observed passes")
	changePath(t, o, model.Steady, own, func(p *model.Path) { p.Passed = false })
	expect(t, verdict(t, o, "LN-08/nad"), model.Fail, other+": expected does not pass")
	changePath(t, o, model.Steady, other, func(p *model.Path) { p.Passed = false })
	expect(t, verdict(t, o, "LN-08/nad"), model.Error, "control "+own)
}

// A second tag around the first one, and none at all.
func TestTags(t *testing.T) {
	for want, vlans := range map[string][]int{"observed 100 1924": {100, 1924}, "observed nothing": nil} {
		o := composed(t, Localnet)
		stage(t, o, model.Steady).Frames["vm-c>peer/vlan-1924"].Value[0].VLANs = vlans
		expect(t, verdict(t, o, "LN-06/cudn"), model.Fail, want)
	}
}
