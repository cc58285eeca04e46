package fault

import (
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
		Frames: map[string]model.Read[[]model.Frame]{"vm-b>peer/outside": {At: now, Value: append([]model.Frame{
			{Seconds: float64(port), Proto: "tcp", Src: "172.18.0.2", Dst: "172.18.0.4", SrcPort: port, DstPort: 8080, Length: port}},
			make([]model.Frame, port%3)...)}},
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
