package report

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

func write(t *testing.T, path, body string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What was stored is read again as it was, from the report's directory, the observations' and the file.
func TestObservationsRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[1]*")
	o := model.Observation{Format: model.FormatVersion, Scenario: "cluster-network", Facts: sample(t).Facts,
		Stages: []model.Stage{{Name: model.Steady, VMs: map[string]model.VMView{"vm-a": {Spec: model.VMSpec{Name: "vm-a"}}}}}}
	if err := WriteObservation(dir, o); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, JSONFile), `{"format":1}`)
	for _, path := range []string{dir, filepath.Join(dir, ObservationsDir), filepath.Join(dir, ObservationsDir, "cluster-network.json")} {
		got, err := ReadObservations(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || !reflect.DeepEqual(got["cluster-network"], o) {
			t.Errorf("%s reads as %+v", path, got)
		}
	}
}

func TestObservationsRefused(t *testing.T) {
	dir := t.TempDir()
	good := `{"format":1,"scenario":"s"}`
	write(t, filepath.Join(dir, "syntax/a.json"), "{")
	write(t, filepath.Join(dir, "other/a.json"), `{"kind":"Pod"}`)
	write(t, filepath.Join(dir, "newer/a.json"), `{"format":2,"scenario":"s"}`)
	write(t, filepath.Join(dir, "twice/a.json"), good)
	write(t, filepath.Join(dir, "twice/b.json"), good)
	write(t, filepath.Join(dir, "report/report.json"), good)
	for path, words := range map[string]string{
		"absent": "no such file", "syntax": "no observation", "other": "no observation", "newer": "format 2",
		"twice": "so is", "report": "holds no observations",
	} {
		_, err := ReadObservations(filepath.Join(dir, path))
		var file *FileError
		if !errors.As(err, &file) || !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want a FileError with %q", path, err, words)
		}
	}
}

func TestReadReport(t *testing.T) {
	dir := t.TempDir()
	want := sample(t)
	if err := Write(dir, want); err != nil {
		t.Fatal(err)
	}
	got, err := Read(filepath.Join(dir, JSONFile))
	want.Format = FormatVersion
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("error %v; read\n%+v\nwrote\n%+v", err, got, want)
	}
	write(t, filepath.Join(dir, "bad.json"), `{"format":9}`)
	for _, name := range []string{"absent.json", "bad.json", JUnitFile} {
		var file *FileError
		if _, err := Read(filepath.Join(dir, name)); !errors.As(err, &file) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func FuzzParseObservation(f *testing.F) {
	f.Add([]byte(`{"format":1,"scenario":"s","stages":[{"name":"steady","vms":{"a":{}}}]}`))
	f.Add([]byte(`{"format":2}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if o, err := ParseObservation(body); err == nil && (o.Format != model.FormatVersion || o.Scenario == "") {
			t.Errorf("accepted %q as %+v", body, o)
		}
	})
}
