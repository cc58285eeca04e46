package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/kubernetes/fake"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// Every attempt of the isolation's that is tried more than once is there to be refused, and no other.
func TestWhatMustFail(t *testing.T) {
	for _, o := range []*observer{primaryUDN(), secondaryUDN()} {
		i := o.isolation()
		var all []probe
		for _, p := range i.fromGuests {
			all = append(all, p...)
		}
		for _, p := range i.fromNodes {
			all = append(all, p.probe)
		}
		vain := 0
		for _, p := range all {
			refused := strings.Contains(p.ask.script, fmt.Sprintf("try %d ", vainTries))
			if refused {
				vain++
			}
			if refused != (p.ends == mustFail) {
				t.Errorf("%s: ends %d, %q", p.name, p.ends, p.ask.script)
			}
		}
		if vain == 0 {
			t.Error("nothing is refused")
		}
	}
}

func TestHowPoliciesAndSizesEnd(t *testing.T) {
	o := newObserver(&bed.Bed{}, &scenario.Running{Scenario: clusterNetwork}, model.Facts{}, model.Steady, nil)
	for name, c := range map[string]struct {
		p    probe
		want ending
	}{
		"denied":            {o.refused(60, policySeconds), mustFail},
		"before the denial": {o.attempt("vm-b", "#before", 1, httpSeconds), mustPass},
		"too big":           {unwantedDatagram("x", "vm/vm-a", "192.0.2.1", 20002, 1401, bigTries), mustFail},
		"of the MTU":        {datagramProbe("x", "vm/vm-a", "192.0.2.1", 20001, 1400, 2), mustPass},
		"a ping":            {pingProbe("x", "vm/vm-a", "vm/vm-b", "10.244.1.6", "$PING", 0), mustPass},
	} {
		if c.p.ends != c.want {
			t.Errorf("%s ends %d, want %d", name, c.p.ends, c.want)
		}
	}
}

// lostOn is an observer that made attempts at a place where nothing passes.
func lostOn(t *testing.T, probes ...probe) *observer {
	t.Helper()
	o := newObserver(&bed.Bed{Kube: fake.NewClientset()}, &scenario.Running{Scenario: clusterNetwork}, model.Facts{}, model.Steady, nil)
	o.attempts(t.Context(), "node n1", probes, func(_ context.Context, asks []ask) (map[string]answer, error) {
		answers := map[string]answer{}
		for _, a := range asks {
			answers[a.id] = answer{code: 28, stderr: "curl: (28) timed out"}
		}
		return answers, nil
	})
	return o
}

func toEcho(name, from string) probe {
	p := httpProbe(name, from, "pod/echo", "http://10.244.1.9:8080/hostname", 1, answered)
	return p
}

func TestWhatIsWalked(t *testing.T) {
	impossible := toEcho("impossible", "pod/a")
	impossible.impossible = errors.New("not known")
	spoilt := toEcho("spoilt", "pod/a")
	o := lostOn(t, toEcho("a", "pod/a"), toEcho("refused", "pod/a").to(mustFail), toEcho("either", "pod/a").to(mayFail), impossible, spoilt)
	o.spoil(errors.New("the listener did not begin"), "spoilt")
	var names []string
	for _, l := range o.lostPaths() {
		names = append(names, l.probe.name)
	}
	if !slices.Equal(names, []string{"a"}) {
		t.Errorf("walked: %v", names)
	}
}

// Each client's first path comes before any client's second.
func TestOrderOfWalks(t *testing.T) {
	o := newObserver(&bed.Bed{}, &scenario.Running{}, model.Facts{}, model.Steady, nil)
	for _, l := range []struct{ name, at string }{{"a1", "guest a"}, {"a2", "guest a"}, {"a3", "guest a"}, {"b1", "guest b"}, {"c1", "pod c"}, {"c2", "pod c"}} {
		o.path(l.name, seen(model.Path{}))
		o.remember(lost{probe: probe{name: l.name}, at: placed(l.at)})
	}
	var names []string
	for _, l := range o.lostPaths() {
		names = append(names, l.probe.name)
	}
	if got := strings.Join(names, " "); got != "a1 b1 c1 a2 c2 a3" {
		t.Error(got)
	}
}

func TestEndsOfAPath(t *testing.T) {
	for name, c := range map[string]struct {
		l         lost
		near, far string
	}{
		"from a guest":         {lost{at: "guest vm-a", probe: toEcho("x", "vm/vm-a")}, "vm/vm-a", "pod/echo"},
		"asked for by guest":   {lost{at: "guest vm-a", probe: datagramProbe("x", "vm/vm-a", "192.0.2.1", 1, 1400, 1)}, "vm/vm-a", "peer/outside"},
		"from a pod's node":    {lost{at: "node n1", probe: toEcho("x", "pod/client")}, "pod/client", "pod/echo"},
		"from the node itself": {lost{at: "node n1", probe: toEcho("x", "kubelet")}, "kubelet", "pod/echo"},
	} {
		if c.l.near() != c.near || c.l.far() != c.far {
			t.Errorf("%s: from %s to %s", name, c.l.near(), c.l.far())
		}
	}
}

// A walk that can look nowhere says so at every hop, makes nothing else fail, and ends.
func TestWalkThatSeesNothing(t *testing.T) {
	var probes []probe
	for i := range walks + 1 {
		probes = append(probes, toEcho(fmt.Sprintf("path%d", i), "pod/client"))
	}
	o := lostOn(t, probes...)
	o.fixtures["client"] = place{pod: "client", uid: "c", node: "n1"}
	o.walk(t.Context())
	for i := range walks + 1 {
		r := o.stage.Paths[fmt.Sprintf("path%d", i)]
		if r.Failure() != nil || r.Value.Passed || len(r.Value.Hops) == 0 {
			t.Errorf("path%d: %+v", i, r)
		}
		for _, h := range r.Value.Hops {
			if h.Seen.Failure() == nil {
				t.Errorf("path%d: %+v was seen", i, h)
			}
		}
		if notOne := r.Value.Hops[0].Seen.Err == notWalked[0].Seen.Err; notOne != (i == walks) {
			t.Errorf("path%d: %+v", i, r.Value.Hops)
		}
	}
}

// Nothing is walked once the round was interrupted, nor where nothing was lost.
func TestNothingToWalk(t *testing.T) {
	o := lostOn(t, toEcho("x", "pod/client"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o.walk(ctx)
	if hops := o.stage.Paths["x"].Value.Hops; hops != nil {
		t.Errorf("%+v", hops)
	}
	none := lostOn(t)
	none.walk(t.Context())
}

// An attempt is made again from another port, and known by it.
func TestFresh(t *testing.T) {
	o := primaryUDN()
	p := o.fromPort("x", "pod/a", "pod/b", "http://10.1.1.4:8080/", 1, httpSeconds, answered)
	again := o.fresh(p)
	if again.path.ClientPort == p.path.ClientPort || strings.Contains(again.ask.script, fmt.Sprint(p.path.ClientPort)) ||
		!strings.Contains(again.ask.script, fmt.Sprintf("--local-port %d ", again.path.ClientPort)) {
		t.Errorf("%d, then %d: %s", p.path.ClientPort, again.path.ClientPort, again.ask.script)
	}
	if ping := o.fresh(pingProbe("x", "a", "b", "10.1.1.4", "ping", 0)); ping.path.ClientPort != 0 {
		t.Errorf("%+v", ping.path)
	}
}

func TestBehindService(t *testing.T) {
	o := newObserver(&bed.Bed{}, &scenario.Running{Scenario: clusterNetwork, Specs: []model.VMSpec{{Name: "vm-a", Hostname: "alpha"}}}, model.Facts{}, model.Steady, nil)
	o.fixtures["echo"] = place{pod: "echo"}
	o.stage.Services["echo"] = seen(model.Service{ClusterIP: "10.96.0.6", Backends: []string{"gone", "echo"}})
	o.stage.Services["vm-a"] = seen(model.Service{ClusterIP: "10.96.0.7", Backends: []string{"alpha"}})
	for name, want := range map[string]string{"service/echo": "pod/echo 10.96.0.6", "service/vm-a": "vm/vm-a 10.96.0.7", "service/none": "service/none ", "vm/vm-a": "vm/vm-a "} {
		if end, address := o.behindService(name); end+" "+address != want {
			t.Errorf("%s: %s at %s", name, end, address)
		}
	}
}
