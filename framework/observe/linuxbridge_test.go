package observe

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// composedBridge is the observation that the claims are tested on.
func composedBridge(t *testing.T) model.Stage {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "judge", "testdata", "composed", "linuxbridge.json"))
	if err != nil {
		t.Fatal(err)
	}
	var o model.Observation
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	return o.Stages[0]
}

// bridgeObserver is an observer that has read the API and the guests of that observation.
func bridgeObserver(t *testing.T) (*observer, model.Stage) {
	t.Helper()
	s := composedBridge(t)
	r := &scenario.Running{Scenario: linuxBridge, Namespace: "vmnet-lb"}
	for _, vm := range slices.Sorted(maps.Keys(s.VMs)) {
		r.Specs = append(r.Specs, s.VMs[vm].Spec)
	}
	o := newObserver(&bed.Bed{Underlay: &bed.Underlay{Physical: &bed.Physical{Peers: []bed.VLANPeer{
		{HostSpec: bed.HostSpec{Name: "vlan-1924", Address: "192.0.2.1", Interface: "eth0"}, VLAN: 1924, Prefix: 24},
		{HostSpec: bed.HostSpec{Name: "vlan-1925", Address: "198.51.100.1", Interface: "eth0"}, VLAN: 1925, Prefix: 25}}}}},
		r, model.Facts{}, model.Steady, nil)
	o.stage.VMs, o.stage.Networks, o.stage.Physical.Attachments = s.VMs, s.Networks, s.Physical.Attachments
	return o, s
}

// Each attempt and capture that the claims read is made, and at what they say.
func TestBridgeAttempts(t *testing.T) {
	o, want := bridgeObserver(t)
	tagging := o.guestTags()
	w := o.wirePlan(tagging)
	got := map[string]probe{}
	for _, s := range o.running.Specs {
		for _, p := range append(o.neighbourProbes(s), w.probes(o, s, tagging)...) {
			got[p.name] = p
		}
	}
	if a, b := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want.Paths)); !slices.Equal(a, b) {
		t.Fatalf("attempts %q, the claims read %q", a, b)
	}
	links := map[string]string{"vm-b1>pod/neighbour#plain": "eth1", "vm-b2>pod/neighbour#cnv": "eth1",
		"vm-b1>peer/vlan-1924#access": "eth2", "vm-b1>peer/vlan-1924#trunk": "eth3.1924"}
	for name, p := range got {
		was := want.Paths[name].Value
		if p.impossible != nil || p.path.From != "vm/"+strings.Split(name, ">")[0] || p.path.To != was.To || p.path.Kind != was.Kind {
			t.Errorf("%s: %+v, %v", name, p.path, p.impossible)
		}
		if host, _, _ := strings.Cut(strings.TrimPrefix(was.Target, "http://"), ":"); !strings.Contains(p.path.Target, "//"+host+":") {
			t.Errorf("%s: %s is not at %s", name, p.path.Target, host)
		}
		if p.by != links[name] || !strings.Contains(p.ask.show, "--interface "+links[name]+" ") {
			t.Errorf("%s leaves by %q: %s", name, p.by, p.ask.show)
		}
	}
	var all []model.Frame // both attempts' at once
	for _, r := range want.Frames {
		all = append(all, r.Value...)
	}
	for _, a := range w.attempts {
		if r := only(model.Read[[]model.Frame]{Value: all}, a.path, a.holds); asText(r.Value) != asText(want.Frames[a.path].Value) {
			t.Errorf("%s: %+v, the claims read %+v", a.path, r.Value, want.Frames[a.path].Value)
		}
	}
	if len(w.attempts) != len(want.Frames) {
		t.Errorf("%d captures, the claims read %d", len(w.attempts), len(want.Frames))
	}
}

func TestBridgeAttemptsThatCannotBeMade(t *testing.T) {
	o, _ := bridgeObserver(t)
	tagging := o.guestTags()
	tagging[0].err = errors.New("no module 8021q")
	w := o.wirePlan(tagging)
	delete(o.stage.Physical.Attachments, bridgeNeighbour)
	s := o.running.Specs[0]
	why := map[string]string{}
	for _, p := range append(o.neighbourProbes(s), w.probes(o, s, tagging)...) {
		if p.impossible != nil {
			why[p.name] = p.impossible.Error()
		}
	}
	for name, words := range map[string]string{"vm-b1>pod/neighbour#plain": "the address of pod neighbour is not known",
		"vm-b1>peer/vlan-1924#trunk": "no module 8021q"} {
		if !strings.Contains(why[name], words) {
			t.Errorf("%s: %q", name, why[name])
		}
	}
	w.start(t.Context())
	w.stop(t.Context(), o) // the underlay's hosts are not opened here
	if r := o.stage.Frames["vm-b1>peer/vlan-1924#access"]; !strings.Contains(r.Err, "no host is known as peer/vlan-1924") {
		t.Errorf("%+v", r)
	}
	o.bed.Underlay = nil
	if w := o.wirePlan(tagging); len(w.attempts) != 0 {
		t.Errorf("without a physical side: %+v", w.attempts)
	}
	if p := byLink("x", "vm-b1", "eth2", "peer/x", "http://192.0.2.1:1/", answered).read("x", map[string]answer{"x": {code: 45}}, nil); p.Failure() != nil || p.Value.Passed {
		t.Errorf("a link without address is no outcome: %+v", p)
	}
	if p := byLink("x", "vm-b1", "eth2", "peer/x", "http://192.0.2.1:1/", answered).read("x", map[string]answer{"x": {code: 2}}, nil); p.Failure() == nil {
		t.Errorf("curl that cannot begin is an outcome: %+v", p)
	}
}

// What a host hears of others is none of the attempt's, and a tag that is not the VLAN's is.
func TestFramesOfAnAttempt(t *testing.T) {
	const mac, other = "02:86:5e:00:00:22", "02:86:5e:00:00:23"
	a := wired{nic: model.InterfaceSpec{MAC: mac}}
	for name, tc := range map[string]struct {
		f    model.Frame
		want bool
	}{
		"asks, with another tag": {model.Frame{Proto: "arp", SrcMAC: mac, VLANs: []int{1925}}, true},
		"another asks":           {model.Frame{Proto: "arp", SrcMAC: other}, false},
		"the flow":               {model.Frame{Proto: "tcp", SrcMAC: mac, SrcPort: 40000, DstPort: 8080}, true},
		"its answer":             {model.Frame{Proto: "tcp", DstMAC: mac, SrcPort: 8080, DstPort: 40000}, true},
		"another flow":           {model.Frame{Proto: "tcp", SrcMAC: other, SrcPort: 40000, DstPort: 8080}, false},
		"another protocol":       {model.Frame{Proto: "udp", SrcMAC: mac, SrcPort: 68, DstPort: 67}, false},
	} {
		if a.holds(tc.f) != tc.want {
			t.Errorf("%s: %t", name, !tc.want)
		}
	}
	tags := captureOn("tags", "eth0", tagFilter)
	r := only(framesOf("here", tags, map[string]answer{"tags": {stderr: "3 packets dropped by kernel"}}, nil), "x", a.holds)
	if r.Failure() == nil || len(r.Value) != 0 {
		t.Errorf("a capture that lost frames: %+v", r)
	}
}

func TestAttachmentsOfPods(t *testing.T) {
	o, _ := bridgeObserver(t)
	status := func(name string) string {
		return `{"metadata":{"name":"` + name + `","annotations":{"` + parse.NetworkStatus + `":"[{\"name\":\"vmnet-lb/plain\",\"interface\":\"net1\",\"ips\":[\"10.3.3.11\"]}]"}}}`
	}
	pod := seen(model.Pod{})
	pod.Raw = status("neighbour")
	o.stage.Pods = map[string]model.Read[model.Pod]{bridgeNeighbour: pod, "client": seen(model.Pod{})}
	o.attachments()
	if address, err := o.neighbourAddress(); err != nil || address != "10.3.3.11" {
		t.Errorf("%q, %v", address, err)
	}
	all := o.stage.Physical.Attachments
	if len(all) != 4 || all["client"].Failure() == nil || all["vm-b1"].Failure() == nil {
		t.Errorf("a pod without the annotation has been read: %+v", all)
	}
}

func TestSysctlsOfALauncher(t *testing.T) {
	o, want := bridgeObserver(t)
	names := o.sysctlNames(o.running.Specs[0])
	for name := range want.Physical.Sysctls["vm-b1"].Value {
		if !slices.Contains(names, name) {
			t.Errorf("%s is not among %q", name, names)
		}
	}
	if len(names) != 4 { // one a link
		t.Errorf("%q", names)
	}
	if a := askSysctls(o.sysctlNames(o.running.Specs[1])); a.show != "" {
		t.Errorf("vm-b2, whose networks set none: %+v", a)
	}
	a := askSysctls([]string{"kernel.ostype", "kernel.no-such-setting"})
	answers, err := batch(t.Context(), shell{}, `in_pod() { shift; "$@"; }`, []ask{a})
	r := read("here", a, answers, err, settings)
	if r.Failure() != nil || !maps.Equal(r.Value, map[string]string{"kernel.ostype": "Linux"}) {
		t.Errorf("%+v", r)
	}
	if got, err := settings("a: 1"); err == nil {
		t.Errorf("%v", got)
	}
}

// The script lists what runtimes would find, on OpenShift and elsewhere.
func TestPluginsOfANode(t *testing.T) {
	const ovn, multus = `{"type":"ovn-k8s-cni-overlay"}`, `{"type":"multus","delegates":[{"type":"ovn-k8s-cni-overlay"}]}`
	for name, tc := range map[string]struct {
		files map[string]string
		want  model.CNI
		bad   bool
	}{
		"usual": {files: map[string]string{"etc/cni/net.d/00-multus.conf": multus, "etc/cni/net.d/10-ovn.conf": ovn, "etc/cni/net.d/multus.d/x.conf": "no",
			"etc/cni/net.d/00-note.txt": "no", "opt/cni/bin/bridge": "", "usr/lib/cni/multus": ""},
			want: model.CNI{File: "00-multus.conf", Type: "multus", Delegate: "ovn-k8s-cni-overlay", Binaries: []string{"bridge", "multus"}}},
		"OpenShift": {files: map[string]string{"etc/kubernetes/cni/net.d/00-multus.conf": multus, "etc/cni/net.d/10-ovn.conf": ovn, "var/lib/cni/bin/x": "", "opt/cni/bin/y": ""},
			want: model.CNI{File: "00-multus.conf", Type: "multus", Delegate: "ovn-k8s-cni-overlay", Binaries: []string{"x"}}},
		"no configuration": {files: map[string]string{"opt/cni/bin/bridge": ""}, bad: true},
	} {
		root := t.TempDir()
		for file, text := range tc.files {
			file = filepath.Join(root, file)
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o755)); err != nil { //nolint:gosec // programs
				t.Fatal(err)
			}
		}
		_ = os.WriteFile(filepath.Join(root, "opt/cni/bin/README"), nil, 0o600) // no program
		a := askPlugins
		a.script = strings.Replace(a.script, "/proc/1/root", root, 1)
		answers, err := batch(t.Context(), shell{}, "", []ask{a})
		r := read("here", a, answers, err, parse.CNI)
		if (r.Failure() != nil) != tc.bad || !tc.bad && asText(r.Value) != asText(tc.want) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func asText(v any) string {
	raw, _ := json.Marshal(v)
	return string(raw)
}

// What runs at guests and hosts is shell that every shell reads.
func TestBridgeScripts(t *testing.T) {
	o, _ := bridgeObserver(t)
	l := o.guestTags()[0]
	if l.vm != "vm-b1" || l.nic.Name != "trunk" || l.vlan != 1924 {
		t.Fatalf("%+v", l)
	}
	add := l.ask(addVLAN, "%d")
	for _, script := range []string{add.script, l.ask(removeVLAN, "%d").script, askPlugins.script,
		askSysctls([]string{"a.b"}).script} {
		if out, err := exec.Command("sh", "-n", "-c", script).CombinedOutput(); err != nil || strings.Contains(script, "%!") { //nolint:noctx // a test
			t.Errorf("%v: %s\n%s", err, out, script)
		}
	}
	if !strings.Contains(add.script, "index 2924 type vlan id 1924") || !strings.Contains(add.script, "= '02:86:5e:00:00:23'") {
		t.Error(add.script)
	}
}
