package observe

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

// station is a place on the way where packets are looked for by a capture.
type station struct {
	hop  string
	at   placed
	link string
	// in is the pod whose link it is; one of a node alone for the node's own. Elsewhere it is a guest's or a host's.
	in    place
	guest string
	host  bed.Host
	// far are the far end's addresses as they are here; empty for any.
	far []string
	// tunnelled is whether packets are in a tunnel between nodes here.
	tunnelled bool
	// err says why nobody can look here.
	err error

	saw model.Read[[]model.Frame]
}

// way is a path's, in the order in which a packet goes along: out of the near end, through OVN, and to the far end.
type way struct {
	flow flow
	next []string // addresses whose MAC is asked for before the first packet
	out  []*station
	ovn  *logical // nil where OVN has no part in it
	in   []*station
}

func (w *way) stations() []*station { return slices.Concat(w.out, w.in) }

// end is one of a path's: a VM's launcher with one of its NICs, a pod, or a host outside.
type end struct {
	look
	vm, pod   string
	host      bed.Host
	ports     ports
	guestLink string // a guest's link
	// network is what the NIC is on; the zero value for the cluster's or a primary one.
	network model.NetworkSpec
	// addresses are those that the control plane allotted, inner those inside the guest.
	addresses, inner []string
}

// wayOf reads what there is on a path's way, and finds the places.
func (o *observer) wayOf(ctx context.Context, l lost) *way {
	farName, service := o.behindService(l.far())
	f, err := flowOf(l.probe.path, service)
	var near, far end
	together(func() { near = o.endOf(ctx, l.near()) }, func() { far = o.endOf(ctx, farName) })
	var here, there switching
	together(
		func() {
			if near.node != "" {
				here = o.switchingOf(ctx, near.node, true)
			}
		},
		func() {
			if far.node != "" && far.node != near.node {
				there = o.switchingOf(ctx, far.node, false)
			}
		})
	w := o.wayBetween(near, far, here, there, f, l.probe.by)
	for _, s := range w.stations() {
		s.err = errors.Join(s.err, err)
	}
	return w
}

// wayBetween finds the places between two ends; by is the near end's link, where it is told.
func (o *observer) wayBetween(near, far end, here, there switching, f flow, by string) *way {
	o.choose(&near, &far, f.dialled, by)
	outer := compact(append([]string{f.dialled}, far.addresses...))
	if f.dialled == "" {
		outer = nil
	}
	w := &way{flow: f, next: compact(append(slices.Clone(outer), o.gateways(near)...)), out: outward(near, outer)}
	switch {
	case near.ports.host == "":
	case near.onOVS():
		w.ovn = &logical{node: near.node, link: near.ports.host, tables: here.tables, bridges: here.bridges, physical: o.leavesBy(near, far)}
	default:
		w.out = append(w.out, near.onNode("node bridge", cmp.Or(near.ports.master, near.network.Bridge), outer))
	}
	w.in = append(o.between(near, far, here, there, outer), inward(far, outer)...)
	return w
}

// onOVS says whether an end's port is Open vSwitch's, not a Linux bridge's. Of a port that is in no bridge, its network
// tells where it belongs.
func (e end) onOVS() bool {
	if e.ports.master == "" {
		return e.network.Bridge == ""
	}
	return strings.HasPrefix(e.ports.master, "ovs")
}

func (e end) nodePort() string {
	if e.onOVS() {
		return "OVS port"
	}
	return "bridge port"
}

// outward are the places from a guest's NIC or a pod's link to the node.
func outward(e end, far []string) []*station {
	if e.vm == "" && e.pod == "" {
		return nil
	}
	var all []*station
	at := placed("pod " + e.pod)
	if e.vm != "" {
		at = placed("launcher " + e.vm)
		nic := e.station("guest NIC", placed("guest "+e.vm), e.guestLink, far)
		nic.guest = e.vm
		all = append(all, nic, e.station("tap", at, e.ports.tap, far), e.station("launcher bridge", at, e.ports.bridge, far))
	}
	return append(all, e.station("pod port", at, e.ports.pod, far), e.onNode(e.nodePort(), e.ports.host, far))
}

// inward are the same of the receiver, from the node inward, as far as its node sees; or the host outside.
func inward(e end, far []string) []*station {
	switch {
	case e.host != nil:
		return []*station{{hop: "peer", at: placed(e.host.Place()), host: e.host, link: e.host.Interface(), far: far}}
	case e.vm == "" && e.pod == "" && e.err != nil:
		return []*station{{hop: "peer", err: e.err}}
	case e.vm == "" && e.pod == "":
		return nil
	}
	at := placed("pod " + e.pod)
	if e.vm != "" {
		at = placed("launcher " + e.vm)
	}
	all := []*station{e.onNode("receiver's "+e.nodePort(), e.ports.host, far), e.station("receiver's pod port", at, e.ports.pod, far)}
	if e.vm != "" && e.ports.tap != "" {
		inner := compact(append(slices.Clone(e.inner), e.addresses...))
		all = append(all, e.station("receiver's launcher bridge", at, e.ports.bridge, inner), e.station("receiver's tap", at, e.ports.tap, inner))
	}
	return all
}

var errNoLink = errors.New("no such link was found")

func (e end) station(hop string, at placed, link string, far []string) *station {
	s := &station{hop: hop, at: at, in: e.place, link: link, far: far, err: e.err}
	if s.err == nil && link == "" {
		s.err = errNoLink
	}
	return s
}

func (e end) onNode(hop, link string, far []string) *station {
	s := e.station(hop, placed("node "+e.node), link, far)
	s.in = place{node: e.node}
	return s
}

// gateways are the addresses that an end sends to on its way to others.
func (o *observer) gateways(e end) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []string
	pod := o.stage.Pods[e.pod].Value
	if e.vm != "" {
		v := o.stage.VMs[e.vm]
		pod = v.Pod.Value
		for _, r := range v.Guest.Routes.Value {
			all = append(all, r.Via)
		}
	}
	for _, a := range pod.Allotted {
		all = append(all, a.Gateways...)
	}
	slices.Sort(all)
	return all
}

// compact leaves out what is empty or there already.
func compact(all []string) []string {
	var some []string
	for _, a := range all {
		if a != "" && !slices.Contains(some, a) {
			some = append(some, a)
		}
	}
	return some
}

// within says whether an address is in a route's destination; a default route has all.
func within(dst, address string) (bits int, ok bool) {
	if dst == "default" {
		return 0, true
	}
	p, err := netip.ParsePrefix(dst)
	ip, err2 := netip.ParseAddr(address)
	return p.Bits(), err == nil && err2 == nil && p.Contains(ip)
}
