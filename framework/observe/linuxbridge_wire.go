package observe

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
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
	captures map[string]*vlanCapture // by the host's name
}

type vlanCapture struct {
	host    bed.Host
	process bed.Process
	err     error
}

// wirePlan finds the host for each interface on a bridge that is on a VLAN, by its port or by the guest's own tags. That
// nobody is there is seen in what the underlay says.
func (o *observer) wirePlan(tagging vlanLinks) *vlanWire {
	w := &vlanWire{captures: map[string]*vlanCapture{}}
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
				w.captures[peer.Name] = &vlanCapture{host: h, err: err}
			}
		}
	}
	return w
}

// start starts a capture at each host, on the link that carries the tags.
func (w *vlanWire) start(ctx context.Context) {
	var parts []func()
	for _, c := range w.captures {
		parts = append(parts, func() {
			if c.err != nil {
				return
			}
			ctx, cancel := context.WithTimeout(ctx, PeerTimeout)
			defer cancel()
			if c.process, c.err = c.host.Start(ctx, captureTags(c.host.Interface())...); c.err == nil {
				c.err = c.process.Await(ctx, begun)
			}
		})
	}
	together(parts...)
}

// captureTags captures the attempts' flows, and the questions for MACs without which they do not begin, with a tag and
// without. Behind the word vlan all is looked for behind the tag.
func captureTags(link string) []string {
	flows := fmt.Sprintf("arp or tcp port %d", defaultHTTPPort)
	return []string{"tcpdump", "-i", link, "-n", "-U", "--immediate-mode", "-s", "128", "-w", "-", fmt.Sprintf("%s or (vlan and (%s))", flows, flows)}
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), PeerTimeout)
	defer cancel()
	var parts []func()
	for name, c := range w.captures {
		parts = append(parts, func() {
			raw, frames, err := c.stop(ctx)
			o.mu.Lock()
			defer o.mu.Unlock()
			for _, a := range w.attempts {
				if a.peer.Name == name {
					o.stage.Frames[a.path] = a.frames(raw, frames, err)
				}
			}
		})
	}
	together(parts...)
}

func (c *vlanCapture) stop(ctx context.Context) (raw string, frames []model.Frame, err error) {
	if c.process == nil {
		return "", nil, c.err
	}
	raw, said, err := c.process.Stop(ctx)
	if err = errors.Join(c.err, err); err == nil {
		err = whole(said)
	}
	if err == nil {
		frames, err = parse.Frames([]byte(raw))
	}
	return raw, frames, err
}

// frames are the attempt's among all of a capture.
func (a wired) frames(raw string, all []model.Frame, err error) model.Read[[]model.Frame] {
	r := model.Read[[]model.Frame]{Place: "peer " + a.peer.Name, At: time.Now().UTC(), Value: []model.Frame{},
		Command: bed.CommandLine(captureTags(a.peer.Interface)) + ", while " + a.path, Raw: base64.StdEncoding.EncodeToString([]byte(raw))}
	if err != nil {
		r.Err = err.Error()
		return r
	}
	for _, f := range all {
		if a.holds(f) {
			r.Value = append(r.Value, f)
		}
	}
	return r
}
