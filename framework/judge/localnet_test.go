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

// What the faults do that change more than one thing.
func TestFaultsOnTheVLAN(t *testing.T) {
	o := composed(t, Localnet)
	changeVM(t, o, model.Steady, "vm-m", func(v *model.VMView) {
		l := v.Guest.Leases.Value["eth1"]
		l.Router = vlanPeer
		v.Guest.Leases.Value["eth1"] = l
		v.Guest.Routes.Value = append(v.Guest.Routes.Value, model.Route{Family: "inet", Table: "main", Dst: "default", Via: vlanPeer, Dev: "eth1", Proto: "dhcp", Src: l.IP, Metric: 101})
	})
	expect(t, verdict(t, o, "LN-11/nad"), model.Fail, "vm-m guest's default routes: expected default via 10.0.2.1")
	expect(t, verdict(t, o, "LN-05/nad"), model.Pass, "")

	// a ClusterUserDefinedNetwork that asks for an MTU has it, and is then unlike the other form's default
	o = composed(t, Localnet)
	s := stage(t, o, model.Steady)
	w := s.Networks[forms[1].network]
	w.Value.Asked.MTU = 1450
	s.Networks[forms[1].network] = w
	for _, vm := range forms[1].vms {
		changeVM(t, o, model.Steady, vm, func(v *model.VMView) {
			for i, l := range v.Launcher.Links.Value {
				if onVLANByName(l) {
					v.Launcher.Links.Value[i].MTU = 1450
				}
			}
			v.Guest.Links.Value[2].MTU = 1450
		})
	}
	expect(t, verdict(t, o, "LN-16/cudn"), model.Pass, "")
	expect(t, verdict(t, o, "LN-12"), model.Fail, "MTU 1450")

	// another MAC after the restart has another lease; the same instance as before says nothing
	o = composed(t, Localnet)
	after := stage(t, o, model.Restarted)
	const mac, ip = "02:86:5e:00:00:99", "192.0.2.149"
	changeVM(t, o, model.Restarted, "vm-m", func(v *model.VMView) {
		v.Spec.Interfaces[1].MAC, v.Guest.Links.Value[2].MAC, v.Guest.Links.Value[2].Addresses[0].CIDR = mac, mac, ip+"/24"
	})
	after.Physical.Leases.Value = append(after.Physical.Leases.Value, model.ServedLease{MAC: mac, IP: ip})
	for i := range o.Stages {
		if o.Stages[i].Name == model.Restarted {
			o.Stages[i].Physical.Leases = after.Physical.Leases
		}
	}
	expect(t, verdict(t, o, "LN-14/nad"), model.Fail, "expected 192.0.2.142/24 (as before), observed 192.0.2.149/24")
	expect(t, verdict(t, o, "LN-14/cudn"), model.Pass, "")
	was := stage(t, o, model.Steady).VMs["vm-d"].Pod.Value.UID
	changeVM(t, o, model.Restarted, "vm-d", func(v *model.VMView) { v.Pod.Value.UID = was })
	expect(t, verdict(t, o, "LN-14/cudn"), model.Error, "the VM was not restarted")
}

// A network that a node maps after all: its pod starts, and nothing is missing on the way.
func TestMappedAfterAll(t *testing.T) {
	o := composed(t, Localnet)
	s := stage(t, o, model.Steady)
	s.Physical.Mappings["n2"].Value["vmnet-unmapped"] = "br-trunk"
	r := s.Physical.Refusals[unmapped]
	r.Value.Came, r.Value.Warnings = true, nil
	s.Physical.Refusals[unmapped] = r
	expect(t, verdict(t, o, "LN-13"), model.Fail, "network vmnet-ln/unmapped came about: expected false")
	delete(s.Physical.Mappings["n2"].Value, "trunk")
	r.Value.Came, r.Value.Warnings = false, []model.Warning{{Message: "vmnet-unmapped"}}
	s.Physical.Refusals[unmapped] = r
	delete(s.Physical.Mappings["n2"].Value, "vmnet-unmapped")
	expect(t, verdict(t, o, "LN-13"), model.Error, "control network demo-vlan-1924")
}
