package observe

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// vlanHost is a host on a VLAN, with what was started there for this round: a capture on its link on the VLAN, and, where
// VMs are on that, one on the link that carries the tags.
type vlanHost struct {
	spec   bed.VLANPeer
	host   bed.Host // nil where the bed has none of that name
	guests []vlanGuest
	view   model.PhysicalPeer
	link   model.Link
	watch  *watch
	// tags, heard and neighbours are what the watch is asked for; one that is not made has no id.
	tags, heard, neighbours ask
	err                     error
}

// vlanGuest is a VM on a VLAN, as it is known on the wire.
type vlanGuest struct {
	vm, mac string
	vlan    int
}

// vlanHosts are the hosts on VLANs.
func (o *observer) vlanHosts() []*vlanHost {
	physical, ok := o.bed.Physical()
	if !ok {
		return nil
	}
	var guests []vlanGuest
	for _, s := range o.guestSpecs() {
		if i, vlan := o.vlanInterface(s); vlan != 0 {
			guests = append(guests, vlanGuest{vm: s.Name, mac: strings.ToLower(i.MAC), vlan: vlan})
		}
	}
	var hosts []*vlanHost
	for _, p := range physical.Peers {
		host, _ := o.bed.Peer(p.Name)
		hosts = append(hosts, &vlanHost{spec: p, host: host, guests: guests,
			view: model.PhysicalPeer{VLAN: p.VLAN, Address: p.Address, Prefix: p.Prefix}})
	}
	return hosts
}

func (h *vlanHost) place() placed { return placed("peer " + h.spec.Name) }

var askHostLinks = ask{id: "links", show: ipAddr}

// start finds the host's link on the VLAN and begins the captures.
func (h *vlanHost) start(ctx context.Context) {
	answers, err := visitHost(ctx, h.host, askHostLinks)
	h.view.Links = read(h.place(), askHostLinks, answers, err, parse.Links)
	if h.err = h.view.Links.Failure(); h.err == nil {
		h.err = h.find()
	}
	if h.err != nil {
		return
	}
	h.watch = startWatch(ctx, h.host.Start, "", h.asks())
}

// find finds the link by the host's address.
func (h *vlanHost) find() error {
	for _, l := range h.view.Links.Value {
		if slices.Contains(addressesIn(l), h.spec.Address) {
			h.link = l
			return nil
		}
	}
	return fmt.Errorf("no link there has the address %s", h.spec.Address)
}

// asks are the captures, and what is read when they have ended.
func (h *vlanHost) asks() []ask {
	var macs []string
	home := false
	for _, g := range h.guests {
		macs = append(macs, g.mac)
		home = home || g.vlan == h.spec.VLAN
	}
	h.heard = captureOn("heard", h.link.Name, heardFilter(macs))
	h.neighbours = ask{id: "neighbours", show: "ip -j neigh", after: true}
	all := []ask{h.heard, h.neighbours}
	if home {
		h.tags = captureOn("tags", h.spec.Interface, tagFilter)
		all = append(all, h.tags)
	}
	return all
}

func captureOn(id, link, filter string) ask {
	command := fmt.Sprintf("tcpdump -i %s -n -U --immediate-mode -s 128 -w - '%s'", link, filter)
	return ask{id: id, show: command, script: "exec " + command}
}

// tagFilter is for the attempts' flow and the questions for its MAC, whatever tags they have: none, one or two. (To pcap
// "vlan" is a step into the frame, see pcap-filter(7).) A frame with a wrong tag must be in the capture, too.
var tagFilter = func() string {
	flow := fmt.Sprintf("arp or tcp port %d", defaultHTTPPort)
	return fmt.Sprintf("%[1]s or (vlan and (%[1]s or (vlan and (%[1]s))))", flow)
}()

// heardFilter is for all that VMs say and what the host says itself.
func heardFilter(macs []string) string {
	filter := "arp"
	for _, mac := range macs {
		if mac != "" {
			filter += " or ether host " + mac
		}
	}
	return filter
}

// speak makes the host say something on the VLAN. That it is in the capture shows that what is not there was not said:
// the capture was there to the end.
func (h *vlanHost) speak(ctx context.Context) {
	command := fmt.Sprintf("arping -U -c 1 -I %[1]s %[2]s || ping -c 1 -W 1 -I %[1]s %[3]s || :", h.link.Name, h.spec.Address, h.stranger())
	_, err := visitHost(context.WithoutCancel(ctx), h.host, ask{id: "own", show: command})
	h.err = errors.Join(h.err, err)
}

// stranger is another address on the VLAN, whose MAC a ping has to ask for.
func (h *vlanHost) stranger() string {
	subnet, ok := h.spec.Subnet()
	if !ok {
		return h.spec.Address
	}
	a := subnet.Addr().Next()
	if a.String() == h.spec.Address {
		a = a.Next()
	}
	return a.String()
}

// stop ends the captures and keeps what they saw; neighbours are those after the attempts.
func (h *vlanHost) stop(ctx context.Context, o *observer) {
	var answers map[string]answer
	if h.watch != nil {
		h.speak(ctx)
		var err error
		answers, err = h.watch.stop(ctx)
		h.err = errors.Join(h.err, err)
	}
	if h.neighbours.id == "" {
		h.neighbours, h.heard, h.tags = ask{show: "ip -j neigh"}, ask{show: "tcpdump"}, ask{show: "tcpdump"}
	}
	h.view.Neighbours = read(h.place(), h.neighbours, answers, h.err, parse.Neighbours)
	h.keep(o, framesOf(h.place(), h.heard, answers, h.err), framesOf(h.place(), h.tags, answers, h.err))
}

// keep gives each attempt its frames, and the stage what the host sees.
func (h *vlanHost) keep(o *observer, heard, tags model.Read[[]model.Frame]) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stage.Physical.Peers == nil {
		o.stage.Physical.Peers = map[string]model.PhysicalPeer{}
	}
	o.stage.Physical.Peers[h.spec.Name] = h.view
	for _, g := range h.guests {
		path := arpPath(g.vm, h.spec.Name)
		o.stage.Frames[path] = only(heard, path, func(f model.Frame) bool { return f.SrcMAC == h.link.MAC || g.has(f) })
		if g.vlan != h.spec.VLAN {
			continue
		}
		path = vlanPath(g.vm, h.spec.Name)
		flow := captured{port: o.stage.Paths[path].Value.ClientPort}
		o.stage.Frames[path] = only(tags, path, func(f model.Frame) bool { return g.has(f) || flow.port != 0 && flow.holds(f) })
	}
}

// has says whether a frame is to or from the VM, by the MAC of its spec.
func (g vlanGuest) has(f model.Frame) bool {
	return g.mac != "" && (f.SrcMAC == g.mac || f.DstMAC == g.mac)
}

// framesOf reads a capture; one that lost frames is none.
func framesOf(at placed, a ask, answers map[string]answer, err error) model.Read[[]model.Frame] {
	r := read(at, a, answers, err, func(text string) ([]model.Frame, error) {
		if err := whole(answers[a.id].stderr); err != nil {
			return nil, err
		}
		return parse.Frames([]byte(text))
	})
	r.Raw = base64.StdEncoding.EncodeToString([]byte(r.Raw))
	return r
}

// only leaves those frames of a capture that an attempt is about.
func only(r model.Read[[]model.Frame], path string, which func(model.Frame) bool) model.Read[[]model.Frame] {
	r.Command += ", while " + path
	all := r.Value
	r.Value = []model.Frame{}
	for _, f := range all {
		if which(f) {
			r.Value = append(r.Value, f)
		}
	}
	return r
}
