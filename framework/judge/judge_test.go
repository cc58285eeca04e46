package judge

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

// observations gives every recorded observation by its file's name.
func observations(t testing.TB) map[string]model.Observation {
	t.Helper()
	all := map[string]model.Observation{"together": together(t)}
	files, err := filepath.Glob("testdata/*.json*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		all[filepath.Base(name)] = load(t, name)
	}
	return all
}

func load(t testing.TB, name string) model.Observation {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	var o model.Observation
	if err := json.NewDecoder(r).Decode(&o); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return o
}

func TestRecordedObservationsPass(t *testing.T) {
	for name, o := range observations(t) {
		for _, c := range All() {
			j := Judge(c, o)
			if j.Verdict != model.Pass {
				t.Errorf("%s: %s %s: %s", name, c.ID, j.Verdict, j.Reason)
			}
			t.Logf("%s %s %s | %s | %s (%d)", c.ID, j.Verdict, c.Text, j.Expected, j.Observed, len(j.Evidence))
		}
	}
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
	for _, c := range []struct{ scenario, id, nearest string }{{"cluster-netwrok", "", ClusterNetwork}, {"", "cn-9", "CN-09"}, {"", "CN-99", "CN-09"}, {"", "zebra", ""}} {
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
