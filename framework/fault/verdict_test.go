package fault

import (
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
)

func judged(id string, v model.Verdict, reason string) model.Judgement {
	return model.Judgement{ID: id, Verdict: v, Reason: reason}
}

func TestWeigh(t *testing.T) {
	f := Fault{ID: "A/x", Red: red("A", `^link: .* extra$`), Blind: []string{"B"}}
	before := []model.Judgement{judged("A", model.Pass, ""), judged("B", model.Pass, ""), judged("C", model.Known, "x#1"), judged("D", model.NotApplicable, "")}
	for _, c := range []struct {
		name    string
		a, b, d model.Judgement
		effects map[string]Effect
		killed  bool
	}{
		{"red with its words", judged("A", model.Fail, "link: one extra"), before[1], before[3], map[string]Effect{"A": Killed}, true},
		{"red with other words", judged("A", model.Fail, "gone"), before[1], before[3], map[string]Effect{"A": OtherWords}, false},
		{"still green", judged("A", model.Pass, ""), before[1], before[3], map[string]Effect{"A": Survived}, false},
		{"blind instead of red", judged("A", model.Error, "link: one extra"), before[1], before[3], map[string]Effect{"A": Survived}, false},
		{"known instead of red", judged("A", model.Known, "link: one extra"), before[1], before[3], map[string]Effect{"A": Survived}, false},
		{"blind as allowed", judged("A", model.Fail, "link: one extra"), judged("B", model.Error, "no answer"), before[3],
			map[string]Effect{"A": Killed, "B": Blinded}, true},
		{"red where blind is allowed", judged("A", model.Fail, "link: one extra"), judged("B", model.Fail, "wrong"), before[3],
			map[string]Effect{"A": Killed, "B": Leaked}, false},
		{"blind elsewhere", judged("A", model.Fail, "link: one extra"), before[1], judged("D", model.Error, "no answer"),
			map[string]Effect{"A": Killed, "D": Leaked}, false},
		{"green where it was not applicable", judged("A", model.Fail, "link: one extra"), before[1], judged("D", model.Pass, ""),
			map[string]Effect{"A": Killed, "D": Leaked}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cells, killed := weigh(f, nil, before, []model.Judgement{c.a, c.b, before[2], c.d})
			if killed != c.killed {
				t.Errorf("killed is %t, want %t", killed, c.killed)
			}
			if len(cells) != len(c.effects) {
				t.Errorf("got %v, want %v", cells, c.effects)
			}
			for id, want := range c.effects {
				if cells[id].Effect != want {
					t.Errorf("%s: %q, want %q", id, cells[id].Effect, want)
				}
			}
		})
	}
	t.Run("what a neighbour turns red or blind", func(t *testing.T) {
		beside := []Fault{{ID: "B/y", Red: red("B", "^b$"), Blind: []string{"C"}}}
		after := []model.Judgement{judged("A", model.Fail, "link: one extra"), judged("B", model.Fail, "b"), judged("C", model.Error, "dark"), before[3]}
		if cells, killed := weigh(f, beside, before, after); !killed || len(cells) != 1 {
			t.Errorf("killed %t, %v", killed, cells)
		}
		after[2] = judged("C", model.Fail, "wrong")
		if cells, killed := weigh(f, beside, before, after); killed || cells["C"].Effect != Leaked {
			t.Errorf("killed %t, %v", killed, cells)
		}
	})
	t.Run("red that was not judged", func(t *testing.T) {
		if cells, killed := weigh(f, nil, before, before[1:]); killed || cells["A"].Effect != Survived {
			t.Errorf("killed %t, %v", killed, cells)
		}
	})
	t.Run("a fault without red kills nothing", func(t *testing.T) {
		if _, killed := weigh(Fault{}, nil, before, before); killed {
			t.Error("killed")
		}
	})
}

func TestApplicable(t *testing.T) {
	there := model.Facts{GatewayMode: "shared", Features: map[model.Feature]model.Presence{model.FeatureOutside: {Present: true}}}
	needs := Fault{Red: red("A", `^a`), Needs: []model.Feature{model.FeatureOutside}}
	local := Fault{Red: red("A", `^a`), Gateway: "local"}
	for _, c := range []struct {
		name    string
		f       Fault
		facts   model.Facts
		verdict model.Verdict
		why     string
	}{
		{"as it should be", needs, there, model.Pass, ""},
		{"a known deviation can still become another", needs, there, model.Known, ""},
		{"the feature is absent", needs, model.Facts{}, model.Pass, "needs outside-peer"},
		{"another gateway mode", local, there, model.Pass, "needs gateway mode local: the cluster's is shared"},
		{"red already", needs, there, model.Fail, "A is FAIL without it"},
		{"not to be seen", needs, there, model.Error, "A is ERROR without it"},
		{"not judged", needs, there, "", "A is DID-NOT-RUN without it"},
	} {
		var before []model.Judgement
		if c.verdict != "" {
			before = append(before, judged("A", c.verdict, ""))
		}
		if why := applicable(c.f, c.facts, before); (why == "") != (c.why == "") || !strings.HasPrefix(why, c.why) {
			t.Errorf("%s: %q", c.name, why)
		}
	}
}

// What takes a node's files is left out where it has to be named.
func TestApart(t *testing.T) {
	faults, err := Select("linux-bridge", nil)
	if err != nil {
		t.Fatal(err)
	}
	others, left := apart(faults)
	if want := []string{"MC-01/config-renamed", "MC-02/no-binary"}; !slices.Equal(left, want) || len(others) != len(faults)-2 {
		t.Errorf("left out %q, want %q; %d others of %d", left, want, len(others), len(faults))
	}
	m := newMatrix("linux-bridge", model.Facts{}, claimsOf(t, "linux-bridge"), others, nil)
	for _, c := range m.Claims {
		if (c.Proof == NotChosen) != (c.ID == "MC-01" || c.ID == "MC-02") {
			t.Errorf("%s is %s", c.ID, c.Proof)
		}
	}
}

func claimsOf(t *testing.T, scenario string) []judge.Claim {
	t.Helper()
	claims, err := judge.Select([]string{scenario}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return claims
}
