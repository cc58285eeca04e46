package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/report"
	"github.com/vmnet-project/vmnet/internal/progress"
)

func verdicts(t *testing.T, dir string) (report.Report, map[model.Verdict]int) {
	t.Helper()
	r, err := report.Read(filepath.Join(dir, report.JSONFile))
	if err != nil {
		t.Fatal(err)
	}
	return r, report.Counts(r.Claims)
}

// From its first moment on a run has a report in which nothing has run; what ends it early is told, and what was
// judged until then is kept.
func TestRecord(t *testing.T) {
	claims := judge.All()
	p := progress.New(new(bytes.Buffer))
	defer p.Close()
	out := t.TempDir()
	rec := &record{claims: claims, p: p}
	if err := rec.end(errors.New("before there was a directory")); err != nil {
		t.Fatal(err)
	}
	if err := rec.begin(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	latest := filepath.Join(out, "latest")
	if _, counts := verdicts(t, latest); counts[model.DidNotRun] != len(claims) {
		t.Errorf("at the beginning: %v", counts)
	}
	p.Step("kernel: compile")(nil)
	rec.judged = []model.Judgement{{ID: claims[0].ID, Verdict: model.Pass}}
	if err := rec.end(errors.New("the machine died: it has ended\n  Kernel panic")); err != nil {
		t.Fatal(err)
	}
	r, counts := verdicts(t, latest)
	if counts[model.DidNotRun] != len(claims)-1 || counts[model.Pass] != 1 {
		t.Errorf("at the end: %v", counts)
	}
	if r.Stopped != "the machine died: it has ended" || r.Claims[1].Reason == "" {
		t.Errorf("stopped: %q, reason %q", r.Stopped, r.Claims[1].Reason)
	}
	if len(r.Timings) != 1 || r.Timings[0].Step != "kernel: compile" {
		t.Errorf("timings: %+v", r.Timings)
	}
	if err := os.RemoveAll(rec.dir); err != nil { // as a full disk, it takes no file
		t.Fatal(err)
	}
	if err := rec.end(nil); exitCode(t.Context(), err) != report.ExitSetup || !strings.Contains(err.Error(), "--out") {
		t.Errorf("a report that cannot be written: %v", err)
	}
}

// What a bed was made of is in the report, and whether that was built from source.
func TestRecordProvenance(t *testing.T) {
	dir := t.TempDir()
	for body, want := range map[string]bool{`{"images":"source"}`: true, `{"images":"registry"}`: false, `{}`: false} {
		if err := os.WriteFile(filepath.Join(dir, bed.ProvenanceFile), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		var rec record
		if err := rec.of(&bed.Bed{Dir: dir}); err != nil || rec.report.Reconstruction != want {
			t.Errorf("%s: reconstruction %v, %v", body, rec.report.Reconstruction, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, bed.ProvenanceFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := new(record).of(&bed.Bed{Dir: dir}); exitCode(t.Context(), err) != report.ExitInput {
		t.Errorf("broken provenance: %v", err)
	}
	if err := new(record).of(&bed.Bed{Dir: t.TempDir()}); err != nil {
		t.Errorf("no provenance: %v", err)
	}
}

// The recorded observations are the first look that the README promises.
func TestJudgeRecorded(t *testing.T) {
	out := t.TempDir()
	got := vmnet(t, nil, "judge", "../../framework/judge/testdata", "--out", out)
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	if got.code != 0 || !strings.HasSuffix(lines[len(lines)-1], ": proven") || got.stderr != "" {
		t.Errorf("exit code %d, last line %q, stderr %q", got.code, lines[len(lines)-1], got.stderr)
	}
	for _, c := range recordedClaims(t) {
		if !strings.Contains(got.stdout, "\n "+c.ID+" │") {
			t.Errorf("%s is not in the table", c.ID)
		}
	}
	if again := vmnet(t, nil, "judge", "../../framework/judge/testdata", "--claims", "CN-09"); again.code != 0 || strings.Contains(again.stdout, "CN-10") {
		t.Errorf("one claim alone: %+v", again)
	}
	if r, _ := verdicts(t, out); len(r.Claims) != len(recordedClaims(t)) {
		t.Errorf("%d claims in the report", len(r.Claims))
	}
}

// recordedClaims are those of the scenario whose recording lies there.
func recordedClaims(t *testing.T) []judge.Claim {
	t.Helper()
	claims, err := judge.Select([]string{judge.ClusterNetwork}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return claims
}
