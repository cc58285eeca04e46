package observe

import (
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
	// tagged is whether frames may carry a VLAN tag, tunnelled whether they are in a tunnel between nodes.
	tagged, tunnelled bool
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
	err       error // why it is not known
	ports     ports
	guestLink string // a guest's link
	// network is what the NIC is on; the zero value for the cluster's or a primary one.
	network model.NetworkSpec
	// addresses are those that the control plane allotted, inner those inside the guest.
	addresses, inner []string
}

// wayOf finds the places on a path's way.
func (o *observer) wayOf(ctx context.Context, l lost) *way {
	w := &way{}
	farName, service := o.behindService(l.far())
	var err error
	w.flow, err = flowOf(l.probe.path, service)
	var near, far end
	together(func() { near = o.endOf(ctx, l.near()) }, func() { far = o.endOf(ctx, farName) })
	o.choose(&near, &far, w.flow.dialled)
	outer := compact(append([]string{w.flow.dialled}, far.addresses...))
	w.next = compact(append(slices.Clone(outer), o.gateways(near)...))
	var here, there switching
	node := near.node
	together(
		func() {
			if node != "" {
				here = o.switchingOf(ctx, node, true)
			}
		},
		func() {
			if far.node != "" && far.node != node {
				there = o.switchingOf(ctx, far.node, false)
			}
		})
	w.out = outward(near, outer)
	switch {
	case near.ports.host == "":
	case near.ports.master == "" || strings.HasPrefix(near.ports.master, "ovs"):
		w.ovn = &logical{node: node, link: near.ports.host, tables: here.tables, bridges: here.bridges, physical: o.leavesBy(near, far)}
	default:
		w.out = append(w.out, &station{hop: "node bridge", at: placed("node " + node), in: place{node: node}, link: near.ports.master, far: outer, tagged: true})
	}
	w.in = append(o.between(near, far, here, there, outer), inward(far, outer)...)
	for _, s := range w.stations() {
		s.err = errors.Join(s.err, err)
	}
	return w
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
		all = append(all, &station{hop: "guest NIC", at: placed("guest " + e.vm), guest: e.vm, link: e.guestLink, far: far, err: e.err})
		all = append(all, e.station("tap", at, e.ports.tap, far), e.station("launcher bridge", at, e.ports.bridge, far))
	}
	return append(all, e.station("pod port", at, e.ports.pod, far), e.onNode("OVS port", e.ports.host, far))
}

// inward are the same of the receiver, from the node inward, as far as its node sees; or the host outside.
func inward(e end, far []string) []*station {
	switch {
	case e.host != nil:
		return []*station{{hop: "peer", at: placed(e.host.Place()), host: e.host, link: e.host.Interface(), far: far, tagged: true}}
	case e.vm == "" && e.pod == "" && e.err != nil:
		return []*station{{hop: "peer", err: e.err}}
	case e.vm == "" && e.pod == "":
		return nil
	}
	at := placed("pod " + e.pod)
	if e.vm != "" {
		at = placed("launcher " + e.vm)
	}
	all := []*station{e.onNode("receiver's OVS port", e.ports.host, far), e.station("receiver's pod port", at, e.ports.pod, far)}
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

// edgeNetwork is the name that OVN-Kubernetes has for what its external bridge leads to (go-controller/pkg/types:
// PhysicalNetworkName).
const edgeNetwork = "physnet"

// leavesBy is the physical network that the way leaves OVN by; empty where it does not.
func (o *observer) leavesBy(near, far end) string {
	switch {
	case near.network.PhysicalNetwork != "" && (far.host != nil || far.node != near.node):
		return near.network.PhysicalNetwork
	case near.network.PhysicalNetwork == "" && far.host != nil && o.facts.GatewayMode == "shared":
		return edgeNetwork
	}
	return ""
}

// between are the nodes' links to the outside: where packets leave one node, and where they enter another, in a tunnel
// unless the network is a physical one.
func (o *observer) between(near, far end, here, there switching, outer []string) []*station {
	across := far.node != "" && near.node != "" && far.node != near.node
	if near.node == "" || far.host == nil && !across {
		return nil
	}
	leaves := func(hop, node string, s switching) *station {
		bridge := s.bridges.Value.mappings[near.network.PhysicalNetwork]
		if near.network.PhysicalNetwork == "" {
			n, _ := o.facts.Node(node)
			bridge = n.EdgeBridge
		}
		st := &station{hop: hop, at: placed("node " + node), in: place{node: node}, far: outer,
			tagged: near.network.PhysicalNetwork != "", tunnelled: near.network.PhysicalNetwork == "" && across}
		if near.ports.master != "" && !strings.HasPrefix(near.ports.master, "ovs") && o.bed.Underlay != nil && o.bed.Underlay.Physical != nil {
			st.link, st.tagged, st.tunnelled = o.bed.Underlay.Physical.Interface, true, false // a bridge of the node's own
			return st
		}
		st.link, st.err = s.physicalOf(bridge)
		return st
	}
	all := []*station{leaves("physical port", near.node, here)}
	if across {
		all = append(all, leaves("receiver's physical port", far.node, there))
	}
	return all
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
