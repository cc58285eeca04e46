package observe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/transport"
)

// The names of paths that more than one place needs.
func outsidePath(vm string) string        { return vm + ">peer/outside" }
func outsideBySecondary(vm string) string { return vm + ">peer/outside#secondary" }
func datagramPath(vm string) string       { return "peer/outside>" + vm + "#df-mtu" }
func bigDatagramPath(vm string) string    { return "peer/outside>" + vm + "#df-mtu+1" }

// controlDatagram is no path that a claim judges, but the control of the two above.
func controlDatagram(vm string) string { return "peer/outside>" + vm + "#control" }

// pairs are the VMs that ping each other: across nodes, and on one.
var pairs = map[string][]string{"vm-a": {"vm-b", "vm-c"}, "vm-b": {"vm-a"}, "vm-c": {"vm-a"}}

// fromGuests makes all attempts that begin in guests: a visit for the datagrams, of which one is waited for in vain,
// and beside it one for the rest.
func (o *observer) fromGuests(ctx context.Context, p *peer) {
	var parts []func()
	for _, s := range o.guestSpecs() {
		for _, probes := range [][]probe{o.guestProbes(s.Name, p), o.datagramProbes(s.Name, p)} {
			parts = append(parts, func() {
				o.attempts(ctx, placed("guest "+s.Name), probes, o.visitor(s.Name))
			})
		}
	}
	together(parts...)
}

// guestProbes are a guest's attempts but for the datagrams.
func (o *observer) guestProbes(vm string, p *peer) []probe {
	me, echo := "vm/"+vm, o.running.Address("echo")
	name := fmt.Sprintf("echo.%s.svc.%s", o.running.Namespace, o.facts.ClusterDomain)
	probes := []probe{
		httpProbe(vm+">pod/echo", me, "pod/echo", fmt.Sprintf("http://%s:%d/clientip", echo, defaultHTTPPort), httpSeconds, clientSeen),
		resolveProbe(vm+">dns/echo", me, name),
		httpProbe(vm+">service/echo", me, "service/echo", o.serviceURL("echo", name, "/hostname"), httpSeconds, answered),
		pingProbe(vm+">pod/echo#df-mtu", me, "pod/echo", echo, "$PING", o.facts.MTU),
	}
	for _, other := range pairs[vm] {
		if ip := o.podIP(other); ip != "" {
			probes = append(probes, pingProbe(vm+">"+other, me, "vm/"+other, ip, "$PING", 0))
		}
	}
	if ports, ok := p.of(vm); ok {
		probes = append(probes,
			httpProbe(outsidePath(vm), me, "peer/outside", fmt.Sprintf("http://%s:%d/clientip", p.address(), ports.tcp), httpSeconds, clientSeen))
	}
	return probes
}

// datagramProbes ask the peer outside for datagrams: the control first, then of the MTU, then of one byte more,
// several times, so that none is taken for too big that was merely lost.
func (o *observer) datagramProbes(vm string, p *peer) []probe {
	me := "vm/" + vm
	ports, ok := p.of(vm)
	if !ok {
		return nil
	}
	return []probe{
		datagramProbe(controlDatagram(vm), me, p.address(), ports.low, lowSize, 1), // no more time than what must not come has
		datagramProbe(datagramPath(vm), me, p.address(), ports.udp, o.facts.MTU, 2),
		unwantedDatagram(bigDatagramPath(vm), me, p.address(), ports.big, o.facts.MTU+1, bigTries),
	}
}

// of gives a VM's ports at the peer.
func (p *peer) of(vm string) (peerPorts, bool) {
	if p == nil {
		return peerPorts{}, false
	}
	ports, ok := p.ports[vm]
	return ports, ok
}

// fromClient makes the attempts that begin in the client pod: HTTP inside it, pings from its network namespace by
// way of the node, because its image may have no ping.
func (o *observer) fromClient(ctx context.Context) {
	together(
		func() {
			url := o.serviceURL("vm-a", o.running.Address("service/vm-a"), "/hostname")
			o.clientProbes(ctx, httpProbe("pod/client>service/vm-a", "pod/client", "service/vm-a", url, httpSeconds, answered),
				o.attempt("vm-b", "#before", 1, httpSeconds))
		},
		func() { o.clientPings(ctx) },
	)
}

// clientProbes makes attempts in the client pod.
func (o *observer) clientProbes(ctx context.Context, probes ...probe) {
	client := o.running.Pod("client")
	o.attempts(ctx, placed(client.Place()), probes, func(ctx context.Context, asks []ask) (map[string]answer, error) {
		ctx, cancel := context.WithTimeout(ctx, VisitTimeout)
		defer cancel()
		return batch(ctx, client, probePrelude, asks)
	})
}

func (o *observer) clientPings(ctx context.Context) {
	client, known := o.fixtures["client"]
	var probes []probe
	for _, s := range o.guestSpecs() {
		one := pingProbe("pod/client>"+s.Name+"#df-mtu", "pod/client", "vm/"+s.Name, o.podIP(s.Name), `in_pod "$C" ping`, o.facts.MTU)
		one.ask.show = "nsenter -t PID -n " + one.ask.show + " # PID: a process of pod client"
		probes = append(probes, one)
	}
	o.attempts(ctx, "pod client", probes, func(ctx context.Context, asks []ask) (map[string]answer, error) {
		ctx, cancel := context.WithTimeout(ctx, VisitTimeout)
		defer cancel()
		if !known {
			return nil, errors.New("pod client is not known")
		}
		return o.onNode(ctx, client.node, bed.ProcessPrelude+fmt.Sprintf("C=$(of '%s')\n", bed.CGroupOf(client.uid)), asks)
	})
}

// portForward connects anew to each guest's SSH by the API server, and asks for its name.
func (o *observer) portForward(ctx context.Context) {
	o.bySSH(ctx, PortForwardTimeout, o.running.Connect)
}

func (o *observer) bySSH(ctx context.Context, timeout time.Duration, connect func(context.Context, string) (*transport.Guest, error)) {
	var parts []func()
	for _, s := range o.guestSpecs() {
		parts = append(parts, func() {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			r := model.Read[model.Path]{Place: "api", Command: "port-forward to port 22 of vmi " + s.Name + ", ssh, hostname",
				Value: model.Path{From: "api", To: "vm/" + s.Name, Kind: "ssh", Target: s.Name + ":22"}}
			out, err := hostnameBy(ctx, s.Name, connect)
			r.At, r.Raw = time.Now().UTC(), out
			if err != nil {
				r.Value.Detail = firstOf(err.Error())
				if _, silent := o.bed.KubeVirt.ServerVersion().Get(); silent != nil { // then it says nothing of the guest's network
					r.Err = "virt-api does not answer at all: " + silent.Error()
				}
			} else {
				r.Value.Passed, r.Value.Answer = true, strings.TrimSpace(out)
			}
			o.path("api>"+s.Name, r)
		})
	}
	together(parts...)
}

// PortForwardTimeout bounds one connection by port-forward with its SSH handshake, ForwardInVain one that is documented
// not to come about.
const (
	PortForwardTimeout = 30 * time.Second
	ForwardInVain      = 20 * time.Second
)

func hostnameBy(ctx context.Context, vm string, connect func(context.Context, string) (*transport.Guest, error)) (string, error) {
	g, err := connect(ctx, vm)
	if err != nil {
		return "", err
	}
	defer func() { _ = g.Close() }()
	return g.Run(ctx, "hostname")
}
