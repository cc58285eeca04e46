package observe

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// seen is a look that succeeded.
func seen[T any](v T) model.Read[T] {
	return read("test", ask{id: "x"}, map[string]answer{"x": {}}, nil, func(string) (T, error) { return v, nil })
}

// on are networks' allotments: role and address.
func on(pairs ...string) model.Pod {
	p := model.Pod{Allotted: map[string]model.Allotment{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		p.Allotted[pairs[i]] = model.Allotment{Role: pairs[i], CIDRs: []string{pairs[i+1] + "/24"}}
	}
	return p
}

// primaryUDN is an observer that has read the API of a primary network: twin-a has client's address, twin-b echo's.
func primaryUDN() *observer {
	o := newObserver(&bed.Bed{}, &scenario.Running{Scenario: "primary-udn", Namespace: "vmnet-pu-x", Specs: []model.VMSpec{
		{Name: "vm-l3", Group: "layer3", Spare: true}, {Name: "vm-o", Group: "other"}, {Name: "vm-p"}, {Name: "vm-q"}, {Name: "vm-r"},
		{Name: "vm-spare", Spare: true}}}, model.Facts{MTU: 1400, ClusterDomain: "cluster.local"}, model.Steady, nil)
	for vm, address := range map[string]string{"vm-p": "10.1.1.5", "vm-q": "10.1.1.6", "vm-r": "10.1.1.7", "vm-spare": "10.1.1.8", "vm-o": "10.7.7.4"} {
		o.launchers[vm] = place{pod: "virt-launcher-" + vm, uid: vm, node: "n1"}
		o.view(vm, func(v *model.VMView) {
			v.Pod = seen(on(primary, address, locked, "10.244.0."+address[len(address)-1:]))
		})
	}
	o.view("vm-l3", func(v *model.VMView) { v.VMI = seen(model.VMI{Phase: "Running"}) })
	for pod, address := range map[string]string{"client": "10.1.1.3", "echo": "10.1.1.4", "twin-a": "10.1.1.3", "twin-b": "10.1.1.4",
		"client-default": "10.244.0.20", "echo-default": "10.244.1.21", "client-other": "10.7.7.3", "client-layer3": "10.8.0.3"} {
		o.fixtures[pod] = place{pod: pod, uid: pod, node: "n2"}
		o.stage.Pods[pod] = seen(on(primary, address))
	}
	return o
}

func secondaryUDN() *observer {
	o := newObserver(&bed.Bed{}, &scenario.Running{Scenario: "secondary-udn", Specs: []model.VMSpec{{Name: "vm-po"}, {Name: "vm-ps",
		Interfaces: []model.InterfaceSpec{{Name: "default"}, {Name: "secondary-udn", Network: "secondary-udn"}}}, {Name: "vm-pt"}}},
		model.Facts{}, model.Steady, nil)
	for i, vm := range []string{"vm-po", "vm-ps", "vm-pt"} {
		last := string(rune('3' + i))
		o.launchers[vm] = place{pod: "virt-launcher-" + vm, uid: vm, node: "n1"}
		o.view(vm, func(v *model.VMView) {
			v.Pod = seen(on(primary, "10.1.1."+last, secondary, "10.2.2."+last, locked, "10.244.0."+last))
		})
	}
	return o
}

func names(i isolation) map[string]probe {
	all := map[string]probe{}
	for _, probes := range i.fromGuests {
		for _, p := range probes {
			all[p.name] = p
		}
	}
	for _, p := range i.fromNodes {
		all[p.name] = p.probe
	}
	return all
}

func TestIsolationOfAPrimaryNetwork(t *testing.T) {
	o := primaryUDN()
	i := o.isolation()
	got := names(i)
	want := map[string]string{ // to, target
		"pod/client-default>launcher/vm-p":    "launcher/vm-p http://10.244.0.5:8090/",
		"node>launcher/vm-p":                  "launcher/vm-p http://10.244.0.5:8090/",
		"kubelet>launcher/vm-p":               "launcher/vm-p http://10.244.0.5:8090/",
		"vm-p>pod/echo-default":               "pod/echo-default http://10.244.1.21:8080/hostname",
		"pod/client-default>pod/echo-default": "pod/echo-default http://10.244.1.21:8080/hostname",
		"vm-p>vm/vm-o":                        "vm/vm-o http://10.7.7.4:8080/hostname",
		"pod/client-other>vm/vm-o":            "vm/vm-o http://10.7.7.4:8080/hostname",
		"pod/twin-a>vm-unshared":              "vm/vm-p http://10.1.1.5:8080/hostname",
		"pod/client>vm-unshared":              "vm/vm-p http://10.1.1.5:8080/hostname",
		"pod/twin-a>pod/twin-b":               "pod/twin-b http://10.1.1.4:8080/hostname",
		"pod/client>shared":                   "pod/echo http://10.1.1.4:8080/hostname",
		"pod/twin-a>shared":                   "pod/twin-b http://10.1.1.4:8080/hostname",
	}
	if g, w := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(g, w) {
		t.Errorf("paths:\n%q, want\n%q", g, w)
	}
	ports := map[int]bool{}
	for name, w := range want {
		p := got[name]
		if p.path.To+" "+p.path.Target != w || p.impossible != nil || ports[p.path.ClientPort] || p.path.ClientPort == 0 {
			t.Errorf("%s: %+v, %v", name, p.path, p.impossible)
		}
		ports[p.path.ClientPort] = true
	}
	if r := o.stage.Paths["pod/client-layer3>vm-l3"]; r.Failure() != nil || r.Value.Passed || r.Value.Detail != "no address" {
		t.Errorf("without an address: %+v", r)
	}
	var captures []string
	for _, c := range i.captures {
		for _, f := range c.flows {
			captures = append(captures, c.what+" "+c.link+": "+f.path+" "+strings.Join(f.hosts, " "))
		}
	}
	wantCaptures := []string{
		"pod echo-default eth0: vm-p>pod/echo-default 10.1.1.5 10.244.0.5", "pod echo-default eth0: pod/client-default>pod/echo-default ",
		"launcher vm-o tap0: vm-p>vm/vm-o 10.1.1.5 10.244.0.5", "launcher vm-o tap0: pod/client-other>vm/vm-o ",
		"launcher vm-p tap0: pod/twin-a>vm-unshared ", "launcher vm-p tap0: pod/client>vm-unshared "}
	if !slices.Equal(captures, wantCaptures) {
		t.Errorf("captures:\n%q, want\n%q", captures, wantCaptures)
	}
	w := o.plan(i)
	if nodes := w.nodes(); !slices.Equal(nodes, []string{"n1", "n2"}) || len(w.asks("n1")) != 3 || len(w.asks("n2")) != 1 {
		t.Errorf("%q %+v", nodes, w)
	}
}

// A VM that took a twin's address is not the one that only the main network has.
func TestSharedAddress(t *testing.T) {
	o := primaryUDN()
	o.stage.Pods["twin-a"] = seen(on(primary, "10.1.1.5"))
	got := names(o.isolation())
	if p := got["pod/twin-b>shared"].path; p.To != "pod/twin-a" || p.Target != "http://10.1.1.5:8080/hostname" || got["pod/client>shared"].path.To != "vm/vm-p" {
		t.Errorf("%+v %+v", p, got["pod/client>shared"].path)
	}
	if p := got["pod/twin-a>vm-unshared"].path; p.To != "vm/vm-r" {
		t.Errorf("%+v", p)
	}
	delete(o.stage.Pods, "twin-a")
	delete(o.stage.Pods, "twin-b")
	got = names(o.isolation())
	for _, name := range []string{"pod/client>shared", "pod/twin-b>shared", "pod/twin-a>pod/twin-b"} {
		if r := got[name].read("x", nil, nil); r.Failure() == nil {
			t.Errorf("%s: nothing shared was found: %+v", name, r)
		}
	}
}

func TestIsolationOfASecondaryNetwork(t *testing.T) {
	i := secondaryUDN().isolation()
	got := names(i)
	if p := got["vm-po>vm-ps#secondary"].path; len(got) != 2 || p.Target != "http://10.2.2.4:8080/hostname" || got["vm-pt>vm-ps#secondary-http"].path.Target != p.Target {
		t.Errorf("%+v", got)
	}
	if len(i.captures) != 1 || i.captures[0].link != "tap2eae7330186" {
		t.Errorf("%+v", i.captures)
	}
	if f := i.captures[0].flows[0]; !slices.Equal(f.hosts, []string{"10.1.1.3", "10.244.0.3"}) {
		t.Errorf("%+v", f)
	}
}

func TestPathsOfAGuest(t *testing.T) {
	o := primaryUDN()
	p := &peer{ports: map[string]peerPorts{"vm-p": {tcp: 20000}}, host: elsewhere{}}
	var got []string
	for _, one := range o.udnProbes(model.VMSpec{Name: "vm-p"}, p) {
		got = append(got, one.name)
	}
	want := []string{"vm-p>pod/echo", "vm-p>dns/echo", "vm-p>service/echo", "vm-p>vm-q", "vm-p>vm-q#df-mtu", "vm-p>vm-r", "vm-p>vm-r#df-mtu", "vm-p>peer/outside"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	delete(o.stage.Pods, "echo")
	if r := o.udnProbes(model.VMSpec{Name: "vm-q"}, nil)[0].read("x", nil, nil); r.Failure() == nil {
		t.Errorf("without echo's address: %+v", r)
	}
	var second []string
	for _, one := range secondaryUDN().udnProbes(model.VMSpec{Name: "vm-ps"}, nil) {
		second = append(second, one.name)
	}
	if !slices.Contains(second, "vm-ps>vm-pt#secondary") {
		t.Errorf("%q", second)
	}
}

// elsewhere is a host outside that only has an address.
type elsewhere struct{ bed.Host }

func (elsewhere) Address() string { return "192.0.2.1" }
func (elsewhere) Place() string   { return "peer outside" }

func TestFromPort(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl here")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.RemoteAddr)) }))
	closed := httptest.NewServer(nil)
	closed.Close()
	defer server.Close()
	o := primaryUDN()
	try := func(url, prelude string, understand func(*model.Path, answer) error) (probe, model.Read[model.Path]) {
		one := o.fromPort("a>b", "a", "b", url, 2, 3, understand)
		answers, err := batch(context.Background(), shell{}, bed.ProcessPrelude+probePrelude+prelude, []ask{one.ask})
		return one, one.read("x", answers, err)
	}
	one, r := try(server.URL, "", clientSeen)
	if r.Failure() != nil || !r.Value.Passed || r.Value.SourcePort != one.path.ClientPort || r.Value.ClientPort != one.path.ClientPort {
		t.Errorf("answered: %+v", r)
	}
	if one, r = try(closed.URL, "", answered); r.Failure() != nil || r.Value.Passed || r.Value.ClientPort != one.path.ClientPort || strings.Contains(r.Value.Detail, portMark) {
		t.Errorf("refused: %+v", r)
	}
	for name, prelude := range map[string]string{"no process": "C=\n", "a process that is gone": "C=999999999\n", "no curl": "curl() { return 127; }\n"} {
		if _, r = try(server.URL, prelude, answered); r.Failure() == nil || r.Value.Passed {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestAsKubelet(t *testing.T) {
	o := primaryUDN()
	one := asKubelet(o.fromPort("kubelet>x", "kubelet", "x", "http://127.0.0.1:1/", 1, 3, answered))
	if !strings.HasPrefix(one.ask.script, "try 1 as_kubelet curl ") {
		t.Fatal(one.ask.script)
	}
	// here is no kubelet, or no right to find it: either way nothing was tried
	answers, err := batch(context.Background(), shell{}, probePrelude+kubeletPrelude, []ask{one.ask})
	if r := one.read("x", answers, err); r.Failure() == nil || r.Value.Passed {
		t.Errorf("%+v", r)
	}
}

func TestBannered(t *testing.T) {
	for name, tc := range map[string]struct {
		a              answer
		passed, failed bool
	}{
		"greets":     {answer{stdout: "SSH-"}, true, false},
		"no answer":  {answer{stderr: "2026/11/25 socat[7] E connecting to AF=2 10.8.1.3:22: Connection timed out", code: 1}, false, false},
		"silent":     {answer{code: 124}, false, false},
		"no process": {answer{stderr: "nsenter: cannot open /proc/7/ns/net: No such file or directory", code: 1}, false, true},
	} {
		p := model.Path{}
		if err := bannered(&p, tc.a); p.Passed != tc.passed || (err != nil) != tc.failed {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func TestFollow(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "parse", "testdata", "wire", "conntrack-egress-n1.txt"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := parse.Conntrack(string(text))
	if err != nil {
		t.Fatal(err)
	}
	got := follow(all, "10.1.1.4", 51322)
	var replies []string
	for _, e := range got {
		replies = append(replies, e.Reply.Dst)
	}
	slices.Sort(replies)
	if !slices.Equal(replies, []string{"10.1.1.4", "10.1.1.4", "169.254.0.19", "192.168.77.11"}) {
		t.Errorf("%+v", got)
	}
	if got := follow(all, "10.1.1.4", 1); len(got) != 0 {
		t.Errorf("another connection's: %+v", got)
	}
}

func TestFlows(t *testing.T) {
	o := primaryUDN()
	path := outsidePath("vm-p")
	at := seen(model.Path{ClientPort: 40000})
	o.path(path, at)
	p := &peer{host: elsewhere{}}
	const line = "tcp 6 9 SYN_SENT src=10.1.1.5 dst=192.0.2.1 sport=40000 dport=1 [UNREPLIED] src=192.0.2.1 dst=169.254.0.11 sport=1 dport=5 mark=0 use=1\n"
	o.flows("n1", p, map[string]answer{flowsID: {stdout: line}}, nil)
	if f := o.stage.Flows[path]; f.Failure() != nil || len(f.Value.Entries) != 1 || f.Raw != line {
		t.Errorf("%+v", f)
	}
	if f := o.stage.Flows[outsidePath("vm-q")]; f.Failure() == nil {
		t.Errorf("one that nobody tried: %+v", f)
	}
	o.flows("n1", p, map[string]answer{flowsID: {stderr: "conntrack: not found", code: 127}}, nil)
	if f := o.stage.Flows[path]; f.Failure() == nil {
		t.Errorf("%+v", f)
	}
}

func TestCapture(t *testing.T) {
	pcap, err := os.ReadFile(filepath.Join("..", "parse", "testdata", "wire", "outside.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	c := capture{what: "launcher vm-o", at: place{pod: "x", uid: "u", node: "n1"}, link: firstTap, flows: []captured{
		{path: "refused", hosts: []string{"10.1.1.3"}, port: 40000}, {path: "control", port: 33450}}}
	if want := "host 10.1.1.3 or port 33450 or port 40000"; c.filter() != want {
		t.Errorf("%q, want %q", c.filter(), want)
	}
	const well = "tcpdump: listening on tap0, link-type EN10MB (Ethernet), snapshot length 128 bytes\n9 packets captured\n0 packets dropped by kernel"
	for name, tc := range map[string]struct {
		said    string
		code    int
		control int
		fails   bool
	}{
		"whole":       {said: well, control: 10},
		"lost frames": {said: strings.Replace(well, "\n0", "\n3", 1), fails: true},
		"not begun":   {said: "tcpdump: tap0: No such device exists", fails: true},
	} {
		got := c.frames(map[string]answer{c.ask().id: {stdout: string(pcap), stderr: tc.said}}, nil)
		r, control := got["refused"], got["control"]
		if (r.Failure() != nil) != tc.fails || (control.Failure() != nil) != tc.fails || len(r.Value) != 0 || len(control.Value) != tc.control {
			t.Errorf("%s: %v, %d frames; control %v, %d frames", name, r.Failure(), len(r.Value), control.Failure(), len(control.Value))
		}
	}
}

func TestListenerThatDidNotBegin(t *testing.T) {
	o := primaryUDN()
	o.path("node>launcher/vm-p", seen(model.Path{To: "launcher/vm-p"}))
	asks := []ask{{id: "launcher/vm-p"}, {id: flowsID, after: true}}
	o.listened(asks, map[string]answer{"launcher/vm-p": {stderr: "2026/11/25 socat[9] N listening on AF=2 10.244.0.5:8090"}}, nil)
	if r := o.stage.Paths["node>launcher/vm-p"]; r.Failure() != nil {
		t.Errorf("%+v", r)
	}
	o.listened(asks, map[string]answer{"launcher/vm-p": {stderr: "E bind: Address already in use"}}, nil)
	if r := o.stage.Paths["node>launcher/vm-p"]; r.Failure() == nil {
		t.Error("a refusal by a listener that was not there counts")
	}
}

func TestExchanged(t *testing.T) {
	got, err := exchanged("sent 0\nanswered 0 1000\nsent 1\nanswered 1 1210\nsent 2\nanswered 2 4710\nsent 3\n")
	want := model.Connection{Sent: 4, Answered: 3, LongestGap: 3.5}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for text, broken := range map[string]bool{
		"sent 0\nanswered 0 1\nsent 1\nended 1\n":                              true,
		"2026/11/25 socat[9] E read(5, 0x5, 8192): Connection reset by peer\n": true,
		"2026/11/25 socat[9] N whatever\n":                                     false,
	} {
		if got, err := exchanged(text); err != nil || (got.Broken != "") != broken {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"answered 1 5\n", "answered 0 soon\n"} {
		if got, err := exchanged(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func FuzzExchanged(f *testing.F) {
	f.Add("sent 0\nanswered 0 1000\nended 1\n")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = exchanged(text) })
}

func TestScriptsParse(t *testing.T) {
	o := primaryUDN()
	i := o.isolation()
	scripts := []string{echoScript, exchangeScript("pod(x|y)", "10.1.1.5"), askLeases.script}
	for _, node := range []string{"n1", "n2"} {
		scripts = append(scripts, watchScript("m", bed.ProcessPrelude, o.plan(i).asks(node)))
	}
	prelude, probes := o.entering(i.fromNodes)
	var asks []ask
	for _, p := range probes {
		asks = append(asks, p.ask)
	}
	scripts = append(scripts, script("m", prelude, asks))
	for _, s := range scripts {
		if out, err := exec.Command("sh", "-n", "-c", s).CombinedOutput(); err != nil { //nolint:noctx // a test
			t.Errorf("%v: %s\n%s", err, out, s)
		}
	}
}

func TestTurns(t *testing.T) {
	o := primaryUDN()
	for stage, want := range map[string][]string{model.Restarted: {"vm-q", "vm-spare"}, model.Migrated: {"vm-r", "vm-spare"}, model.Deleted: nil} {
		if got := o.changing(stage); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", stage, got, want)
		}
	}
	if got := secondaryUDN().changing(model.Restarted); !slices.Equal(got, []string{"vm-pt"}) {
		t.Errorf("%q", got)
	}
	for _, stage := range []string{model.Restarted, model.Migrated, model.Deleted} {
		o := primaryUDN()
		o.didNotCome(stage, context.DeadlineExceeded)
		for _, s := range o.concerned(stage) {
			if v := o.stage.VMs[s.Name]; v.Pod.Failure() == nil || v.Guest.Links.Failure() == nil {
				t.Errorf("%s: %s: %+v", stage, s.Name, v)
			}
		}
		if stage == model.Deleted && (o.stage.Removal.Err == "" || o.stage.Paths[doomedPath].Err == "") {
			t.Errorf("%+v", o.stage)
		}
		if stage == model.Migrated && (o.stage.Connections["pod/client>vm-r"].Err == "" || o.stage.Paths["vm-p>peer/outside"].Err == "") {
			t.Errorf("%+v", o.stage)
		}
	}
}
