package judge

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

// testdata/live holds what one run of all scenarios saw. All of them are judged here; of them only the secondary UDN's is
// mutated, too (observations).
func TestRecordedObservationsPass(t *testing.T) {
	all := observations(t)
	found, err := filepath.Glob("testdata/live/*.json*")
	if err != nil || len(found) == 0 {
		t.Fatalf("no recordings in testdata/live: %v", err)
	}
	for _, name := range found {
		all[name] = load(t, name)
	}
	for name, o := range all {
		for _, c := range claimsOf(o) {
			j := Judge(c, o)
			if !green(j) {
				t.Errorf("%s: %s %s: %s", name, c.ID, j.Verdict, j.Reason)
			}
			t.Logf("%s %s %s | %s | %s (%d) %s", c.ID, j.Verdict, c.Text, j.Expected, j.Observed, len(j.Evidence), j.Reason)
		}
	}
}

// claimsOf are those on an observation's scenario.
func claimsOf(o model.Observation) []Claim {
	return slices.DeleteFunc(All(), func(c Claim) bool { return c.Scenario != o.Scenario })
}

// green tells whether a verdict is one that a run may end with.
func green(j model.Judgement) bool {
	return j.Verdict == model.Pass || j.Verdict == model.Known || j.Verdict == model.NotApplicable
}

func TestStages(t *testing.T) {
	equal(t, "all", "restarted migrated deleted", strings.Join(Stages(All()), " "))
	some, err := Select(nil, []string{"CN-01", "PU-24", "PU-19", "PU-02"})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "some", "restarted migrated", strings.Join(Stages(some), " "))
	equal(t, "none", 0, len(Stages(some[:1])))
}

func TestSelect(t *testing.T) {
	all, err := Select(nil, nil)
	if err != nil || len(all) != len(All()) {
		t.Fatalf("everything: %d claims, %v", len(all), err)
	}
	some, err := Select([]string{ClusterNetwork}, []string{"CN-09", "CN-01"})
	if err != nil || len(some) != 2 || some[0].ID != "CN-01" {
		t.Errorf("two claims: %v, %v", some, err)
	}
	for _, c := range []struct{ scenario, id, nearest string }{{"clusternetwork", "", ClusterNetwork}, {"", "cn-9", "CN-09"}, {"", "CN-99", "CN-09"}, {"", "zebra", ""}} {
		var scenarios, ids []string
		if c.scenario != "" {
			scenarios = []string{c.scenario}
		}
		if c.id != "" {
			ids = []string{c.id}
		}
		_, err := Select(scenarios, ids)
		var unknown *UnknownError
		if !errors.As(err, &unknown) || unknown.Nearest != c.nearest || !strings.Contains(err.Error(), "there are: ") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
