package fault

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMatrix(t *testing.T) {
	claims, err := judge.Select([]string{judge.ClusterNetwork}, []string{"CN-01", "CN-07", "CN-12", "CN-14", "CN-15", "CN-24", "CN-26"})
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := Select(judge.ClusterNetwork, []string{"CN-01", "CN-07", "CN-14"})
	if err != nil {
		t.Fatal(err)
	}
	outcomes := []Outcome{
		{ID: chosen[0].ID, Text: chosen[0].Text, Killed: true, Restored: true, Looks: 1, Detect: 12300 * time.Millisecond,
			Cells: map[string]Cell{"CN-01": {Effect: Killed, Before: model.Pass, Verdict: model.Fail}}},
		{ID: chosen[1].ID, Text: chosen[1].Text, Restored: true, Looks: 2, Detect: 10 * time.Second,
			Cells: map[string]Cell{"CN-07": {Effect: Killed, Verdict: model.Fail}, "CN-12": {Effect: Killed, Verdict: model.Fail},
				"CN-26": {Effect: Leaked, Before: model.Pass, Verdict: model.Error, Reason: "guest vm-a: no answer"}}},
		{ID: chosen[2].ID, Text: chosen[2].Text, Skipped: "needs outside-peer: the underlay names no host outside the cluster", Cells: map[string]Cell{}},
	}
	m := newMatrix(judge.ClusterNetwork, model.Facts{}, claims, chosen, outcomes)
	if m.Proven() {
		t.Error("a matrix with a fault that was not killed is proven")
	}
	var b bytes.Buffer
	if err := m.Render(&b); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "matrix.txt")
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	if err := m.Write(t.TempDir()); err != nil {
		t.Error(err)
	}
}

func TestProven(t *testing.T) {
	claims, err := judge.Select([]string{judge.ClusterNetwork}, []string{"CN-01"})
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := Select(judge.ClusterNetwork, []string{"CN-01"})
	if err != nil {
		t.Fatal(err)
	}
	good := Outcome{ID: chosen[0].ID, Killed: true, Restored: true, Cells: map[string]Cell{"CN-01": {Effect: Killed}}}
	for _, c := range []struct {
		name   string
		change func(*Outcome)
		want   bool
	}{
		{"killed and restored", func(*Outcome) {}, true},
		{"not killed", func(o *Outcome) { o.Killed = false }, false},
		{"not restored", func(o *Outcome) { o.Restored = false }, false},
		{"not injected", func(o *Outcome) { o.Skipped = "needs a peer" }, false},
		{"another fault", func(o *Outcome) { o.ID = "CN-01/other" }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := good
			c.change(&o)
			if got := newMatrix(judge.ClusterNetwork, model.Facts{}, claims, chosen, []Outcome{o}).Proven(); got != c.want {
				t.Errorf("proven %t, want %t", got, c.want)
			}
		})
	}
}

// TestInapplicable: a claim that does not apply to the cluster is neither proven nor missing.
func TestInapplicable(t *testing.T) {
	claims, err := judge.Select([]string{judge.SecondaryUDN}, []string{"SU-02", "SU-12"})
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := Select(judge.SecondaryUDN, []string{"SU-02", "SU-12"})
	if err != nil {
		t.Fatal(err)
	}
	f := model.Facts{Features: map[model.Feature]model.Presence{model.FeatureUDN: {Present: true}, model.FeatureL2Bridge: {Present: true},
		model.FeatureIPAMExtension: {Reason: "it is not installed"}}}
	outcomes := []Outcome{
		{ID: chosen[0].ID, Killed: true, Restored: true, Cells: map[string]Cell{"SU-02": {Effect: Killed}}},
		{ID: chosen[1].ID, Skipped: missing(chosen[1], f), Cells: map[string]Cell{}},
	}
	m := newMatrix(judge.SecondaryUDN, f, claims, chosen, outcomes)
	if !m.Proven() || m.Claims[1].Proof != Inapplicable || m.Claims[1].Why != "needs ipam-extension: it is not installed" {
		t.Errorf("proven %t: %+v", m.Proven(), m.Claims[1])
	}
	f.Features[model.FeatureIPAMExtension] = model.Presence{Present: true}
	if m = newMatrix(judge.SecondaryUDN, f, claims, chosen, outcomes); m.Proven() {
		t.Error("a claim that applies and that no fault killed is proven")
	}
}
