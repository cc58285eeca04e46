package judge

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

// recordedFile is what a run saw of the scenario on a real cluster, as it was stored; testdata may hold more of them.
const recordedFile = "clusternetwork.json"

// observations gives every recorded or composed observation by its file's name, and the first one with a spare VM added.
func observations(t testing.TB) map[string]model.Observation {
	t.Helper()
	var files []string
	for _, pattern := range []string{"testdata/*.json*", "testdata/live/secondary-udn.json.gz", "testdata/composed/*.json"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	all := map[string]model.Observation{recordedFile + " with a spare": withSpare(t, recorded(t))}
	for _, name := range files {
		all[strings.TrimPrefix(name, "testdata/")] = load(t, name)
	}
	return all
}

func recorded(t testing.TB) model.Observation {
	t.Helper()
	return load(t, filepath.Join("testdata", recordedFile))
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

// withSpare adds a VM that nobody looked into: vm-b's records with other names and addresses.
func withSpare(t testing.TB, o model.Observation) model.Observation {
	t.Helper()
	v := o.Stages[0].VMs["vm-b"]
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	ips, err := allottedIPv4(v.Pod.Value, defaultNetwork)
	if err != nil {
		t.Fatal(err)
	}
	free := ips[0].Next()
	for range 100 {
		free = free.Next()
	}
	other := strings.NewReplacer("vm-b", "vm-spare", v.Spec.Interfaces[0].MAC, "02:86:5e:00:00:12", ips[0].String(), free.String(), podMAC(ips[0]), podMAC(free))
	var spare model.VMView
	if err := json.Unmarshal([]byte(other.Replace(string(text))), &spare); err != nil {
		t.Fatal(err)
	}
	spare.Spec.Spare, spare.Guest = true, model.GuestView{}
	o.Stages[0].VMs = maps.Clone(o.Stages[0].VMs)
	o.Stages[0].VMs["vm-spare"] = spare
	return o
}
