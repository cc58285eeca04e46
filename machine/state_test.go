package machine

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

func TestStateRoundTrip(t *testing.T) {
	dir := t.TempDir()
	if s, err := readState(dir); s != nil || err != nil {
		t.Fatalf("no file: got %v, %v", s, err)
	}
	want := &state{
		Name: "a", Links: [2]string{"h", "m"}, Host: netip.MustParsePrefix("192.168.128.77/30"),
		Address: netip.MustParseAddr("192.168.128.78"), Disk: "/d", Kernel: "/k", Root: "/r",
		Process:  &process{PID: 7, Started: 8, Boot: "b"},
		MapCount: &savedValue{Old: 65530, Set: 4194304}, Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	if err := want.write(dir); err != nil {
		t.Fatal(err)
	}
	got, err := readState(dir)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	want.Process, want.MapCount = nil, nil
	if err := want.write(dir); err != nil {
		t.Fatal(err)
	}
	if got, err = readState(dir); err != nil || got.Process != nil || got.MapCount != nil {
		t.Errorf("without a process: %+v, %v", got, err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("%d files left, want the state alone: %v", len(names), err)
	}
}

func TestBrokenStateIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, stateFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readState(dir); err == nil {
		t.Error("no error")
	}
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		o  Options
		ok bool
	}{
		{Options{Cache: "c"}, true},
		{Options{Cache: "c", Name: "a-1"}, true},
		{Options{}, false},
		{Options{Cache: "c", Name: "../a"}, false},
		{Options{Cache: "c", Name: "A"}, false},
		{Options{Cache: "c", Name: "-a"}, false},
	} {
		o, err := c.o.complete()
		if (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.o, err)
		}
		if err == nil && (!filepath.IsAbs(o.Cache) || o.Name == "" || o.MemoryMiB == 0 || o.DiskGiB == 0 || o.Step == nil) {
			t.Errorf("%+v is not complete", o)
		}
	}
}

func TestLinksAreShortAndDiffer(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range []Options{{Cache: "/a", Name: "x"}, {Cache: "/a", Name: "y"}, {Cache: "/b", Name: "x"}} {
		for _, l := range o.links() {
			if len(l) > 15 {
				t.Errorf("%s is longer than an interface's name may be", l)
			}
			if seen[l] {
				t.Errorf("%s twice", l)
			}
			seen[l] = true
		}
	}
}

func TestRestoringTheMapCountIsInherited(t *testing.T) {
	cache := t.TempDir()
	a := Options{Cache: cache, Name: "a"}
	b := Options{Cache: cache, Name: "b"}
	self, err := identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ other, want *savedValue }{
		"needed it as it was": {nil, &savedValue{Old: 100, Set: 200}},
		"raised it further":   {&savedValue{Old: 200, Set: 300}, &savedValue{Old: 100, Set: 300}},
	} {
		if err := os.MkdirAll(b.stateDir(), 0o755); err != nil {
			t.Fatal(err)
		}
		other := &state{Name: "b", Process: self, MapCount: c.other}
		if err := other.write(b.stateDir()); err != nil {
			t.Fatal(err)
		}
		if err := giveBack(a, &state{Name: "a", MapCount: &savedValue{Old: 100, Set: 200}}); err != nil {
			t.Fatal(err)
		}
		got, err := readState(b.stateDir())
		if err != nil || !reflect.DeepEqual(got.MapCount, c.want) {
			t.Errorf("%s: got %+v, %v, want %+v", name, got.MapCount, err, c.want)
		}
	}
}
