package fault

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
)

// composed reads the observation that the judges are tested on.
func composed(t *testing.T, name string) model.Observation {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "judge", "testdata", "composed", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var o model.Observation
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// seenBy is what an observation shows of each fault, as far as words go.
type seenBy map[string]func(o *model.Observation)

// at gives a stage of an observation to be changed; its maps and lists are the observation's own.
func at(o *model.Observation, name string) *model.Stage {
	return &o.Stages[slices.IndexFunc(o.Stages, func(s model.Stage) bool { return s.Name == name })]
}

func ofLink(vm string, in func(v *model.VMView) []model.Link, link string, change func(*model.Link)) func(*model.Observation) {
	return func(o *model.Observation) {
		v := at(o, model.Steady).VMs[vm]
		links := in(&v)
		for i := range links {
			if strings.HasPrefix(links[i].Name, link) {
				change(&links[i])
			}
		}
	}
}

func launcherLinksOf(v *model.VMView) []model.Link { return v.Launcher.Links.Value }
func guestLinksOf(v *model.VMView) []model.Link    { return v.Guest.Links.Value }

func ofVMView(vm string, change func(*model.VMView)) func(*model.Observation) {
	return func(o *model.Observation) {
		s := at(o, model.Steady)
		v := s.VMs[vm]
		change(&v)
		s.VMs[vm] = v
	}
}

func ofPath(o *model.Observation, name string, passed bool) {
	s := at(o, model.Steady)
	p := s.Paths[name]
	p.Value.Passed, p.Value.Detail, p.Value.Hops = passed, "", nil
	if !passed { // as the walk leaves it
		p.Value.Hops = []model.Hop{{Name: "guest NIC", Seen: model.Read[bool]{At: p.At, Value: true}}, {Name: "tap", Seen: model.Read[bool]{At: p.At}}}
	}
	s.Paths[name] = p
}

func arrived(o *model.Observation, name, from string) {
	s := at(o, model.Steady)
	f := s.Frames[name]
	f.Value = append(f.Value, model.Frame{Proto: "tcp", Src: from, SrcPort: 40000, Dst: "10.9.9.9", DstPort: 8080})
	s.Frames[name] = f
}

func address(cidr string) func(*model.Link) {
	return func(l *model.Link) { l.Addresses = append(l.Addresses, model.Address{Family: "inet", CIDR: cidr}) }
}

func up(l *model.Link) { l.Flags, l.State = append(l.Flags, "UP"), "UNKNOWN" }

func route(r model.Route) func(*model.VMView) {
	r.Family, r.Table = "inet", "main"
	return func(v *model.VMView) { v.Guest.Routes.Value = append(v.Guest.Routes.Value, r) }
}

func translated(o *model.Observation, network, subnet, from, to string) {
	rows := at(o, model.Steady).Hosts["n1"].NAT.Value
	for i := range rows {
		if rows[i].Network == network && rows[i].LogicalIP == subnet && rows[i].ExternalIP == from {
			rows[i].ExternalIP = to
		}
	}
}

// nextAddress gives a VM in a later stage another address than it had.
func nextAddress(o *model.Observation, stage, vm, network, cidr string) {
	s := at(o, stage)
	v := s.VMs[vm]
	a := v.Pod.Value.Allotted[network]
	a.CIDRs = []string{cidr}
	all := map[string]model.Allotment{network: a}
	for k, other := range v.Pod.Value.Allotted {
		if k != network {
			all[k] = other
		}
	}
	v.Pod.Value.Allotted = all
	s.VMs[vm] = v
}

// spareOf adds a spare that is like a VM.
func spareOf(o *model.Observation, vm string, stages ...string) {
	for _, name := range stages {
		s := at(o, name)
		v := s.VMs[vm]
		v.Spec.Name, v.Spec.Spare = "vm-spare", true
		s.VMs["vm-spare"] = v
	}
}

// judgedOf judges the claims whose stages are there: those of the fault's stage and the steady one.
func judgedOf(t *testing.T, o model.Observation, stage string) []model.Judgement {
	t.Helper()
	claims, err := judge.Select([]string{o.Scenario}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var js []model.Judgement
	for _, c := range claims {
		if s := cmp.Or(c.Stage, model.Steady); s == model.Steady || s == stage {
			js = append(js, judge.Judge(c, o))
		}
	}
	return js
}

// TestWords: what a fault is meant to show turns its claims red with its words, and no other claim.
func TestWords(t *testing.T) {
	for name, seen := range map[string]seenBy{"primaryudn": primarySeen, "secondaryudn": secondarySeen,
		"localnet": localnetSeen, "linuxbridge": bridgeSeen} {
		faults, err := Select(composed(t, name).Scenario, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range faults {
			t.Run(f.ID, func(t *testing.T) {
				before := judgedOf(t, composed(t, name), f.Stage)
				o := composed(t, name)
				change, ok := seen[f.ID]
				if !ok {
					t.Fatal("nothing is known of what it shows")
				}
				if why := applicable(f, o.Facts, before); why != "" {
					t.Fatal(why)
				}
				change(&o)
				if cells, killed := weigh(f, nil, before, judgedOf(t, o, f.Stage)); !killed {
					for id, c := range cells {
						t.Errorf("%s %s: %s %s", id, c.Effect, c.Verdict, c.Reason)
					}
				}
			})
		}
	}
}

// TestWordsTogether: faults that are injected at once are told from each other.
func TestWordsTogether(t *testing.T) {
	for name, seen := range map[string]seenBy{"primaryudn": primarySeen, "secondaryudn": secondarySeen, "localnet": localnetSeen,
		"linuxbridge": bridgeSeen} {
		faults, err := Select(composed(t, name).Scenario, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range group(faults, false) {
			before := judgedOf(t, composed(t, name), g[0].Stage)
			o := composed(t, name)
			for _, f := range g {
				seen[f.ID](&o)
			}
			after := judgedOf(t, o, g[0].Stage)
			for i, f := range g {
				if cells, killed := weigh(f, without(g, i), before, after); !killed {
					for id, c := range cells {
						t.Errorf("%s: %s %s: %s %s", f.ID, id, c.Effect, c.Verdict, c.Reason)
					}
				}
			}
		}
	}
}
