package fault

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
)

// seen is an observation of one VM by its pod's identity.
func seen(pod, ip, mac string, port int) model.Observation {
	now := time.Now()
	v := model.VMView{Spec: model.VMSpec{Name: "vm-b"}}
	v.Pod = model.Read[model.Pod]{At: now, Value: model.Pod{Name: pod, UID: pod + "-uid", IPs: []string{ip},
		Allotted: map[string]model.Allotment{"default": {CIDRs: []string{ip + "/24"}, MAC: mac}}}}
	v.Launcher.Links = model.Read[[]model.Link]{At: now, Raw: ip, Value: []model.Link{
		{Index: port, Name: "eth0", Kind: "veth", MAC: mac, PeerIndex: port, Addresses: []model.Address{{Family: "inet", CIDR: ip + "/24"}}},
		{Index: 4, Name: "tap0", Kind: "tun", MAC: mac[:15] + "ff", MTU: 1400, Addresses: []model.Address{{Family: "inet6", CIDR: "fe80::" + mac[15:] + "/64"}}}}}
	v.Launcher.Routes = model.Read[[]model.Route]{At: now, Value: []model.Route{{Family: "inet6", Table: "local", Dst: "fe80::" + mac[15:] + "/128"}}}
	v.Port = model.Read[model.LogicalPort]{At: now, Value: model.LogicalPort{HostLink: pod[:8], IfaceID: "ns_" + pod, Name: "ns_" + pod, Up: true}}
	return model.Observation{Stages: []model.Stage{{Name: model.Steady, VMs: map[string]model.VMView{"vm-b": v},
		Paths: map[string]model.Read[model.Path]{"vm-b>pod/echo": {At: now, Value: model.Path{Passed: true, SourceSeen: ip, SourcePort: port}}},
		Frames: map[string]model.Read[[]model.Frame]{
			"vm-b>peer/outside": {At: now, Value: append([]model.Frame{
				{Seconds: float64(port), Proto: "tcp", Src: "172.18.0.2", Dst: "172.18.0.4", SrcPort: port, DstPort: 8080, Length: port}},
				make([]model.Frame, port%3)...)},
			"pod/client-default>pod/echo-default": {At: now, Value: []model.Frame{{Proto: "tcp", Src: "10.244.0.6", Dst: "10.244.0.7", DstMAC: "0a:58:0a:f4:00:07", DstPort: 8080}}},
		},
	}}}
}

func TestDifferences(t *testing.T) {
	one := seen("virt-launcher-vm-b-aaaaa", "10.244.1.7", "0a:58:0a:f4:01:07", 40001)
	change := func(f func(*model.VMView, *model.Stage)) model.Observation {
		o := seen("virt-launcher-vm-b-aaaaa", "10.244.1.7", "0a:58:0a:f4:01:07", 40001)
		v := o.Stages[0].VMs["vm-b"]
		f(&v, &o.Stages[0])
		o.Stages[0].VMs["vm-b"] = v
		return o
	}
	for _, c := range []struct {
		name    string
		after   model.Observation
		renewed []string
		// field is what must differ; empty for equal.
		field string
	}{
		{name: "the same", after: one},
		{name: "another time, other ports, more packets", after: func() model.Observation {
			o := seen("virt-launcher-vm-b-aaaaa", "10.244.1.7", "0a:58:0a:f4:01:07", 40001)
			p := o.Stages[0].Paths["vm-b>pod/echo"]
			p.Value.SourcePort, p.Raw, p.Command = 50000, "x", "y"
			o.Stages[0].Paths["vm-b>pod/echo"] = p
			f := o.Stages[0].Frames["vm-b>peer/outside"]
			f.Value = append(f.Value, f.Value[0], model.Frame{Proto: "arp"})
			f.Value[0].SrcPort = 50000
			o.Stages[0].Frames["vm-b>peer/outside"] = f
			return o
		}()},
		{name: "an MTU", field: "mtu", after: change(func(v *model.VMView, _ *model.Stage) { v.Launcher.Links.Value[1].MTU = 1398 })},
		{name: "a link more", field: "links", after: change(func(v *model.VMView, _ *model.Stage) {
			v.Launcher.Links.Value = append(v.Launcher.Links.Value, model.Link{Name: "x"})
		})},
		{name: "a path that does not pass", field: "passed", after: change(func(_ *model.VMView, s *model.Stage) {
			p := s.Paths["vm-b>pod/echo"]
			p.Value.Passed = false
			s.Paths["vm-b>pod/echo"] = p
		})},
		{name: "another end on the wire", field: "frames", after: change(func(_ *model.VMView, s *model.Stage) {
			f := s.Frames["vm-b>peer/outside"]
			f.Value[0].Src = "10.244.1.7"
			s.Frames["vm-b>peer/outside"] = f
		})},
		{name: "another MAC on the wire", field: "dstMAC", after: change(func(_ *model.VMView, s *model.Stage) {
			s.Frames["vm-b>peer/outside"].Value[0].DstMAC = "0a:58:a9:fe:01:01"
		})},
		{name: "the router's answer for a pod's MAC", after: change(func(_ *model.VMView, s *model.Stage) {
			s.Frames["pod/client-default>pod/echo-default"].Value[0].DstMAC = "0a:58:a9:fe:01:01"
		})},
		{name: "another end on the wire between pods", field: "dst", after: change(func(_ *model.VMView, s *model.Stage) {
			s.Frames["pod/client-default>pod/echo-default"].Value[0].Dst = "10.244.1.77"
		})},
		{name: "a read that failed", field: "err", after: change(func(v *model.VMView, _ *model.Stage) { v.Pod.Err = "no answer" })},
		{name: "a new pod", field: "pod.value.name", after: seen("virt-launcher-vm-b-bbbbb", "10.244.1.77", "0a:58:0a:f4:01:4d", 40002)},
		{name: "a new pod of a renewed VM", after: seen("virt-launcher-vm-b-bbbbb", "10.244.1.77", "0a:58:0a:f4:01:4d", 40002), renewed: []string{"vm-b"}},
		{name: "a new pod of a renewed VM with another MTU", field: "mtu", renewed: []string{"vm-b"}, after: func() model.Observation {
			o := seen("virt-launcher-vm-b-bbbbb", "10.244.1.77", "0a:58:0a:f4:01:4d", 40002)
			o.Stages[0].VMs["vm-b"].Launcher.Links.Value[0].MTU = 1398
			return o
		}()},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, err := Differences(one, c.after, c.renewed)
			if err != nil {
				t.Fatal(err)
			}
			if (c.field == "") != (len(found) == 0) || !strings.Contains(strings.Join(found, "\n"), c.field) {
				t.Errorf("differences %q, want one in %q", found, c.field)
			}
		})
	}
}

// onUDN is an observation of a VM on a user-defined network, of a pod beside it, and of the node.
func onUDN(pod, ip, id string, change func(*model.Stage)) model.Observation {
	now := time.Now()
	mac := "0a:58:" + id
	network := map[string]model.Allotment{"ns-other/other-udn": {CIDRs: []string{ip + "/24"}, MAC: mac, Role: "primary"}}
	v := model.VMView{Spec: model.VMSpec{Name: "vm-o", Namespace: "ns-other"}}
	v.Pod = model.Read[model.Pod]{At: now, Value: model.Pod{Name: pod, UID: pod + "-uid", Node: "n" + id[:1], Allotted: network}}
	v.Launcher.Links = model.Read[[]model.Link]{At: now, Value: []model.Link{
		{Index: 3, Name: "ovn-udn1-nic", Kind: "veth", MAC: "aa:00:" + id}, {Index: 4, Name: "k6t-ovn-udn1", Kind: "bridge", MAC: "ba:00:" + id},
		{Index: 6, Name: "ovn-udn1", Kind: "dummy", MAC: mac, Addresses: []model.Address{{Family: "inet", CIDR: ip + "/24"}}}}}
	v.Guest.Neighbours = model.Read[[]model.Neighbour]{At: now, Value: []model.Neighbour{{IP: "10.7.7." + id[:1], MAC: "0a:00:" + id, State: "STALE"}}}
	v.Guest.Leases = model.Read[map[string]model.Lease]{At: now, Value: map[string]model.Lease{"eth0": {IP: ip, Seconds: 3500}}}
	s := model.Stage{Name: model.Steady, VMs: map[string]model.VMView{"vm-o": v},
		Pods:     map[string]model.Read[model.Pod]{"client-other": {At: now, Value: model.Pod{Name: "client-other", UID: "u" + id, Node: "n" + id[:1]}}},
		Networks: map[string]model.Read[model.Network]{"other/other-udn": {At: now, Value: model.Network{Created: "True", NetworkName: "ns-other_other-udn", ID: id[:1]}}},
		Paths:    map[string]model.Read[model.Path]{"vm-p>vm/vm-o": {At: now, Value: model.Path{Target: "http://" + ip + ":8080/hostname", ClientPort: int(id[0])}}},
		Hosts: map[string]model.HostView{"n1": {
			Links: model.Read[[]model.Link]{At: now, Value: []model.Link{{Index: int(id[0]), Name: "breth0"}, {Index: 9, Name: "veth" + id, Kind: "veth"}}},
			NAT: model.Read[[]model.NATRow]{At: now, Value: []model.NATRow{
				{UUID: "a", Router: "GR_ns_n1", Network: "", ExternalIP: "172.18.0.2"},
				{UUID: id, Router: "GR_ns.other_other.udn_n1", Network: "ns-other_other-udn", ExternalIP: "169.254.0.1" + id[:1]}}}}},
		Flows: map[string]model.Read[model.Flow]{"vm-p>peer/outside": {At: now, Value: model.Flow{Entries: []model.Conntrack{
			{Original: model.Tuple{Src: "10.1.1.3", SrcPort: int(id[0])}, Zone: int(id[0])}}}}}}
	if change != nil {
		change(&s)
	}
	return model.Observation{Stages: []model.Stage{s}}
}

func TestDifferencesOfUserDefinedNetworks(t *testing.T) {
	one := onUDN("launcher-a", "10.7.7.3", "1:01", nil)
	all := []string{"vm-o", "client-other", "other/other-udn"}
	for _, c := range []struct {
		name    string
		after   model.Observation
		renewed []string
		field   string
	}{
		{name: "all of a network anew", after: onUDN("launcher-b", "10.7.7.4", "2:02", nil), renewed: all},
		{name: "the VM alone may be new", after: onUDN("launcher-b", "10.7.7.4", "2:02", nil), renewed: all[:1], field: "networks.other/other-udn.value.id"},
		{name: "nothing may be new", after: onUDN("launcher-b", "10.7.7.4", "2:02", nil), field: "vms.vm-o.pod.value.name"},
		{name: "a rule of another network", field: "nat", renewed: all, after: onUDN("launcher-b", "10.7.7.4", "2:02", func(s *model.Stage) {
			s.Hosts["n1"].NAT.Value[0].ExternalIP = "169.254.0.99"
		})},
		{name: "an entry by hand in the table of neighbours", field: "neighbours", after: onUDN("launcher-a", "10.7.7.3", "1:01", func(s *model.Stage) {
			s.VMs["vm-o"].Guest.Neighbours.Value[0].State = "PERMANENT"
		})},
		{name: "a lease time", field: "seconds", after: onUDN("launcher-a", "10.7.7.3", "1:01", func(s *model.Stage) {
			s.VMs["vm-o"].Guest.Leases.Value["eth0"] = model.Lease{IP: "10.7.7.3", Seconds: 3400}
		})},
		{name: "a link of the node", field: "links", after: onUDN("launcher-a", "10.7.7.3", "1:01", func(s *model.Stage) {
			s.Hosts["n1"].Links.Value[0].Name = "breth1"
		})},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, err := Differences(one, c.after, c.renewed)
			if err != nil {
				t.Fatal(err)
			}
			if (c.field == "") != (len(found) == 0) || !strings.Contains(strings.Join(found, "\n"), c.field) {
				t.Errorf("differences %q, want one in %q", found, c.field)
			}
		})
	}
}

// onPhysical is what a network's refusal, OVN's ports and the DHCP server's list look like, in two orders.
func onPhysical(pod, node string, turned bool, change func(*model.PhysicalView)) model.Observation {
	leases := []model.ServedLease{{MAC: "02:86:5e:00:00:14", IP: "192.0.2.139", Expires: time.Now()}, {MAC: "02:86:5e:00:00:18", IP: "192.0.2.142"}}
	ports := []model.LocalnetPort{{Name: "a", PhysicalNetwork: "trunk", VLAN: 1924}, {Name: "b", PhysicalNetwork: "trunk", VLAN: 1924}}
	if turned {
		slices.Reverse(leases)
		slices.Reverse(ports)
	}
	p := model.PhysicalView{Leases: model.Read[[]model.ServedLease]{Value: leases}, Localnets: map[string]model.Read[[]model.LocalnetPort]{"n1": {Value: ports}},
		Refusals: map[string]model.Read[model.Refusal]{"unmapped": {Value: model.Refusal{Network: "ns/unmapped", Node: node,
			Warnings: []model.Warning{{About: "on-unmapped", Message: "sandbox of " + pod}}}}}}
	if change != nil {
		change(&p)
	}
	return model.Observation{Stages: []model.Stage{{Name: model.Steady, Physical: p}}}
}

func TestDifferencesOfThePhysicalSide(t *testing.T) {
	one := onPhysical("one", "n1", false, nil)
	for _, c := range []struct {
		name   string
		change func(*model.PhysicalView)
		field  string
	}{
		{name: "another pod is refused, on another node; leases are renewed"},
		{name: "a network came about", field: "refusals.unmapped.value.came", change: func(p *model.PhysicalView) {
			r := p.Refusals["unmapped"]
			r.Value.Came = true
			p.Refusals["unmapped"] = r
		}},
		{name: "an address", field: "leases", change: func(p *model.PhysicalView) { p.Leases.Value[0].IP = "192.0.2.2" }},
		{name: "a tag", field: "vlan", change: func(p *model.PhysicalView) { p.Localnets["n1"].Value[0].VLAN = 4094 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, err := Differences(one, onPhysical("two", "n2", true, c.change), nil)
			if err != nil {
				t.Fatal(err)
			}
			if (c.field == "") != (len(found) == 0) || !strings.Contains(strings.Join(found, "\n"), c.field) {
				t.Errorf("differences %q, want one in %q", found, c.field)
			}
		})
	}
}
