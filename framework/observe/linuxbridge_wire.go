package observe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

// wired is an attempt at the host on a VLAN. Its frames are told from others' by the NIC's MAC.
type wired struct {
	path, vm string
	nic      model.InterfaceSpec
	peer     bed.VLANPeer
}

// holds says whether a frame is the attempt's, or a question or answer of its NIC's on the way to it.
func (a wired) holds(f model.Frame) bool {
	of := strings.EqualFold(f.SrcMAC, a.nic.MAC) || strings.EqualFold(f.DstMAC, a.nic.MAC)
	return of && (f.Proto == "arp" || f.SrcPort == defaultHTTPPort || f.DstPort == defaultHTTPPort)
}

// vlanWire is what hosts on VLANs see of a round.
type vlanWire struct {
	attempts []wired
	captures map[string]*tagCapture // by the host's name
}

// tagCapture is one at a host, on the link that carries the tags.
type tagCapture struct {
	host  bed.Host
	tags  ask
	watch *watch
	err   error // why there is none
}

// wirePlan finds the host for each interface on a bridge that is on a VLAN, by its port or by the guest's own tags. That
// nobody is there is seen in what the underlay says.
func (o *observer) wirePlan(tagging vlanLinks) *vlanWire {
	w := &vlanWire{captures: map[string]*tagCapture{}}
	p, ok := o.bed.Physical()
	if !ok {
		return w
	}
	for _, s := range o.running.Specs {
		for _, i := range s.Interfaces {
			asked := o.networkAsked(i)
			vlan := asked.VLAN
			if l := tagging.of(s.Name, i); l != nil {
				vlan = l.vlan
			}
			at := slices.IndexFunc(p.Peers, func(h bed.VLANPeer) bool { return h.VLAN == vlan })
			if asked.Bridge == "" || at < 0 {
				continue
			}
			peer := p.Peers[at]
			w.attempts = append(w.attempts, wired{path: fmt.Sprintf("%s>peer/%s#%s", s.Name, peer.Name, i.Name), vm: s.Name, nic: i, peer: peer})
			if w.captures[peer.Name] == nil {
				h, err := o.hostAt("peer/" + peer.Name)
				w.captures[peer.Name] = &tagCapture{host: h, err: err}
			}
		}
	}
	return w
}

// start starts the captures.
func (w *vlanWire) start(ctx context.Context) {
	var parts []func()
	for _, c := range w.captures {
		if c.err == nil {
			parts = append(parts, func() {
				c.tags = captureOn("tags", c.host.Interface(), tagFilter)
				c.watch = startWatch(ctx, c.host.Start, "", []ask{c.tags})
			})
		}
	}
	together(parts...)
}

// probes are a VM's attempts at hosts on VLANs, each by the NIC that is on the VLAN or by the guest's own link there.
func (w *vlanWire) probes(o *observer, s model.VMSpec, tagging vlanLinks) []probe {
	var probes []probe
	for _, a := range w.attempts {
		if a.vm != s.Name {
			continue
		}
		link, err := o.guestNIC(a.vm, a.nic)
		if l := tagging.of(a.vm, a.nic); l != nil {
			link, err = l.name(o)
		}
		url := fmt.Sprintf("http://%s:%d/clientip", a.peer.Address, defaultHTTPPort)
		probes = append(probes, byLink(a.path, a.vm, link, "peer/"+a.peer.Name, url, clientSeen).because(err))
	}
	return probes
}

// stop ends all captures, also when the round was interrupted, and keeps each attempt's frames.
func (w *vlanWire) stop(ctx context.Context, o *observer) {
	var parts []func()
	for name, c := range w.captures {
		parts = append(parts, func() {
			all := c.stop(ctx, placed("peer "+name))
			o.mu.Lock()
			defer o.mu.Unlock()
			for _, a := range w.attempts {
				if a.peer.Name == name {
					o.stage.Frames[a.path] = only(all, a.path, a.holds)
				}
			}
		})
	}
	together(parts...)
}

func (c *tagCapture) stop(ctx context.Context, at placed) model.Read[[]model.Frame] {
	if c.watch == nil {
		return framesOf(at, ask{show: "tcpdump"}, nil, c.err)
	}
	answers, err := c.watch.stop(ctx)
	return framesOf(at, c.tags, answers, err)
}
