package mutate

import (
	"slices"
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
