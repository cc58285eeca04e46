package judge

import (
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// CN-16.
func vmToVM(n *Notebook, o model.Observation) {
	vms := map[string]subject{}
	nodes := map[string]string{}
	for _, s := range subjects(n, o, clusterNetworkVMs, guests) {
		vms[s.name] = s
	}
	for _, name := range clusterNetworkVMs {
		s, ok := vms[name]
		if !ok {
			return
		}
		pod, _, ok := Need(n, s.what("pod"), s.Pod)
		if !ok {
			return
		}
		nodes[name] = pod.Node
	}
	var sameNode, across bool
	for _, pair := range [][2]string{{"vm-a", "vm-b"}, {"vm-b", "vm-a"}, {"vm-a", "vm-c"}, {"vm-c", "vm-a"}} {
		src, dst := vms[pair[0]], vms[pair[1]]
		p, from, ok := src.path(src.name + ">" + dst.name)
		if !ok {
			continue
		}
		where := "across nodes"
		if nodes[src.name] == nodes[dst.name] {
			where = "on one node"
			sameNode = true
		} else {
			across = true
		}
		dialled(n, src.name+" to "+dst.name, from, dst, p)
		passed(n, src.name+" reaches "+dst.name+" "+where, from, true, p)
	}
	if !sameNode || !across {
		n.Cannot("pairs on one node and across nodes", "vm-a runs on "+nodes["vm-a"]+", vm-b on "+nodes["vm-b"]+", vm-c on "+nodes["vm-c"])
	}
}

// dialled compares what was dialled with the VM's pod IP.
func dialled(n *Notebook, what string, from Source, s subject, p model.Path) {
	ip, ok := s.podIP()
	if !ok {
		return
	}
	got, _, err := endpoint(p.Target)
	if err != nil {
		n.Cannot(what, err.Error())
		return
	}
	n.Equal(what+": address dialled", from, ip, s.name+"'s pod IP", got)
}

// CN-17.
func serviceByName(n *Notebook, o model.Observation) {
	stage, _ := o.Stage(model.Steady)
	svc, _, ok := Need(n, "service echo", stage.Services["echo"])
	if !ok {
		return
	}
	if o.Facts.ClusterDomain == "" {
		n.Cannot("clusterDomain", "the facts have none")
		return
	}
	name := serviceName(svc, o.Facts.ClusterDomain)
	for _, s := range subjects(n, o, clusterNetworkVMs, guests) {
		if p, from, ok := s.path(s.name + ">dns/echo"); ok {
			n.Equal(s.what("resolves: name asked for"), from, name, "the Service", strings.TrimSuffix(p.Target, "."))
			passed(n, s.name+" resolves "+name, from, true, p)
			n.Equal(s.what("answer for "+name), from, svc.ClusterIP, "the Service's clusterIP", p.Answer)
		}
		if p, from, ok := s.path(s.name + ">service/echo"); ok {
			host, _, err := endpoint(p.Target)
			if err != nil {
				n.Cannot("path "+s.name+">service/echo", err.Error())
				continue
			}
			n.Equal(s.what("reaches the Service: name dialled"), from, name, "the Service", host)
			passed(n, s.name+" reaches Service echo by name", from, true, p)
			n.OneOf(s.what("answer of Service echo"), from, svc.Backends, "the pods behind it", p.Answer)
		}
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

// CN-19. That the bigger packet is refused counts only beside the control, the packet of the MTU that passes.
func wholeMTU(n *Notebook, o model.Observation) {
	mtu := o.Facts.MTU
	for _, s := range subjects(n, o, clusterNetworkVMs, guests) {
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
			p, from, ok := s.path(t.path)
			if !ok {
				continue
			}
			n.Equal("packet size of "+t.path, from, t.size, "the cluster network's MTU", p.Size)
			passed(n, t.path, from, t.pass, p)
		}
	}
}

// CN-20. The guest's host key was verified, or the attempt did not pass. The name is the spec's: what the guest said
// elsewhere came the same way as this answer.
func portForward(n *Notebook, o model.Observation) {
	for _, s := range subjects(n, o, clusterNetworkVMs, guests) {
		p, from, ok := s.path("api>" + s.name)
		if !ok {
			continue
		}
		passed(n, "port-forward to "+s.name+"'s SSH", from, true, p)
		n.Equal("hostname that "+s.name+" says over port-forward", from, s.Spec.Hostname, hostnameRule(s.Spec), p.Answer)
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
			dialled(n, "client to "+t.vm+" "+t.when, from, s, p)
			passed(n, "client to "+t.vm+" "+t.when, from, t.pass, p)
		}
	}
}
