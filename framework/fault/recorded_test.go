package fault

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
)

// recorded reads an observation of a selftest on a real cluster, without the raw answers: before the first group of
// faults, under all of them at once, and after they were taken back.
func recorded(t *testing.T, name string) (model.Observation, []model.Judgement) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var o model.Observation
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	var js []model.Judgement
	claims, err := judge.Select([]string{o.Scenario}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range claims {
		js = append(js, judge.Judge(c, o))
	}
	return o, js
}

// TestRecorded holds words, verdicts and equality against what a real cluster gave.
func TestRecorded(t *testing.T) {
	o, before := recorded(t, "before")
	_, broken := recorded(t, "broken")
	restored, after := recorded(t, "after")
	if others := green(before); len(others) > 0 {
		t.Fatalf("before: %v", others)
	}
	// what was not injected then: those for a claim that another had taken. CN-20's own words hide behind vm-b's name.
	var first []Fault
	for _, f := range clusterNetwork() {
		switch f.ID {
		case "CN-04/tap-without-bridge", "CN-11/other-subnet", "CN-19/smaller-gateway", "CN-19/larger-gateway", "CN-20/no-port-forward",
			"CN-21/bridge", "CN-21/guest", "CN-21/gateway":
		default:
			first = append(first, f)
		}
	}
	for i, f := range first {
		beside := append(append([]Fault(nil), first[:i]...), first[i+1:]...)
		if why := applicable(f, o.Facts, before); why != "" {
			t.Errorf("%s: not applicable: %s", f.ID, why)
		}
		if cells, killed := weigh(f, beside, before, broken); !killed {
			t.Errorf("%s: not killed: %+v", f.ID, cells)
		}
		if _, killed := weigh(f, beside, before, after); killed {
			t.Errorf("%s: killed without the fault", f.ID)
		}
	}
	if others := green(after); len(others) > 0 {
		t.Errorf("after: %v", others)
	}
	if found, err := Differences(o, restored, nil); err != nil || len(found) > 0 {
		t.Errorf("after: %v %v", found, err)
	}
	if len(first) < 18 {
		t.Errorf("%d faults are left of 18", len(first))
	}
}
