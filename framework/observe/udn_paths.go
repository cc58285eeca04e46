package observe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// udnPairs are the VMs that ping each other: across nodes, and on one.
var udnPairs = map[string][]string{
	"vm-p": {"vm-q", "vm-r"}, "vm-q": {"vm-p"}, "vm-r": {"vm-p"},
	"vm-ps": {"vm-pt", "vm-po"}, "vm-pt": {"vm-ps"}, "vm-po": {"vm-ps"},
}

// secondaryPairs ping each other at their secondary addresses.
var secondaryPairs = map[string]string{"vm-ps": "vm-pt", "vm-pt": "vm-ps"}

// fromUDN makes all attempts that begin in guests, and reads the neighbours that a guest has then.
func (o *observer) fromUDN(ctx context.Context, p *peer, specs []model.VMSpec, more map[string][]probe) {
	var parts []func()
	for _, s := range specs {
		parts = append(parts, func() {
			o.attempts(ctx, placed("guest "+s.Name), append(o.udnProbes(s, p), more[s.Name]...), func(ctx context.Context, asks []ask) (map[string]answer, error) {
				neighbours := askNeighbours
				neighbours.after = true
				answers, err := o.visit(ctx, s.Name, append(asks, neighbours))
				o.view(s.Name, func(v *model.VMView) {
					v.Guest.Neighbours = read(placed("guest "+s.Name), neighbours, answers, err, parse.Neighbours)
				})
				return answers, err
			})
		})
	}
	together(parts...)
}

// udnProbes are a guest's attempts that must pass.
func (o *observer) udnProbes(s model.VMSpec, p *peer) []probe {
	vm := s.Name
	me, echo := "vm/"+vm, o.podAddress("echo")
	name := fmt.Sprintf("echo.%s.svc.%s", o.running.Namespace, o.facts.ClusterDomain)
	pod := httpProbe(vm+">pod/echo", me, "pod/echo", fmt.Sprintf("http://%s:%d/clientip", echo, defaultHTTPPort), httpSeconds, clientSeen)
	pod.impossible = unknown("pod echo", echo)
	probes := []probe{pod,
		resolveProbe(vm+">dns/echo", me, name),
		httpProbe(vm+">service/echo", me, "service/echo", o.serviceURL("echo", name, "/hostname"), httpSeconds, answered)}
	for _, other := range udnPairs[vm] {
		ip := o.vmAddress(other, primary)
		small := pingProbe(vm+">"+other, me, "vm/"+other, ip, "$PING", 0)
		whole := pingProbe(vm+">"+other+"#df-mtu", me, "vm/"+other, ip, "$PING", o.facts.MTU)
		small.impossible = unknown(other, ip)
		whole.impossible = small.impossible
		probes = append(probes, small, whole)
	}
	if other, ok := secondaryPairs[vm]; ok {
		ip := o.vmAddress(other, secondary)
		one := pingProbe(vm+">"+other+"#secondary", me, "vm/"+other, ip, "$PING", 0)
		one.impossible = unknown(other, ip)
		probes = append(probes, one)
	}
	if egress, ok := o.egress(vm, p); ok {
		probes = append(probes, egress)
	}
	return probes
}

// egress asks the peer outside for the client's address, from a port by which the flow is found again on its way.
func (o *observer) egress(vm string, p *peer) (probe, bool) {
	ports, ok := p.of(vm)
	if !ok {
		return probe{}, false
	}
	url := fmt.Sprintf("http://%s:%d/clientip", p.address(), ports.tcp)
	return o.fromPort(outsidePath(vm), "vm/"+vm, "peer/outside", url, 1, httpSeconds, clientSeen), true
}

// onPlace is an attempt from a pod's network namespace by way of its node, or from the node itself, where pod is empty.
type onPlace struct {
	probe
	node, pod string
}

// fromNodes makes attempts by one visit a node.
func (o *observer) fromNodes(ctx context.Context, all []onPlace) {
	byNode := map[string][]onPlace{}
	for _, one := range all {
		if one.node == "" && one.impossible == nil {
			one.impossible = fmt.Errorf("pod %s is not known", one.pod)
		}
		byNode[one.node] = append(byNode[one.node], one)
	}
	var parts []func()
	for _, node := range slices.Sorted(maps.Keys(byNode)) {
		prelude, probes := o.entering(byNode[node])
		parts = append(parts, func() {
			o.attempts(ctx, placed("node "+node), probes, func(ctx context.Context, asks []ask) (map[string]answer, error) {
				ctx, cancel := context.WithTimeout(ctx, VisitTimeout)
				defer cancel()
				if node == "" {
					return nil, errors.New("the node is not known")
				}
				return o.onNode(ctx, node, prelude, asks)
			})
		})
	}
	together(parts...)
}

// entering says once where each pod's processes are, and each attempt where it is made.
func (o *observer) entering(all []onPlace) (prelude string, probes []probe) {
	prelude = bed.ProcessPrelude + probePrelude + kubeletPrelude
	variable := map[string]string{}
	for _, one := range all {
		p := one.probe
		if one.pod == "" {
			probes = append(probes, p)
			continue
		}
		v, ok := variable[one.pod]
		if !ok {
			v = fmt.Sprintf("C%d", len(variable))
			variable[one.pod] = v
			prelude += fmt.Sprintf("%s=$(of '%s')\n", v, bed.CGroupOf(o.fixtures[one.pod].uid))
		}
		p.at = placed("pod " + one.pod)
		p.ask.show = "nsenter -t PID -n " + p.ask.show + " # PID: a process of pod " + one.pod
		p.ask.script = fmt.Sprintf("C=$%s\n%s", v, p.ask.script)
		probes = append(probes, p)
	}
	return prelude, probes
}
