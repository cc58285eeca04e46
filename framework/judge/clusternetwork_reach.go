package judge

import (
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// serviceByName is CN-17 and PU-17.
func (s subject) serviceByName() {
	svc, _, ok := Need(s.n, "service echo", s.stage.Services["echo"])
	if !ok {
		return
	}
	if s.facts.ClusterDomain == "" {
		s.n.Cannot("clusterDomain", "the facts have none")
		return
	}
	name := serviceName(svc, s.facts.ClusterDomain)
	if p, from, ok := s.path(s.name + ">dns/echo"); ok {
		s.n.Equal(s.what("resolves: name asked for"), from, name, "the Service", strings.TrimSuffix(p.Target, "."))
		passed(s.n, s.name+" resolves "+name, from, true, p)
		s.n.Equal(s.what("answer for "+name), from, svc.ClusterIP, "the Service's clusterIP", p.Answer)
	}
	if p, from, ok := s.path(s.name + ">service/echo"); ok {
		host, _, err := endpoint(p.Target)
		if err != nil {
			s.n.Cannot("path "+s.name+">service/echo", err.Error())
			return
		}
		s.n.Equal(s.what("reaches the Service: name dialled"), from, name, "the Service", host)
		passed(s.n, s.name+" reaches Service echo by name", from, true, p)
		s.n.OneOf(s.what("answer of Service echo"), from, svc.Backends, "the pods behind it", p.Answer)
	}
}

// CN-18.
func serviceToVM(n *Notebook, o model.Observation) {
	stage, _ := o.Stage(model.Steady)
	vm, ok := stage.VMs["vm-a"]
	if !ok {
		n.Cannot("vm-a", "nobody looked at this VM")
		return
	}
	svc, _, ok := Need(n, "service vm-a", stage.Services["vm-a"])
	if !ok {
		return
	}
	p, from, ok := Need(n, "path pod/client>service/vm-a", stage.Paths["pod/client>service/vm-a"])
	if !ok {
		return
	}
	host, _, err := endpoint(p.Target)
	if err != nil {
		n.Cannot("path pod/client>service/vm-a", err.Error())
		return
	}
	n.Equal("client to Service vm-a: address dialled", from, svc.ClusterIP, "the Service's clusterIP", host)
	passed(n, "client reaches vm-a through its Service", from, true, p)
	n.Equal("answer of Service vm-a", from, vm.Spec.Hostname, "vm-a's hostname", p.Answer)
}

// wholeMTU is CN-19. That the bigger packet is refused counts only beside the control, the packet of the MTU that passes.
func (s subject) wholeMTU() {
	mtu := s.facts.MTU
	for _, t := range []struct {
		path string
		size int
		pass bool
	}{
		{s.name + ">pod/echo#df-mtu", mtu, true},
		{"pod/client>" + s.name + "#df-mtu", mtu, true},
		{"peer/outside>" + s.name + "#df-mtu", mtu, true},
		{"peer/outside>" + s.name + "#df-mtu+1", mtu + 1, false},
	} {
		s.sized(t.path, t.size, t.pass)
	}
}

// sized is an attempt with a packet of that size, which may not be fragmented.
func (s subject) sized(path string, size int, pass bool) {
	p, from, ok := s.path(path)
	if !ok {
		return
	}
	s.n.Equal("packet size of "+path, from, size, "the cluster network's MTU", p.Size)
	passed(s.n, path, from, pass, p)
}

// portForward is CN-20 and PU-21. The guest's host key was verified, or the attempt did not pass. The name is the spec's:
// what the guest said elsewhere came the same way as this answer.
func (s subject) portForward() {
	p, from, ok := s.path("api>" + s.name)
	if !ok {
		return
	}
	passed(s.n, "port-forward to "+s.name+"'s SSH", from, true, p)
	if p.Passed {
		s.n.Equal("hostname that "+s.name+" says over port-forward", from, s.Spec.Hostname, hostnameRule(s.Spec), p.Answer)
	}
}

// CN-22. vm-b is what the policies select; vm-a stands beside it.
func networkPolicy(n *Notebook, o model.Observation) {
	for _, s := range subjects(n, o, []string{"vm-a", "vm-b"}, guests) {
		for _, t := range []struct {
			vm, path, when string
			pass           bool
		}{
			{"vm-b", "#before", "before any policy", true},
			{"vm-b", "#denied", "while ingress is denied", false},
			{"vm-b", "#allowed", "once the client is allowed", true},
			{"vm-a", "#during-deny", "while ingress to vm-b is denied", true},
		} {
			if s.name != t.vm {
				continue
			}
			p, from, ok := s.path("pod/client>" + t.vm + t.path)
			if !ok {
				continue
			}
			if ip, ok := s.podIP(); ok {
				dialled(n, "client to "+t.vm+" "+t.when, from, ip, t.vm+"'s pod IP", p)
			}
			passed(n, "client to "+t.vm+" "+t.when, from, t.pass, p)
		}
	}
}
