package judge

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

// Cases that no single change of an observation makes.

// composed is an observation of user-defined networks; what a test changes in it is its own.
func composed(t *testing.T, scenario string) model.Observation {
	t.Helper()
	return load(t, filepath.Join("testdata", "composed", strings.ReplaceAll(scenario, "-", "")+".json"))
}

// stage gives one of its stages; its maps are the observation's.
func stage(t *testing.T, o model.Observation, name string) model.Stage {
	t.Helper()
	s, ok := o.Stage(name)
	if !ok {
		t.Fatalf("no stage %s", name)
	}
	return s
}

// changeVM changes one VM of a stage.
func changeVM(t *testing.T, o model.Observation, in, vm string, change func(*model.VMView)) {
	t.Helper()
	s := stage(t, o, in)
	v := s.VMs[vm]
	change(&v)
	s.VMs[vm] = v
}

func changePath(t *testing.T, o model.Observation, in, name string, change func(*model.Path)) {
	t.Helper()
	s := stage(t, o, in)
	p := s.Paths[name]
	change(&p.Value)
	s.Paths[name] = p
}

// allot gives a VM another address on a network.
func allot(v *model.VMView, key, cidr string) {
	a := v.Pod.Value.Allotted[key]
	a.CIDRs = []string{cidr}
	v.Pod.Value.Allotted = maps.Clone(v.Pod.Value.Allotted)
	v.Pod.Value.Allotted[key] = a
}

// A dummy that is up is a way for traffic.
func TestDummyUp(t *testing.T) {
	for claim, c := range map[string]struct{ scenario, vm, link string }{
		"PU-05": {PrimaryUDN, "vm-q", udnInterface}, "SU-13": {SecondaryUDN, "vm-po", udnInterface}, "SU-03": {SecondaryUDN, "vm-pt", secondDummy}} {
		o := composed(t, c.scenario)
		changeVM(t, o, model.Steady, c.vm, func(v *model.VMView) {
			i := slices.IndexFunc(v.Launcher.Links.Value, func(l model.Link) bool { return l.Name == c.link })
			v.Launcher.Links.Value[i].Flags = append(v.Launcher.Links.Value[i].Flags, "UP")
		})
		expect(t, verdict(t, o, claim), model.Fail, c.vm+" "+c.link+" state: expected DOWN")
	}
}

// A spare's launcher is judged like others; its guest is not.
func TestSpareOnUDN(t *testing.T) {
	o := composed(t, PrimaryUDN)
	s := stage(t, o, model.Steady)
	spare := copied(t, s.VMs["vm-q"], "vm-q", spareVM)
	spare.Spec.Spare, spare.Guest = true, model.GuestView{}
	s.VMs[spareVM] = spare
	for _, c := range claimsOf(o) {
		if j := Judge(c, o); !green(j) {
			t.Errorf("%s: %s %s", c.ID, j.Verdict, j.Reason)
		}
	}
	changeVM(t, o, model.Steady, spareVM, func(v *model.VMView) { v.Launcher.Links.Value = v.Launcher.Links.Value[:3] })
	for _, id := range []string{"PU-02", "PU-04", "PU-05"} {
		expect(t, verdict(t, o, id), model.Fail, "vm-spare ")
	}
	expect(t, verdict(t, o, "PU-03"), model.Pass, "")
}

// What becomes of a VM without IPAMClaim: a spare, beside those that have one.
func TestNoClaim(t *testing.T) {
	for id, in := range map[string]string{"PU-19": model.Restarted, "PU-20": model.Migrated} {
		o := composed(t, PrimaryUDN)
		s, after := stage(t, o, model.Steady), stage(t, o, in)
		spare := copied(t, s.VMs["vm-q"], "vm-q", spareVM)
		spare.Spec.Spare = true
		spare.IPAMClaims["default"] = seen("api", "get ipamclaim", model.IPAMClaim{})
		s.VMs[spareVM], after.VMs[spareVM] = spare, renewed(spare, "uid-9", "n1", "10.244.0.40")
		expect(t, verdict(t, o, id), model.Fail, "vm-spare IPAMClaim of interface default: expected 10.1.1.5/24 (as before), observed no claim")
		changeVM(t, o, in, spareVM, func(v *model.VMView) { allot(v, "vmnet-pu/primary-udn", "10.1.1.9/24") })
		expect(t, verdict(t, o, id), model.Fail, "vm-spare after it was "+in+": address on primary-udn: expected 10.1.1.5/24 (as before), observed 10.1.1.9/24")
	}
}

// A stage that changed nothing proves nothing.
func TestNothingMoved(t *testing.T) {
	o := composed(t, PrimaryUDN)
	was := stage(t, o, model.Steady)
	changeVM(t, o, model.Restarted, "vm-q", func(v *model.VMView) { v.Pod.Value.UID = was.VMs["vm-q"].Pod.Value.UID })
	expect(t, verdict(t, o, "PU-19"), model.Error, "the VM was not restarted")
	changeVM(t, o, model.Migrated, "vm-r", func(v *model.VMView) { v.Pod.Value.Node = "n1" })
	expect(t, verdict(t, o, "PU-20"), model.Error, "the VM did not move")
	s := stage(t, o, model.Migrated)
	c := s.Connections["pod/client>vm-r"]
	c.Value.Answered, c.Value.LongestGap = 0, 0
	s.Connections["pod/client>vm-r"] = c
	expect(t, verdict(t, o, "PU-20"), model.Fail, "expected alive (the claim), observed alive, longest gap 0.0 s, 0 of 151 exchanges answered")
	o.Stages = o.Stages[:1]
	expect(t, verdict(t, o, "PU-20"), model.Error, "it has no stage migrated")
	expect(t, verdict(t, o, "PU-02"), model.Pass, "")
}

// In local gateway mode the management port's IP is the one that counts, and the cluster router sends to that port.
func TestLocalGatewayMode(t *testing.T) {
	o := composed(t, PrimaryUDN)
	o.Facts.GatewayMode = "local"
	expect(t, verdict(t, o, "PU-12"), model.Fail, "translated at the router to: expected 169.254.0.20:PORT")
	expect(t, verdict(t, o, "MS-04"), model.Fail, "gateway mode of node n1: expected local (the setting), observed shared")
	s := stage(t, o, model.Steady)
	for name, h := range s.Hosts {
		h.GatewayMode.Value = "local"
		for i, r := range h.Routes.Value {
			if r.Policy == "src-ip" {
				h.Routes.Value[i].Nexthop = strings.Replace(r.Prefix, ".0/24", ".2", 1)
			}
		}
		s.Hosts[name] = h
	}
	for name, f := range s.Flows {
		for i, e := range f.Value.Entries {
			f.Value.Entries[i].Reply.Dst = strings.Replace(e.Reply.Dst, "169.254.0.19", "169.254.0.20", 1)
			f.Value.Entries[i].Original.Src = strings.Replace(e.Original.Src, "169.254.0.19", "169.254.0.20", 1)
		}
		s.Flows[name] = f
	}
	for _, id := range []string{"PU-12", "PU-13", "PU-14", "MS-02", "MS-04"} {
		expect(t, verdict(t, o, id), model.Pass, "")
	}
}

// The binary's own default is too small for any user-defined network.
func TestMasqueradeSubnetTooSmall(t *testing.T) {
	o := composed(t, PrimaryUDN)
	o.Facts.MasqueradeSubnet = "169.254.169.0/29"
	s := stage(t, o, model.Steady)
	for name, h := range s.Hosts {
		h.Links.Value[0].Addresses[1].CIDR = "169.254.169.2/29"
		s.Hosts[name] = h
	}
	expect(t, verdict(t, o, "MS-01"), model.Fail, "size of masquerade subnet 169.254.169.0/29: expected 27 addresses or more (up to network ID 8, of layer3/layer3-udn), observed 8 addresses")
}

// One rule of one network with the other's IP: the network that lost it, the other one, and the flows.
func TestSharedMasqueradeIP(t *testing.T) {
	o := composed(t, PrimaryUDN)
	s := stage(t, o, model.Steady)
	h := s.Hosts["n1"]
	i := slices.IndexFunc(h.NAT.Value, func(r model.NATRow) bool {
		return r.Network == "vmnet-pu_primary-udn" && r.LogicalPort == "" && r.LogicalIP == "10.1.1.0/24"
	})
	h.NAT.Value[i].ExternalIP = "169.254.0.21"
	expect(t, verdict(t, o, "MS-03"), model.Fail, "169.254.0.21 vmnet-pu_primary-udn and vmnet-pu-other_other-udn")
	expect(t, verdict(t, o, "MS-02"), model.Fail, "masquerade IPs in snat rules of network primary-udn (vmnet-pu_primary-udn) on node n1")
	expect(t, verdict(t, o, "PU-12"), model.Fail, "vm-p NAT of primary-udn on GR_vmnet.pu_primary.udn_n1 for subnet 10.1.1.0/24: expected 169.254.0.19")
	expect(t, verdict(t, o, "PU-13"), model.Pass, "") // the flow itself was translated before
}

// Connection tracking that forgot the flow was no look at it; one that never translated it is a failure.
func TestUntranslatedAtRouter(t *testing.T) {
	o := composed(t, PrimaryUDN)
	s := stage(t, o, model.Steady)
	const name = "vm-q>peer/outside"
	f := s.Flows[name]
	all := f.Value.Entries
	f.Value.Entries = slices.DeleteFunc(slices.Clone(all), func(e model.Conntrack) bool { return e.Reply.Dst != "10.1.1.5" })
	s.Flows[name] = f
	expect(t, verdict(t, o, "PU-12"), model.Fail, "vm-q flow in connection tracking from 10.1.1.5:48550: translated at the router to: expected 169.254.0.19:PORT")
	expect(t, verdict(t, o, "PU-13"), model.Fail, "observed 10.1.1.5:48550")
	f.Value.Entries = nil
	s.Flows[name] = f
	for _, id := range []string{"PU-12", "PU-13"} {
		expect(t, verdict(t, o, id), model.Error, "none of 0 entries of connection tracking begins at 10.1.1.5:48550")
	}
}

// A network that waits for a pod beside the VM alone, or for nobody who is named, does not wait for the VM.
func TestRemovalThatWaitsForOthers(t *testing.T) {
	for _, c := range []struct {
		users   []string
		verdict model.Verdict
		reason  string
	}{
		{[]string{"vmnet-pu-other/client-other"}, model.Fail, "network other/other-udn: users that it waits for: expected"},
		{nil, model.Error, "OVN-Kubernetes names none"},
	} {
		o := composed(t, PrimaryUDN)
		for i := range o.Stages {
			if o.Stages[i].Name == model.Deleted {
				o.Stages[i].Removal.Value.Users = c.users
			}
		}
		expect(t, verdict(t, o, "PU-22"), c.verdict, c.reason)
	}
}

// Without its finalizer a network goes at once, and the VM's traffic with it or not.
func TestRemovedAtOnce(t *testing.T) {
	o := composed(t, PrimaryUDN)
	for i := range o.Stages {
		if o.Stages[i].Name == model.Deleted {
			o.Stages[i].Removal.Value = model.Removal{Network: removedNetwork, Waited: 1}
		}
	}
	expect(t, verdict(t, o, "PU-22"), model.Fail, "network other/other-udn is still there: expected true (a VM uses it), observed false")
}
