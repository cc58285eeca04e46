package observe

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
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
