package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// linuxBridge is the scenario of VMs on Linux bridges of their nodes.
const linuxBridge = "linux-bridge"

// bridgeNeighbour is the pod that VMs reach on the bridge.
const bridgeNeighbour = "neighbour"

// linuxBridge makes one round of VMs on Linux bridges: first what nodes and the API say, then, with the links that guests
// have to make for it, their insides and their attempts. Lost ways are walked before these links are gone.
func (o *observer) linuxBridge(ctx context.Context) {
	o.step("api", func() { o.api(ctx) })
	o.attachments()
	o.vlanPeers()
	tagging := o.guestTags()
	w := o.wirePlan(tagging)
	o.step("reads", func() {
		together(
			func() { o.step("nodes", func() { o.nodes(ctx) }) },
			func() { o.step("network plugins", func() { o.plugins(ctx) }) },
			func() { o.step("sysctls in launchers", func() { o.sysctls(ctx) }) },
			func() { o.step("captures at peers", func() { w.start(ctx) }) },
			func() { o.step("VLAN links in guests", func() { tagging.add(ctx, o) }) },
		)
	})
	defer o.step("captures", func() {
		together(func() { w.stop(ctx, o) }, func() { tagging.remove(ctx, o) })
	})
	// LB-03 is about the VLAN links' leases alone, and these were waited for
	o.step("guests and leases", func() {
		together(func() { o.guests(ctx, o.running.Specs) }, func() { o.served(ctx) })
	})
	o.step("paths", func() { o.onBridge(ctx, w, tagging) })
	o.walk(ctx)
}

// onBridge makes the attempts of each VM: at the pod on its bridge, and at hosts on VLANs.
func (o *observer) onBridge(ctx context.Context, w *vlanWire, tagging vlanLinks) {
	var parts []func()
	for _, s := range o.running.Specs {
		probes := append(o.neighbourProbes(s), w.probes(o, s, tagging)...)
		parts = append(parts, func() { o.attempts(ctx, placed("guest "+s.Name), probes, o.visitor(s.Name)) })
	}
	together(parts...)
}

// byPlugin says whether the plugin gives addresses on a network on a bridge: on those without VLAN and without a chain.
func byPlugin(asked model.NetworkSpec) bool {
	return asked.Bridge != "" && asked.VLAN == 0 && len(asked.Trunk) == 0 && len(asked.Plugins) == 1
}

// neighbourProbes are a VM's attempts at the pod on the bridge, one by each interface whose plugin gives addresses.
func (o *observer) neighbourProbes(s model.VMSpec) []probe {
	var probes []probe
	for _, i := range s.Interfaces {
		asked := o.networkAsked(i)
		if !byPlugin(asked) {
			continue
		}
		address, known := o.neighbourAddress()
		url := fmt.Sprintf("http://%s:%d/hostname", address, defaultHTTPPort)
		name := s.Name + ">pod/" + bridgeNeighbour + "#" + i.Name
		probes = append(probes, o.byNIC(name, s, i, "pod/"+bridgeNeighbour, url, answered).because(known))
	}
	return probes
}

// because says why an attempt cannot be made, if anything does.
func (p probe) because(errs ...error) probe {
	p.impossible = errors.Join(append([]error{p.impossible}, errs...)...)
	return p
}

// byNIC is an HTTP exchange by the guest's NIC of an interface, whatever its routes say.
func (o *observer) byNIC(name string, s model.VMSpec, i model.InterfaceSpec, to, url string, understand func(*model.Path, answer) error) probe {
	link, err := o.guestNIC(s.Name, i)
	return byLink(name, s.Name, link, to, url, understand).because(err)
}

// byLink is the same by a link of the guest's. That there is no answer is an outcome, and also that the link cannot be
// used, as one without address.
func byLink(name, vm, link, to, url string, understand func(*model.Path, answer) error) probe {
	command := fmt.Sprintf("curl -sS --max-time %d --interface %s %s", httpSeconds, link, url)
	return probe{name: name, path: model.Path{From: "vm/" + vm, To: to, Kind: "http", Target: url}, by: link,
		ask: ask{id: name, show: command}, understand: func(p *model.Path, a answer) error {
			const unusable = 45 // CURLE_INTERFACE_FAILED
			if a.code != 0 && a.code != unusable && !slices.Contains(noAnswer, a.code) {
				return fmt.Errorf("exit code %d: %s", a.code, firstOf(a.stderr, a.stdout))
			}
			return understand(p, a)
		}}
}

// networkAsked is what the manifest of an interface's network asks for; nothing for the cluster's.
func (o *observer) networkAsked(i model.InterfaceSpec) model.NetworkSpec {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.networkOf(i.Network)
}

// guestNIC is the guest's link of an interface, which has its MAC and is no VLAN's on top of it.
func (o *observer) guestNIC(vm string, i model.InterfaceSpec) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	links := o.stage.VMs[vm].Guest.Links
	if err := links.Failure(); err != nil {
		return "", fmt.Errorf("the guest's links: %w", err)
	}
	at := slices.IndexFunc(links.Value, func(l model.Link) bool { return i.MAC != "" && strings.EqualFold(l.MAC, i.MAC) && l.Kind != vlanKind })
	if at < 0 {
		return "", fmt.Errorf("the guest has no NIC with MAC %q", i.MAC)
	}
	return links.Value[at].Name, nil
}

// neighbourAddress is the pod's on the bridge, by network-status.
func (o *observer) neighbourAddress() (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	rows, looked := o.stage.Physical.Attachments[bridgeNeighbour]
	if !looked {
		return "", unknown("pod "+bridgeNeighbour, "")
	}
	for _, r := range rows.Value {
		if !r.Default && len(r.IPs) > 0 {
			return r.IPs[0], nil
		}
	}
	return "", errors.Join(rows.Failure(), fmt.Errorf("network-status of pod %s has no address on a network of its own", bridgeNeighbour))
}
