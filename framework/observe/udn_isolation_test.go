package observe

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

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
