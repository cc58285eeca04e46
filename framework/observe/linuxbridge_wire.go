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

// wired is an attempt at the host on a VLAN, at a port of its own, by which its frames are told from others'.
type wired struct {
	path, vm string
	nic      model.InterfaceSpec
	peer     bed.VLANPeer
	port     int
}

// holds says whether a frame is the attempt's: of its flow, or a question or answer of its NIC's on the way to it.
func (a *wired) holds(f model.Frame) bool {
	return f.SrcPort == a.port || f.DstPort == a.port || f.Proto == "arp" && strings.EqualFold(f.SrcMAC, a.nic.MAC)
}

// vlanWire is what hosts on VLANs do in a round: they answer HTTP with the client's address, and capture what comes by.
type vlanWire struct {
	attempts []*wired
	hosts    map[string]*wireHost // by name
}

type wireHost struct {
	host    bed.Host
	process bed.Process
	ports   []int
	err     error
}

// wirePlan finds the host for each interface on a bridge that is on a VLAN, by its port or by the guest's own tags.
func (o *observer) wirePlan(tagging vlanLinks) *vlanWire {
	w := &vlanWire{hosts: map[string]*wireHost{}}
	for _, s := range o.running.Specs {
		for _, i := range s.Interfaces {
			asked := o.networkAsked(i)
			vlan := asked.VLAN
			if l := tagging.of(s.Name, i); l != nil {
				vlan = l.vlan
			}
			if asked.Bridge != "" && vlan != 0 {
				w.plan(o, s.Name, i, vlan)
			}
		}
	}
	return w
}

func (w *vlanWire) plan(o *observer, vm string, i model.InterfaceSpec, vlan int) {
	p, ok := o.bed.Physical()
	if !ok {
		return
	}
	at := slices.IndexFunc(p.Peers, func(h bed.VLANPeer) bool { return h.VLAN == vlan })
	if at < 0 {
		return // nobody is there: the claim says so of the peers
	}
	a := &wired{vm: vm, nic: i, peer: p.Peers[at], port: portsOf(o.running.Namespace, len(w.attempts)).tcp}
	a.path = fmt.Sprintf("%s>peer/%s#%s", vm, a.peer.Name, i.Name)
	w.attempts = append(w.attempts, a)
	h := w.hosts[a.peer.Name]
	if h == nil {
		h = &wireHost{}
		h.host, h.err = o.hostAt("peer/" + a.peer.Name)
		w.hosts[a.peer.Name] = h
	}
	h.ports = append(h.ports, a.port)
}

// start starts listeners and capture at each host.
func (w *vlanWire) start(ctx context.Context) {
	var parts []func()
	for _, h := range w.hosts {
		parts = append(parts, func() {
			if h.err != nil {
				return
			}
			ctx, cancel := context.WithTimeout(ctx, PeerTimeout)
			defer cancel()
			if h.process, h.err = h.host.Start(ctx, "sh", "-c", wireScript(h.host.Interface(), h.ports)); h.err == nil {
				h.err = h.process.Await(ctx, begun) // tcpdump's word; socat is silent
			}
		})
	}
	together(parts...)
}

// wireFilter finds the flows, and the questions for MACs without which they do not begin, with a tag and without. Behind the
// word vlan all is looked for behind the tag.
func wireFilter(ports []int) string {
	terms := []string{"arp"}
	for _, p := range ports {
		terms = append(terms, fmt.Sprintf("tcp port %d", p))
	}
	e := strings.Join(terms, " or ")
	return fmt.Sprintf("%s or (vlan and (%s))", e, e)
}

// wireScript is as peerScript, on a link whose frames have tags.
func wireScript(link string, ports []int) string {
	var b strings.Builder
	b.WriteString(httpScript(`%s:%s" $SOCAT_PEERADDR $SOCAT_PEERPORT`) + "\npids=\n")
	for _, port := range ports {
		fmt.Fprintf(&b, "socat TCP4-LISTEN:%d,reuseaddr,fork SYSTEM:'eval $HTTP' </dev/null & pids=\"$pids $!\"\n", port)
	}
	fmt.Fprintf(&b, "tcpdump -i %s -n -e -U --immediate-mode -s 128 -w - '%s' </dev/null & pids=\"$pids $!\"\n", link, wireFilter(ports))
	b.WriteString("trap 'kill $pids' INT TERM\nwait; wait\n")
	return b.String()
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
		if h := w.hosts[a.peer.Name]; h.err != nil {
			err = errors.Join(err, fmt.Errorf("the listeners at peer %s did not begin: %w", a.peer.Name, h.err))
		}
		url := fmt.Sprintf("http://%s:%d/clientip", a.peer.Address, a.port)
		probes = append(probes, byLink(a.path, a.vm, link, "peer/"+a.peer.Name, url, clientSeen).because(err))
	}
	return probes
}

// stop ends all at the hosts and keeps each attempt's frames.
func (w *vlanWire) stop(ctx context.Context, o *observer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), PeerTimeout)
	defer cancel()
	var parts []func()
	for name, h := range w.hosts {
		parts = append(parts, func() {
			capture, said, frames, err := h.stop(ctx)
			o.mu.Lock()
			defer o.mu.Unlock()
			for _, a := range w.attempts {
				if a.peer.Name != name {
					continue
				}
				if r := o.stage.Paths[a.path]; r.Err == "" && !r.Value.Passed && notBound(said, a.port) {
					r.Err = "the peer's listener could not begin: its port is taken"
					o.stage.Paths[a.path] = r
				}
				r := model.Read[[]model.Frame]{Place: "peer " + name, At: time.Now().UTC(), Value: []model.Frame{},
					Command: fmt.Sprintf("tcpdump -i %s -e -w - '%s', while %s", a.peer.Interface, wireFilter(h.ports), a.path),
					Raw:     base64.StdEncoding.EncodeToString([]byte(capture))}
				if err != nil {
					r.Err = err.Error()
				}
				for _, f := range frames {
					if a.holds(f) {
						r.Value = append(r.Value, f)
					}
				}
				o.stage.Frames[a.path] = r
			}
		})
	}
	together(parts...)
}

func (h *wireHost) stop(ctx context.Context) (capture, said string, frames []model.Frame, err error) {
	if h.process == nil {
		return "", "", nil, h.err
	}
	capture, said, err = h.process.Stop(ctx)
	if err = errors.Join(h.err, err); err == nil {
		err = whole(said)
	}
	if err == nil {
		frames, err = parse.Frames([]byte(capture))
	}
	return capture, said, frames, err
}
