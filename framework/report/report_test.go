package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2/reporters"

	"github.com/vmnet-project/vmnet/framework/model"
)

var update = flag.Bool("update", false, "write the golden files anew")

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// sample has a claim of each verdict, with the long values, line breaks and odd bytes that real ones have.
func sample(t testing.TB) Report {
	t.Helper()
	rows := []Row{
		{ID: "CN-03", Scenario: "cluster-network", Profile: model.Core, Text: "k6t-eth0 is a bridge, UP, and carries exactly 10.0.2.1/24"},
		{ID: "CN-09", Scenario: "cluster-network", Profile: model.Core, Text: "The only default route goes via 10.0.2.1: proto dhcp, its own address as source, the profile's metric"},
		{ID: "CN-14", Scenario: "cluster-network", Profile: model.Extended, Text: "An external peer sees the node-edge IP"},
		{ID: "CN-20", Scenario: "cluster-network", Profile: model.Extended, Text: "The API server's port-forward reaches the guest's SSH"},
		{ID: "CN-22", Scenario: "cluster-network", Profile: model.Extended, Text: "A NetworkPolicy that denies ingress blocks"},
		{ID: "PU-24", Scenario: "primary-udn", Profile: model.Extended, Text: "A live migration keeps the gateway MAC"},
	}
	claims, err := Claims(rows, []model.Judgement{
		{ID: "CN-14", Verdict: model.NotApplicable, Reason: "outside-peer: the underlay names no host"},
		{ID: "CN-03", Verdict: model.Pass, Expected: "bridge UP 10.0.2.1/24", Observed: "bridge UP 10.0.2.1/24",
			Evidence: []model.Evidence{{What: "vm-a k6t-eth0", Expected: "10.0.2.1/24", Observed: "10.0.2.1/24", Holds: true}}},
		{ID: "CN-09", Verdict: model.Fail, Expected: "default via 10.0.2.1 dev eth0 proto dhcp src 10.0.2.2 metric 100",
			Observed: "default via 10.0.2.1 dev eth0 proto static metric 100 and-a-very-long-word-" + strings.Repeat("x", 60),
			Evidence: []model.Evidence{
				{What: "vm-a default routes", Expected: "1", Observed: "1", Holds: true},
				{What: "vm-a default route's proto", Place: "guest vm-a", Command: "ip -j route", Expected: "dhcp", Why: "the guest's profile", Observed: "static"},
			}},
		{ID: "CN-20", Verdict: model.Error, Reason: "the guest was not read", Evidence: []model.Evidence{
			{What: "vm-a port-forward", Place: "guest vm-a", Command: "ssh", Err: "dial: timeout\nafter 30s \x01<&"}}},
		{ID: "PU-24", Verdict: model.Known, Reason: "ovn-kubernetes#1234 before 1.2", Expected: "0a:58:0a:00:00:01", Observed: "0a:58:64:58:00:04"},
	}, "the run ended before it")
	if err != nil {
		t.Fatal(err)
	}
	return Report{
		GitTree: "4b825dc642cb6eb9a060e54bf8d69288fbee4904", Dirty: true, Reconstruction: true,
		Provenance: map[string]string{ProvenanceImages: ImagesFromSource},
		Started:    start, Finished: start.Add(212 * time.Second), Claims: claims,
		Timings: []Timing{
			{Step: "kernel: patch", Start: 1, Seconds: 3}, {Step: "images: kubernetes", Start: 2, Seconds: 90},
			{Step: "kernel: compile", Start: 4, Seconds: 60.5}, {Step: "observe: vm-a", Start: 100, Seconds: 0.25, Err: "timeout"},
		},
		Facts: model.Facts{At: start, MTU: 1400, GatewayMode: "shared", MasqueradeSubnet: "169.254.0.0/17", Emulation: true,
			Versions: map[string]string{"kubevirt": "v1.7.0", "kubernetes": "v1.34.4"}, ClusterSubnets: []string{"10.244.0.0/16"},
			Nodes:    []model.Node{{Name: "vmnet-worker", InternalIP: "172.18.0.3", PodSubnet: "10.244.1.0/24", EdgeIPs: []string{"172.18.0.3"}, EdgeBridge: "breth0"}},
			Features: map[model.Feature]model.Presence{model.FeatureUDN: {Present: true}, model.FeatureOutside: {Reason: "the underlay names no host"}}},
	}
}

// A claim that was selected is in the report whatever became of it, in the registry's order and words.
func TestClaims(t *testing.T) {
	rows := []Row{{ID: "A", Text: "a"}, {ID: "B", Text: "b"}}
	got, err := Claims(rows, []model.Judgement{{ID: "B", Verdict: model.Pass, Text: "other words"}}, "never reached")
	if err != nil {
		t.Fatal(err)
	}
	if got[0].ID != "A" || got[0].Verdict != model.DidNotRun || got[0].Reason != "never reached" || got[0].Text != "a" {
		t.Errorf("a claim without judgement became %+v", got[0])
	}
	if got[1].Verdict != model.Pass || got[1].Text != "b" {
		t.Errorf("a judged claim became %+v", got[1])
	}
	for name, judged := range map[string][]model.Judgement{"twice": {{ID: "A"}, {ID: "A"}}, "not selected": {{ID: "C"}}} {
		if _, err := Claims(rows, judged, ""); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("judged %s: error %v", name, err)
		}
	}
}

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		want     int
		verdicts []model.Verdict
	}{
		{ExitNothing, nil},
		{ExitProven, []model.Verdict{model.Pass}},
		{ExitProven, []model.Verdict{model.Pass, model.Known, model.NotApplicable}},
		{ExitNotProven, []model.Verdict{model.Pass, model.Fail}},
		{ExitNotProven, []model.Verdict{model.Error, model.Pass}},
		{ExitNotProven, []model.Verdict{model.DidNotRun}},
		{ExitNotProven, []model.Verdict{""}},
		{ExitNotProven, []model.Verdict{"pass"}},
	} {
		var claims []model.Judgement
		for _, v := range c.verdicts {
			claims = append(claims, model.Judgement{Verdict: v})
		}
		if got := ExitCode(claims); got != c.want {
			t.Errorf("exit code of %v is %d, want %d", c.verdicts, got, c.want)
		}
		if proven := strings.HasSuffix(Summary(claims), ": proven"); proven != (c.want == ExitProven) {
			t.Errorf("summary of %v: %s", c.verdicts, Summary(claims))
		}
	}
}

func TestGolden(t *testing.T) {
	for name, view := range map[string]View{"log.txt": {}, "terminal-100.txt": {Width: 100, Colour: true}, "narrow-60.txt": {Width: 60}} {
		var out bytes.Buffer
		if err := WriteText(&out, sample(t), view); err != nil {
			t.Fatal(err)
		}
		golden(t, name, out.Bytes())
	}
	body, err := JUnit(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "junit.xml", body)
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test ./framework/report -update writes it anew):\n%s", name, got)
	}
}

// No line of a table is wider than the terminal.
func TestTableFits(t *testing.T) {
	for _, width := range []int{95, 100, 120, 150, 220} {
		var out bytes.Buffer
		if err := WriteTable(&out, sample(t).Claims, View{Width: width}); err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(out.String(), "\n") {
			if n := len([]rune(line)); n > width {
				t.Errorf("%d columns of %d: %s", n, width, line)
			}
		}
	}
}

// The XML parses, its numbers add up, and each claim is one case with its own outcome.
func TestJUnit(t *testing.T) {
	r := sample(t)
	body, err := JUnit(r)
	if err != nil {
		t.Fatal(err)
	}
	var got reporters.JUnitTestSuites
	if err := xml.Unmarshal(body, &got); err != nil {
		t.Fatalf("%v in\n%s", err, body)
	}
	if got.Tests != 6 || got.Failures != 1 || got.Errors != 2 || got.Disabled != 2 || len(got.TestSuites) != 2 {
		t.Errorf("counts: %d tests, %d failures, %d errors, %d disabled, %d suites", got.Tests, got.Failures, got.Errors, got.Disabled, len(got.TestSuites))
	}
	outcome := map[string]string{}
	for _, s := range got.TestSuites {
		for _, c := range s.TestCases {
			switch {
			case c.Failure != nil:
				outcome[c.Name[:5]] = "failure"
			case c.Error != nil:
				outcome[c.Name[:5]] = "error"
			case c.Skipped != nil:
				outcome[c.Name[:5]] = "skipped"
			default:
				outcome[c.Name[:5]] = "passed"
			}
		}
	}
	for id, want := range map[string]string{"CN-03": "passed", "CN-09": "failure", "CN-14": "skipped", "CN-20": "error", "CN-22": "error", "PU-24": "skipped"} {
		if outcome[id] != want {
			t.Errorf("%s is %q, want %q", id, outcome[id], want)
		}
	}
}

// What a machine reads at the top level of report.json has the promised names, and lists are never null.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	r := sample(t)
	if err := Write(dir, r); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(filepath.Join(dir, JSONFile))
	if err != nil {
		t.Fatal(err)
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(body, &top); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"format", "gitTree", "dirty", "provenance", "facts", "timings", "claims", "started", "finished"} {
		if raw, ok := top[key]; !ok || string(raw) == "null" {
			t.Errorf("report.json has no %s", key)
		}
	}
	var claims []map[string]json.RawMessage
	if err := json.Unmarshal(top["claims"], &claims); err != nil {
		t.Fatal(err)
	}
	for _, c := range claims {
		for _, key := range []string{"id", "verdict", "expected", "observed", "evidence"} {
			if raw, ok := c[key]; !ok || string(raw) == "null" {
				t.Errorf("claim %s has no %s", c["id"], key)
			}
		}
	}
	names, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(names) > 0 {
		t.Errorf("left over: %v %v", names, err)
	}
	if err := Write(filepath.Join(dir, "absent"), r); err == nil {
		t.Error("writing into a directory that is not there succeeded")
	}
}

func TestNewDir(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "out")
	for _, want := range []string{"20260102-030405", "20260102-030405-2"} {
		dir, err := NewDir(parent, start)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(dir) != want {
			t.Errorf("directory is %s, want %s", dir, want)
		}
		if target, err := os.Readlink(filepath.Join(parent, "latest")); err != nil || target != want {
			t.Errorf("latest is %q, %v; want %s", target, err, want)
		}
	}
	other := t.TempDir()
	if err := os.Mkdir(filepath.Join(other, "latest"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := NewDir(other, start); err == nil {
		t.Error("a folder of somebody else's was taken for the link")
	}
}

func TestPhases(t *testing.T) {
	got := Phases(sample(t).Timings)
	want := []Phase{{Name: "kernel", Start: 1, Seconds: 63.5}, {Name: "images: kubernetes", Start: 2, Seconds: 90}, {Name: "observe: vm-a", Start: 100, Seconds: 0.25, Failed: true}}
	if len(got) != len(want) {
		t.Fatalf("phases %+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("phase %+v, want %+v", got[i], want[i])
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	r, dir := sample(b), b.TempDir()
	for range 20 { // as many claims as all scenarios have
		r.Claims = append(r.Claims, sample(b).Claims...)
	}
	b.ReportMetric(float64(len(r.Claims)), "claims")
	for b.Loop() {
		if err := Write(dir, r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTable(b *testing.B) {
	r := sample(b)
	for b.Loop() {
		if err := WriteText(new(bytes.Buffer), r, View{Width: 120}); err != nil {
			b.Fatal(err)
		}
	}
}
