package fault

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/judge"
)

func claimIDs() map[string]judge.Claim {
	ids := map[string]judge.Claim{}
	for _, c := range judge.All() {
		ids[c.ID] = c
	}
	return ids
}

// TestEveryClaimHasAFault: a claim that nothing turns red is not proven.
func TestEveryClaimHasAFault(t *testing.T) {
	killed := map[string]bool{}
	for _, f := range All() {
		for id := range f.Red {
			killed[id] = true
		}
	}
	without := WithoutFault()
	for id := range claimIDs() {
		if _, unit := without[id]; unit == killed[id] {
			t.Errorf("%s: a fault turns it red: %t, listed as one that none can: %t", id, killed[id], unit)
		}
	}
	for id, why := range without {
		if _, ok := claimIDs()[id]; !ok || why == "" {
			t.Errorf("%s is listed as a claim without a fault: claim known: %t, reason %q", id, ok, why)
		}
	}
}

// TestFaultsAreWhole: names that exist, words to match, a way back for each step.
func TestFaultsAreWhole(t *testing.T) {
	claims := claimIDs()
	seen := map[string]bool{}
	for _, f := range All() {
		t.Run(f.ID, func(t *testing.T) {
			if seen[f.ID] {
				t.Error("another fault has this ID")
			}
			seen[f.ID] = true
			of := claimOf(f)
			if of == "" {
				t.Errorf("its ID must be a claim that it turns red and a name")
			}
			if f.Text == "" || len(f.Steps) == 0 || f.Scenario == "" {
				t.Error("it has no text, no scenario or no steps")
			}
			for i, s := range f.Steps {
				if !s.Reversible() {
					t.Errorf("step %d cannot be taken back", i+1)
				}
			}
			for id, words := range f.Red {
				c, ok := claims[id]
				if !ok || c.Scenario != f.Scenario {
					t.Errorf("red: there is no claim %s in %s", id, f.Scenario)
				}
				if words == nil || !strings.HasPrefix(words.String(), "^") || words.MatchString("") {
					t.Errorf("red: %s: its words must say from the beginning what is wrong", id)
				}
				for _, need := range c.Needs {
					if !has(f.Needs, need) && !has(claims[of].Needs, need) {
						t.Errorf("red: %s needs %s, which the fault does not", id, need)
					}
				}
			}
			for _, id := range f.Blind {
				if _, ok := claims[id]; !ok || f.Red[id] != nil {
					t.Errorf("blind: %s must be a claim that is not red", id)
				}
			}
		})
	}
}

// claimOf is the claim that a fault is called after, in any of its forms; empty for none.
func claimOf(f Fault) string {
	at := strings.LastIndex(f.ID, "/")
	if at < 0 || at == len(f.ID)-1 {
		return ""
	}
	for id := range f.Red {
		if id == f.ID[:at] || strings.HasPrefix(id, f.ID[:at]+"/") {
			return id
		}
	}
	return ""
}

func has[T comparable](all []T, one T) bool {
	for _, a := range all {
		if a == one {
			return true
		}
	}
	return false
}

func TestSelect(t *testing.T) {
	for _, c := range []struct {
		name  string
		names []string
		want  string
		fails string
	}{
		{name: "a fault", names: []string{"CN-05/bridge-mac"}, want: "CN-05/bridge-mac"},
		{name: "a claim that several turn red", names: []string{"CN-21"}, want: "CN-21/bridge CN-21/guest CN-21/gateway"},
		{name: "a claim that another's fault turns red", names: []string{"CN-12"}, want: "CN-07/guest-mac"},
		{name: "the order of injection", names: []string{"CN-26", "CN-01"}, want: "CN-01/extra-link CN-26/other-hostname"},
		{name: "unknown", names: []string{"CN-99"}, fails: "CN-99"},
		{name: "one that no fault is for", names: []string{"CN-24"}, fails: "CN-24"},
	} {
		t.Run(c.name, func(t *testing.T) {
			faults, err := Select(judge.ClusterNetwork, c.names)
			if c.fails != "" {
				var unknown *judge.UnknownError
				if !errors.As(err, &unknown) || unknown.Name != c.fails {
					t.Fatalf("got %v, want an UnknownError of %s", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, f := range faults {
				ids = append(ids, f.ID)
			}
			if got := strings.Join(ids, " "); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	if _, err := Select("no-such", nil); err == nil {
		t.Error("a scenario without faults is no error")
	}
}

func TestGroup(t *testing.T) {
	for name, most := range map[string]int{judge.ClusterNetwork: 6, judge.PrimaryUDN: 6, judge.SecondaryUDN: 3, judge.Localnet: 3} {
		all, err := Select(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := group(all, true); len(got) != len(all) {
			t.Errorf("%s: %d groups of %d faults alone", name, len(got), len(all))
		}
		groups := group(all, false)
		count := 0
		staged := false
		for _, g := range groups {
			count += len(g)
			seen := map[string]string{}
			for _, f := range g {
				for id := range f.Red {
					if seen[id] != "" {
						t.Errorf("%s and %s are together and both turn %s red", seen[id], f.ID, id)
					}
					seen[id] = f.ID
				}
				if f.Stage != g[0].Stage {
					t.Errorf("%s is together with %s, in another stage", f.ID, g[0].ID)
				}
			}
			if staged && g[0].Stage == "" {
				t.Errorf("%s comes after a stage that changes VMs", g[0].ID)
			}
			staged = staged || g[0].Stage != ""
		}
		if count != len(all) || len(groups) > most {
			t.Errorf("%s: %d faults in %d groups, of %d", name, count, len(groups), len(all))
		}
	}
}

// TestStages: a fault that shows only in a stage is one whose claim reads that stage, and no other.
func TestStages(t *testing.T) {
	claims := claimIDs()
	for _, f := range All() {
		for id := range f.Red {
			if claims[id].Stage != f.Stage {
				t.Errorf("%s comes in stage %q, %s reads %q", f.ID, f.Stage, id, claims[id].Stage)
			}
		}
		if f.Stage != "" && len(f.Renews) == 0 {
			t.Errorf("%s: nothing comes anew in stage %s", f.ID, f.Stage)
		}
	}
}

// TestRevertsTwice: what takes something away must not mind that it is gone already.
func TestRevertsTwice(t *testing.T) {
	takes := regexp.MustCompile(`\b(ip \w+ del|nft delete|nb \S*-del|nb remove|vs del-port|rm) `)
	minds := func(line string) bool {
		for _, ok := range []string{"||", "--if-exists", "acl-del", "nb remove", "handle $h"} {
			if strings.Contains(line, ok) {
				return false
			}
		}
		return takes.MatchString(line)
	}
	for _, f := range All() {
		for _, s := range f.Steps {
			if s, ok := s.(Script); ok {
				for _, line := range strings.Split(s.Revert, "\n") {
					if minds(line) {
						t.Errorf("%s: a second revert fails: %s", f.ID, line)
					}
				}
			}
		}
	}
}
