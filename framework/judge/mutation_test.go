package judge

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/judge/mutate"
	"github.com/vmnet-project/vmnet/framework/model"
)

// equivalent are the changes of something that a claim reads which leave what is claimed true: by claim, kind of
// change and path, each with its reason. Every row must be met by some change.
var equivalent = []struct{ claims, op, path, why string }{
	{"", "dropped", `vms\[vm-spare\]$`, "a scenario may have no spare"},
	{"CN-07", "dropped", `guest\.links\[lo\]$`, "the claim is about links beside lo"},
	{"CN-01", "borrowed", `pod\.node$`, "control pods on all nodes have the same links"},
	{"CN-09", "resized", `vms\[vm-c\]\.spec\.interfaces\[default\]\.vmNetworkCIDR$`, "same gateway and address, the prefix is CN-08's and CN-10's"},
	{"CN-10", "dropped", `guest\.routes\[inet main default\]$`, "the claim is about the other routes, which are the same without it"},
	{"CN-11", "changed|resized", `vms\[vm-c\]\.spec\.interfaces\[default\]\.vmNetworkCIDR$`, "still not the default"},
	{"CN-11 CN-12 CN-13 CN-15 CN-16 CN-22", "resized", `pod\.allotted\[default\]\.cidrs\[.*\]$`, "the address counts, the prefix is CN-02's"},
	{"CN-11", "changed", `pod\.allotted\[default\]\.cidrs\[.*\]$`, "another address differs from the other VM's, too"},
	{"CN-14 CN-15", "dropped", `frames\[.*\]\[#\d+\]$`, "the flow's other frames tell the same"},
	{"CN-15", "changed|emptied", `frames\[.*\]\[#\d+\]\.(src|dst)$`, "any address but those from inside the node"},
	{"CN-15", "changed", `paths\[.*>peer/outside\]\.target$`, "another host, but the port tells the flow"},
	{"CN-15", "changed", `pod\.allotted\[default\]\.cidrs\[.*\]$`, "no address from inside the node is on the wire, this one neither"},
	{"CN-15", "borrowed", `pod\.allotted\[default\]\.cidrs\[.*\]$`, "no address from inside the node is on the wire, this one neither"},
	{"CN-15", "borrowed", `vms\[vm-[ab]\]\.spec\.interfaces\[default\]\.vmNetworkCIDR$`, "no address from inside the node is on the wire, this one neither"},
	{"CN-15", "changed|resized|emptied", `vms\[vm-c\]\.spec\.interfaces\[default\]\.vmNetworkCIDR$`, "no address from inside the node is on the wire, this one neither"},
	{"CN-16", "borrowed", `vms\[vm-a\]\.pod\.node$`, "vm-b and vm-c change roles"},
	{"CN-16", "changed|emptied", `vms\[vm-b\]\.pod\.node$`, "still another node than vm-a's"},
	{"CN-21", "dropped|cleared", `vms\[vm-[ab]\](\.spec\.interfaces(\[default\])?)?$`, "the claim is about VMs with a vmNetworkCIDR of their own"},
	{"CN-23", "changed|borrowed", `port\.hostLink$`, "its name is random; the OVS interface was looked up by it"},
}

// TestMutations changes one thing after another in each recorded observation. Each change of what a claim declares
// must turn its verdict, with a message that names the thing; a failed read must be an ERROR; and a change of anything
// else must not turn it.
func TestMutations(t *testing.T) {
	met := make([]bool, len(equivalent))
	for name, o := range observations(t) {
		before := stored(t, o)
		mutations := mutate.All(&o)
		total, killed, survived, beside := 0, 0, 0, 0
		for _, c := range All() {
			if v := Judge(c, o).Verdict; v != model.Pass {
				t.Errorf("%s: %s is %s to begin with", name, c.ID, v)
				continue
			}
			reads := mutate.Expand(c.Reads, o)
			made, dead, same, others := 0, 0, 0, 0
			for _, m := range mutations {
				var j model.Judgement
				m.While(func() { j = Judge(c, o) })
				turned := j.Verdict != model.Pass
				row := equivalence(c.ID, m)
				switch covered := m.Covered(reads); {
				case !covered && turned:
					t.Errorf("%s: %s does not declare %s, but: %s", name, c.ID, m, j.Reason)
				case !covered:
					others++
				case row >= 0 && !turned:
					met[row] = true
					same++
				case row >= 0:
					t.Errorf("%s: %s: %s is no equivalent (%s): %s", name, c.ID, m, equivalent[row].why, j.Reason)
				case !turned:
					made++
					t.Errorf("%s: %s survives %s", name, c.ID, m)
				default:
					made++
					dead++
					if (m.Op == mutate.Failed || m.Op == mutate.Unlooked) && j.Verdict != model.Error {
						t.Errorf("%s: %s is %s where %s", name, c.ID, j.Verdict, m)
					}
					if !names(j, m) {
						t.Errorf("%s: %s: after %s the message does not name it: %s", name, c.ID, m, j.Reason)
					}
				}
			}
			t.Logf("%s: %s: %d mutations of what it reads, %d killed, %d survived; %d equivalent; %d elsewhere, none of which turns it", name, c.ID, made, dead, made-dead, same, others)
			total, killed, survived, beside = total+made, killed+dead, survived+made-dead, beside+others
		}
		if stored(t, o) != before {
			t.Errorf("%s: a mutation was not taken back", name)
		}
		t.Logf("%s: %d changes; %d mutations of what claims read, %d killed, %d survived; %d elsewhere", name, len(mutations), total, killed, survived, beside)
	}
	for i, m := range met {
		if !m {
			t.Errorf("no change meets the equivalent %v", equivalent[i])
		}
	}
}

func stored(t *testing.T, o model.Observation) string {
	t.Helper()
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func equivalence(id string, m mutate.Mutation) int {
	for i, e := range equivalent {
		if (e.claims == "" || strings.Contains(e.claims, id)) && matches("^("+e.op+")$", string(m.Op)) && matches(e.path, m.Path) {
			return i
		}
	}
	return -1
}

var compiled = map[string]*regexp.Regexp{}

func matches(pattern, s string) bool {
	if compiled[pattern] == nil {
		compiled[pattern] = regexp.MustCompile(pattern)
	}
	return compiled[pattern].MatchString(s)
}

// names tells whether what a reader is shown of a verdict names what was changed: the new value, or the thing by its
// key or field.
func names(j model.Judgement, m mutate.Mutation) bool {
	message := j.Reason
	for _, e := range j.Evidence {
		if !e.Holds {
			message += "\n" + line(e)
		}
	}
	if m.New != "" && strings.Contains(message, m.New) {
		return true
	}
	path := m.Path
	if m.Op == mutate.Cleared {
		path = strings.Join(m.Leaves, " ")
	}
	stage := strings.HasPrefix(m.Path, "stages[steady].name") || !strings.HasPrefix(m.Path, "stages[steady].")
	for _, key := range bracketed.FindAllStringSubmatch(path, -1) {
		if key[1] == model.Steady && !stage {
			continue
		}
		// A path is named by its ends.
		words := strings.FieldsFunc(key[1], func(r rune) bool { return r == '>' || r == '/' })
		if strings.Contains(message, key[1]) || strings.Contains(key[1], ">") && all(words, func(w string) bool {
			w, _, _ = strings.Cut(w, "#")
			return strings.Contains(message, w) || w == "api" || w == "peer" || w == "pod" || w == "dns" || w == "service"
		}) {
			return true
		}
	}
	fields := strings.FieldsFunc(m.Path, func(r rune) bool { return r == '.' || r == '[' })
	return strings.Contains(message, fields[len(fields)-1])
}

func all(words []string, ok func(string) bool) bool {
	return !slices.ContainsFunc(words, func(w string) bool { return !ok(w) })
}

var bracketed = regexp.MustCompile(`\[([^]]+)\]`)

func BenchmarkJudge(b *testing.B) {
	o, claims := recorded(b), All()
	for b.Loop() {
		for _, c := range claims {
			Judge(c, o)
		}
	}
}

func BenchmarkMutate(b *testing.B) {
	o, claims := recorded(b), All()
	mutations := mutate.All(&o)
	i := 0
	for b.Loop() {
		mutations[i%len(mutations)].While(func() {
			for _, c := range claims {
				Judge(c, o)
			}
		})
		i++
	}
}
