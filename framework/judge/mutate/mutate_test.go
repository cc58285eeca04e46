package mutate

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
)

func small() model.Observation {
	at := time.Unix(1, 0)
	vm := func(name, cidr string, spare bool) model.VMView {
		return model.VMView{Spec: model.VMSpec{Name: name, Spare: spare, Interfaces: []model.InterfaceSpec{{Name: "default", VMNetworkCIDR: cidr}}},
			Launcher: model.LauncherView{Links: model.Read[[]model.Link]{At: at, Value: []model.Link{{Name: "eth0", Flags: []string{"UP"}, MTU: 1400}}}}}
	}
	return model.Observation{Stages: []model.Stage{{Name: model.Steady, VMs: map[string]model.VMView{
		"a": vm("a", "", false), "c": vm("c", "10.9.8.0/24", false), "s": vm("s", "", true)}}}}
}

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		match         bool
	}{
		{"facts.mtu", "facts.mtu", true},
		{"facts.mtu", "facts", false},
		{"stages[steady].vms[<all>].pod.node", "stages[steady].vms[s].pod.node", true},
		{"stages[steady].vms[<guests>].pod.node", "stages[steady].vms[s].pod.node", false},
		{"stages[steady].vms[<custom>].pod.node", "stages[steady].vms[a].pod.node", false},
		{"stages[steady].vms[<default>].pod.node", "stages[steady].vms[a].pod.node", true},
		{"stages[steady].paths[pod/client><guests>#df].size", "stages[steady].paths[pod/client>c#df].size", true},
		{"x.links[*].name", "x.links[k6t-eth0].name", true},
		{"x.links[*]", "x.links[+added0]", false},
		{"x.links[+*]", "x.links[+added0]", true},
		{"x.routes[inet main *.*].{route}", "x.routes[inet main 10.0.2.0/24].src", true},
		{"x.routes[inet main *.*].{route}", "x.routes[inet main 10.0.2.0/24].scope", false},
		{"x.paths[vm-?>vm-a].passed", "x.paths[vm-b>vm-a].passed", true},
	} {
		got := slices.ContainsFunc(Expand([]string{c.pattern}, small()), func(p Pattern) bool { return p.Match(c.path) })
		if got != c.match {
			t.Errorf("%s and %s: %t", c.pattern, c.path, got)
		}
	}
}

// onNetworks is the small observation with a VM on two networks, one outside the main namespace, and rules of two networks.
func onNetworks() model.Observation {
	o := small()
	s := o.Stages[0]
	v := s.VMs["a"]
	v.Spec.Interfaces = append(v.Spec.Interfaces, model.InterfaceSpec{Name: "second", Network: "n"})
	v.Pod.Value = model.Pod{Node: "n1", Allotted: map[string]model.Allotment{"default": {CIDRs: []string{"10.244.0.7/24"}, Role: "infrastructure-locked"}}}
	v.Guest.Links.Value = []model.Link{{Name: "lo"}, {Name: "eth0", Addresses: []model.Address{{Family: "inet", CIDR: "10.1.1.3/24"}}}}
	s.VMs["a"] = v
	s.VMs["vm-p"] = v
	s.VMs["o"] = model.VMView{Spec: model.VMSpec{Name: "o", Group: "other"}}
	s.Networks = map[string]model.Read[model.Network]{"primary-udn": {Value: model.Network{NetworkName: "ns_primary-udn"}}}
	s.Paths = map[string]model.Read[model.Path]{"pod/client>shared": {Value: model.Path{To: "vm/a"}}}
	s.Frames = map[string]model.Read[[]model.Frame]{"a>peer/outside": {Value: []model.Frame{{Src: "192.168.77.11", Dst: "192.168.77.200"}}}}
	s.Hosts = map[string]model.HostView{"n1": {NAT: model.Read[[]model.NATRow]{Value: []model.NATRow{
		{Network: "ns_primary-udn", LogicalIP: "10.1.1.0/24", ExternalIP: "169.254.0.11"},
		{Network: "other_other-udn", LogicalIP: "10.7.7.0/24", ExternalIP: "169.254.0.13"},
		{LogicalIP: "10.244.0.0/16", ExternalIP: "192.168.77.11"}}}}}
	o.Stages[0] = s
	return o
}

func TestPatternOnNetworks(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		match         bool
	}{
		{"vms[<all>].pod.node", "vms[o].pod.node", false},
		{"vms[<several>].pod.node", "vms[a].pod.node", true},
		{"vms[<several>].pod.node", "vms[c].pod.node", false},
		{"nat[<primary> *.*/??].externalIP", "nat[ns_primary-udn 10.1.1.0/24].externalIP", true},
		{"nat[<primary> *.*/??].externalIP", "nat[ns_primary-udn 10.1.1.0/24 rtoj-x].externalIP", false},
		{"nodes[<home>].name", "nodes[n1].name", true},
		{"vms[<shared>].spec.hostname", "vms[a].spec.hostname", true},
		{"vms[<unshared>].spec.hostname", "vms[a].spec.hostname", false},
	} {
		got := slices.ContainsFunc(Expand([]string{c.pattern}, onNetworks()), func(p Pattern) bool { return p.Match(c.path) })
		if got != c.match {
			t.Errorf("%s and %s: %t", c.pattern, c.path, got)
		}
	}
}

// What must stay inside a node may be seen outside; what is one network's may be another's.
func TestForeignAddresses(t *testing.T) {
	o := onNetworks()
	got := map[string][]string{}
	for _, m := range All(&o) {
		if m.Op == Inner || m.Op == Borrowed && strings.HasSuffix(m.Path, "externalIP") {
			got[m.Path] = append(got[m.Path], m.New)
		}
	}
	const at = "stages[steady]."
	for path, want := range map[string][]string{
		at + "frames[a>peer/outside][#0].src":                        {"10.1.1.3", "169.254.0.11", "169.254.0.13"},
		at + "frames[a>peer/outside][#0].dst":                        {"10.1.1.3", "169.254.0.11", "169.254.0.13"},
		at + "hosts[n1].nat[ns_primary-udn 10.1.1.0/24].externalIP":  {"169.254.0.13"},
		at + "hosts[n1].nat[other_other-udn 10.7.7.0/24].externalIP": {"169.254.0.11"},
	} {
		if !slices.Equal(got[path], want) {
			t.Errorf("%s: %v, want %v", path, got[path], want)
		}
		delete(got, path)
	}
	if len(got) > 0 {
		t.Errorf("%v", got)
	}
}

func TestMutationsActAndAreTakenBack(t *testing.T) {
	o := small()
	mtu := func() int {
		links := o.Stages[0].VMs["a"].Launcher.Links
		if links.Failure() != nil || len(links.Value) == 0 {
			return 0
		}
		return links.Value[0].MTU
	}
	const links = "stages[steady].vms[a].launcher.links"
	seen := map[string]bool{}
	for _, m := range All(&o) {
		want := 1400
		switch {
		case m.Path == links+"[eth0].mtu":
			want = 1401
		case m.Path == links && m.Op != Added, m.Path == links+"[eth0]", m.Path == "stages[steady].vms" && m.Op == Cleared, m.Path == "stages[steady].vms[a]":
			want = 0
		case m.Path == "stages" || m.Path == "stages[steady]":
			continue
		}
		seen[string(m.Op)+" "+m.Path] = true
		m.While(func() {
			if got := mtu(); got != want {
				t.Errorf("while %s: MTU %d", m, got)
			}
		})
		if got := mtu(); got != 1400 {
			t.Errorf("after %s: MTU %d", m, got)
		}
	}
	for _, must := range []string{"changed " + links + "[eth0].mtu", "dropped " + links + "[eth0]", "cleared " + links, "added " + links + "[+added0]",
		"failed " + links, "unlooked " + links, "dropped stages[steady].vms[a]", "emptied " + links + "[eth0].flags[UP]", "borrowed stages[steady].vms[a].spec.name"} {
		if !seen[must] {
			t.Errorf("no mutation %s", must)
		}
	}
}

func TestBecomes(t *testing.T) {
	for _, c := range []struct{ path, old, now, want string }{
		{"vms[a].guest.routes[inet local 127.0.0.0/8].table", "local", "main", "vms[a].guest.routes[+inet main 127.0.0.0/8]"},
		{"vms[a].guest.routes[inet local 127.0.0.0/8].dev", "lo", "eth0", ""},
		{"vms[a].guest.routes[inet local 127.0.0.0/8].table", "local", "", ""},
		{"vms[a].launcher.links[eth0].name", "eth0", "eth1", ""},
		{"facts.mtu", "1400", "1401", ""},
	} {
		if got := (Mutation{Path: c.path, Old: c.old, New: c.now}).becomes(); got != c.want {
			t.Errorf("%s from %q to %q becomes %q, want %q", c.path, c.old, c.now, got, c.want)
		}
	}
}
