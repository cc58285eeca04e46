package fault

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

func ofScript(fault string, where Where) record {
	return record{Fault: fault, Namespace: "vmnet-cn-1", Script: &reverted{Spot: spot{Where: where, Of: "vm-a", Node: "n1"}, Variables: "was='a b'\n", Revert: "echo " + fault}}
}

func opened(t *testing.T, dir, cluster string) *journal {
	t.Helper()
	j, err := openJournal(dir, cluster)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func names(records []record) string {
	var all []string
	for _, r := range records {
		all = append(all, r.Fault)
	}
	return strings.Join(all, " ")
}

func TestJournal(t *testing.T) {
	dir := t.TempDir()
	j := opened(t, dir, "c1")
	var ids []int
	for _, name := range []string{"one", "two", "three"} {
		id, err := j.add(ofScript(name, Switch))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := j.strike(ids[1]); err != nil {
		t.Fatal(err)
	}
	// another process, after this one was killed
	again := opened(t, dir, "c1")
	if got := names(again.left()); got != "three one" {
		t.Fatalf("left: %s", got)
	}
	if got := again.left()[0].Script; got.Revert != "echo three" || got.Variables != "was='a b'\n" || got.Spot.Node != "n1" {
		t.Errorf("%+v", got)
	}
	if id, err := again.add(ofScript("four", Switch)); err != nil || slices.Contains(ids, id) {
		t.Errorf("ID %d: %v", id, err)
	}
	for _, r := range again.left() {
		if err := again.strike(r.ID); err != nil {
			t.Fatal(err)
		}
		if err := again.strike(r.ID); err != nil {
			t.Errorf("a second undo: %v", err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, journalFile)); !os.IsNotExist(err) {
		t.Errorf("an empty journal is kept: %v", err)
	}
	if _, err := again.add(ofScript("five", Switch)); err != nil {
		t.Fatal(err)
	}
	if got := names(opened(t, dir, "c1").left()); got != "five" {
		t.Errorf("left: %s", got)
	}
	if got := names(opened(t, dir, "c2").left()); got != "" {
		t.Errorf("of another cluster: %s", got)
	}
	if got := names(opened(t, dir, "c1").left()); got != "" {
		t.Errorf("what belonged to another cluster was kept: %s", got)
	}
}

func TestJournalCutOff(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, journalFile)
	j := opened(t, dir, "c1")
	if _, err := j.add(ofScript("one", Switch)); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(`{"id":2,"fault":"tw`)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	again := opened(t, dir, "c1")
	if _, err := again.add(ofScript("three", Switch)); err != nil {
		t.Fatal(err)
	}
	if got := names(opened(t, dir, "c1").left()); got != "three one" {
		t.Errorf("left: %s", got)
	}
	if err := os.WriteFile(file, []byte("nonsense\n{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openJournal(dir, "c1"); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("nonsense is taken for a journal: %v", err)
	}
}

func TestNoJournal(t *testing.T) {
	var j *journal
	id, err := j.add(ofScript("one", Switch))
	if err = errors.Join(err, j.strike(id)); err != nil || j.left() != nil {
		t.Error(err)
	}
}

// place is a fake runner that notes what it was asked.
type place struct {
	ran  []string
	fail error
}

func (p *place) Place() string { return "a place" }

func (p *place) Run(_ context.Context, argv ...string) (string, error) {
	p.ran = append(p.ran, argv[len(argv)-1])
	return "", p.fail
}

// TestLeftovers takes back what a killed selftest left: the last first, nothing that is gone, all that can be.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	j := opened(t, dir, "c1")
	for _, r := range []record{ofScript("CN-1/x", Outside), ofScript("CN-2/gone", Outside), ofScript("CN-3/guest", Guest), ofScript("CN-4/y", Outside)} {
		if _, err := j.add(r); err != nil {
			t.Fatal(err)
		}
	}
	host := &place{}
	var told []string
	l := leftovers{journal: opened(t, dir, "c1"), world: &World{enterAt: func(s spot) (bed.Runner, error) { return host, nil }},
		tell:   func(line string) { told = append(told, line) },
		gone:   func(_ context.Context, _ *World, r record) (bool, error) { return r.Fault == "CN-2/gone", nil },
		attach: func(context.Context, string) (*scenario.Running, error) { return nil, errors.New("no such keys") }}
	err := l.takeBack(t.Context())
	if err == nil || !strings.Contains(err.Error(), "CN-3/guest, which an earlier selftest left: no such keys; or remove the namespaces vmnet-cn-1*") {
		t.Errorf("%v", err)
	}
	if len(host.ran) != 2 || !strings.Contains(host.ran[0], "was='a b'\necho CN-4/y") || !strings.Contains(host.ran[1], "echo CN-1/x") {
		t.Errorf("ran %q", host.ran)
	}
	if want := "took back CN-4/y, which an earlier selftest left"; len(told) != 3 || told[0] != want {
		t.Errorf("told %q", told)
	}
	again := opened(t, dir, "c1")
	if got := names(again.left()); got != "CN-3/guest" {
		t.Fatalf("left: %s", got)
	}
	attached := 0
	l.journal, l.attach = again, func(_ context.Context, namespace string) (*scenario.Running, error) {
		attached++
		return &scenario.Running{Namespace: namespace}, nil
	}
	if err := l.takeBack(t.Context()); err != nil || attached != 1 || len(opened(t, dir, "c1").left()) != 0 {
		t.Errorf("%v, attached %d times", err, attached)
	}
}

// TestScriptKeepsItsWayBack: before anything is changed it is on the disk how that is taken back, and then no more.
func TestScriptKeepsItsWayBack(t *testing.T) {
	dir := t.TempDir()
	host := &place{}
	w := &World{journal: opened(t, dir, "c1"), fault: "CN-1/x", enterAt: func(spot) (bed.Runner, error) { return host, nil }}
	r := ofScript("", Outside)
	undo, err := w.pledge(r)
	if err != nil {
		t.Fatal(err)
	}
	if got := names(opened(t, dir, "c1").left()); got != "CN-1/x" {
		t.Fatalf("left: %q", got)
	}
	host.fail = errors.New("no answer")
	if err := undo(t.Context()); err == nil || len(opened(t, dir, "c1").left()) != 1 {
		t.Errorf("an undo that failed is struck out: %v", err)
	}
	host.fail = nil
	if err := undo(t.Context()); err != nil || len(opened(t, dir, "c1").left()) != 0 {
		t.Errorf("%v", err)
	}
}
