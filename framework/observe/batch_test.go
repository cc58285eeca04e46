package observe

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// shell is this machine's own sh as a place.
type shell struct{}

func (shell) Place() string { return "test shell" }

func (shell) Run(ctx context.Context, argv ...string) (string, error) {
	var out bytes.Buffer
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.Stdout = &out
	err := c.Run()
	return out.String(), err
}

func TestBatch(t *testing.T) {
	asks := []ask{
		{id: "plain", show: "echo one; echo two"},
		{id: "no newline", show: "printf x"},
		{id: "fails", show: "echo before; echo why >&2; echo more >&2; exit 3"},
		{id: "missing", show: "no-such-command-here"},
		{id: "silent", show: "true"},
		{id: "other script", show: "as shown", script: "echo $P"},
		{id: "stdin", show: "cat"},
		{id: "quotes", show: `printf '%s\n' 'a "b" $c \'`},
	}
	got, err := batch(context.Background(), shell{}, "P=prelude", asks)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]answer{
		"plain":        {stdout: "one\ntwo\n"},
		"no newline":   {stdout: "x"},
		"fails":        {stdout: "before\n", stderr: "why\nmore", code: 3},
		"silent":       {},
		"other script": {stdout: "prelude\n"},
		"stdin":        {},
		"quotes":       {stdout: "a \"b\" $c \\\n"},
	} {
		if got[id] != want {
			t.Errorf("%s: got %+v, want %+v", id, got[id], want)
		}
	}
	if a := got["missing"]; a.code != 127 || a.stderr == "" {
		t.Errorf("missing command: %+v", a)
	}
}

// What can wait at the same time does; what comes after sees what was there before.
func TestBatchAtOnce(t *testing.T) {
	place := t.TempDir()
	asks := []ask{{id: "after", show: "cat " + place + "/1 " + place + "/2", after: true}}
	for _, id := range []string{"1", "2", "3", "4"} {
		asks = append(asks, ask{id: id, show: "sleep 0.5; echo " + id + " >" + place + "/" + id})
	}
	began := time.Now()
	got, err := batch(context.Background(), shell{}, "", asks)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 1900*time.Millisecond {
		t.Errorf("four waits of half a second took %s", took)
	}
	if got["after"].stdout != "1\n2\n" {
		t.Errorf("%+v", got["after"])
	}
}

// Nothing stays at the place, also when the shell is interrupted.
func TestBatchLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	if _, err := batch(context.Background(), shell{}, "", []ask{{id: "x", show: "echo x"}}); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("sh", "-c", script("m", "", []ask{{id: "x", show: "kill -TERM $$; sleep 5"}})) //nolint:noctx // a test
	if err := c.Run(); err == nil {
		t.Error("an interrupted batch ended well")
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestReadKeepsFailures(t *testing.T) {
	asks := []ask{{id: "good", show: "echo 1"}, {id: "bad", show: "echo half; echo no >&2; exit 1"}}
	answers, err := batch(context.Background(), shell{}, "", asks)
	text := func(s string) (string, error) { return strings.TrimSpace(s), nil }
	if r := read("test shell", asks[0], answers, err, text); r.Failure() != nil || r.Value != "1" || r.Command != "echo 1" || r.Place != "test shell" {
		t.Errorf("%+v", r)
	}
	if r := read("test shell", asks[1], answers, err, text); r.Failure() == nil || !strings.Contains(r.Err, "no") || r.Raw != "half\n" {
		t.Errorf("%+v", r)
	}
	if r := read("test shell", ask{id: "other"}, answers, err, text); r.Failure() == nil {
		t.Errorf("%+v", r)
	}
	if r := read("test shell", asks[0], nil, errors.New("no way in"), text); r.Err != "no way in" {
		t.Errorf("%+v", r)
	}
	if r := read("test shell", asks[0], answers, nil, func(string) (int, error) { return 0, errors.New("no number") }); r.Err != "no number" || r.Raw == "" {
		t.Errorf("%+v", r)
	}
}

func TestSplitCut(t *testing.T) {
	for _, out := range []string{"", "x", "x\nm 0\n", "x\nm zero\n\nm\n", "x\nm 0\ny\nm\nz"} {
		if a, err := split("m", out, []ask{{id: "1"}, {id: "2"}}); !errors.Is(err, errCut) {
			t.Errorf("%q: %v, %v", out, a, err)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("x\nm 0\ny\nm\nz\nm 1\n\nm\n")
	f.Fuzz(func(t *testing.T, out string) {
		if a, err := split("m", out, []ask{{id: "1"}, {id: "2"}}); err == nil && len(a) != 2 {
			t.Errorf("%d answers of 2", len(a))
		}
	})
}
