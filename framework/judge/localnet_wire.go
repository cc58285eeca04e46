package judge

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// What hosts on VLANs see of a VM. Paths are called after the host, as vm-l>peer/vlan-1924; their frames were captured at
// the host's link that carries the tags. The attempts with #arp ask the whole VLAN for the host's address; theirs were
// captured at the host's link on its VLAN.

// broadcast is the address of all on a VLAN.
const broadcast = "ff:ff:ff:ff:ff:ff"

func vlanPath(vm, peer string) string { return vm + ">peer/" + peer }
func arpPath(vm, peer string) string  { return vlanPath(vm, peer) + "#arp" }

// vlanTag is LN-06.
func (f form) vlanTag(s subject) {
	i, ok := f.vlan(s)
	if !ok {
		return
	}
	name, p, ok := f.host(s)
	if !ok {
		return
	}
	s.tagged(vlanPath(s.name, name), i.spec.MAC, p.VLAN, "the network's vlan")
}

// tagged compares the tags of a MAC's frames in the capture of a path. That there are no such frames is no look at them.
func (s subject) tagged(path, mac string, vlan int, why string) {
	captured, from, ok := Need(s.n, "capture of "+path, s.stage.Frames[path])
	if !ok {
		return
	}
	tags := different(captured, func(f model.Frame) (string, bool) {
		return text(strings.Trim(fmt.Sprint(f.VLANs), "[]")), f.SrcMAC == mac
	})
	if len(tags) == 0 {
		s.n.Cannot("capture of "+path, fmt.Sprintf("of its %d frames, none is from MAC %s", len(captured), mac))
		return
	}
	s.n.Set(s.what("tags of the frames from MAC "+mac+" in the capture of "+path), from, []string{fmt.Sprint(vlan)}, why, tags)
}

// different are the different words for some frames, in their order.
func different(frames []model.Frame, word func(model.Frame) (string, bool)) []string {
	var all []string
	for _, f := range frames {
		if w, ok := word(f); ok && !slices.Contains(all, w) {
			all = append(all, w)
		}
	}
	return all
}

// untranslated is LN-07: by what the host answers, by the wire, and by the host's table of neighbours.
func (f form) untranslated(s subject) {
	i, ok := f.vlan(s)
	if !ok {
		return
	}
	address, ok := f.leased(s)
	if !ok {
		return
	}
	name, peer, ok := f.host(s)
	if !ok {
		return
	}
	path, own := vlanPath(s.name, name), address.Addr().String()
	p, from, ok := s.reaches(path, peer)
	if !ok {
		return
	}
	s.n.Equal(s.what("address as peer "+name+" sees it"), from, own, byServer, p.SourceSeen)
	captured, at, ok := Need(s.n, "capture of "+path, s.stage.Frames[path])
	if !ok {
		return
	}
	_, port, _ := endpoint(p.Target) // reaches has looked at it
	sent := different(captured, func(f model.Frame) (string, bool) {
		return text(f.SrcMAC) + " " + text(f.Src), f.Proto == "tcp" && f.DstPort == port
	})
	if len(sent) == 0 {
		s.n.Cannot("capture of "+path, fmt.Sprintf("of its %d frames, none is tcp to port %d", len(captured), port))
		return
	}
	s.n.Set(s.what("MAC and address in the capture of "+path), at, []string{i.spec.MAC + " " + own}, "the spec's macAddress, "+byServer, sent)
	if all, from, ok := Need(s.n, "neighbours of peer "+name, peer.Neighbours); ok {
		var macs []string
		for _, b := range all {
			if b.IP == own {
				macs = append(macs, text(b.MAC))
			}
		}
		s.n.Set(s.what("MAC for "+own+" among the neighbours of peer "+name), from, []string{i.spec.MAC}, "the spec's macAddress", macs)
	}
}

// reaches compares an attempt at a host on a VLAN, which must pass.
func (s subject) reaches(path string, peer model.PhysicalPeer) (model.Path, Source, bool) {
	p, from, ok := s.path(path)
	if !ok {
		return p, from, false
	}
	address, err := netip.ParseAddr(peer.Address)
	if err == nil {
		_, _, err = endpoint(p.Target)
	}
	if err != nil {
		s.n.Cannot("path "+path+" to the peer's address", err.Error())
		return p, from, false
	}
	dialled(s.n, path, from, address, "the peer's", p)
	passed(s.n, path, from, true, p)
	return p, from, true
}

// otherVLANs is LN-08. The VM asks each VLAN for its host; on its own it is answered, and its question is heard.
func (f form) otherVLANs(s subject) {
	i, ok := f.vlan(s)
	if !ok {
		return
	}
	own, peer, ok := f.host(s)
	if !ok {
		return
	}
	mac := i.spec.MAC
	s.heardAtHome(arpPath(s.name, own), own, peer, mac)
	others := 0
	for _, name := range slices.Sorted(maps.Keys(s.stage.Physical.Peers)) {
		other := s.stage.Physical.Peers[name]
		if other.VLAN == peer.VLAN {
			continue
		}
		others++
		path := arpPath(s.name, name)
		p, from, ok := s.path(path)
		if !ok {
			continue
		}
		address, err := netip.ParseAddr(other.Address)
		if err != nil {
			s.n.Cannot("peer "+name+"'s address", err.Error())
			continue
		}
		dialled(s.n, path, from, address, "the peer's on vlan "+fmt.Sprint(other.VLAN), p)
		passed(s.n, path, from, false, p)
		captured, at, ok := s.atPeer(path, name)
		if !ok {
			continue
		}
		heard := different(captured, func(f model.Frame) (string, bool) { return f.Proto + " to " + text(f.DstMAC), f.SrcMAC == mac })
		s.n.Set("frames from MAC "+mac+" in the capture of "+path, at, nil, "the claim", heard)
	}
	if others == 0 {
		s.n.Cannot("peers", fmt.Sprintf("all are on vlan %d", peer.VLAN))
	}
}

// heardAtHome notes where the control of what is not heard says nothing.
func (s subject) heardAtHome(path, name string, peer model.PhysicalPeer, mac string) {
	address, err := netip.ParseAddr(peer.Address)
	if err != nil {
		s.n.Cannot("peer "+name+"'s address", err.Error())
		return
	}
	s.alive(control{path: path, at: address})
	captured, _, ok := s.atPeer(path, name)
	if ok && !slices.ContainsFunc(captured, func(f model.Frame) bool { return f.SrcMAC == mac && f.DstMAC == broadcast }) {
		s.n.Cannot("control "+path, "its capture has no frame from MAC "+mac+" to "+broadcast)
	}
}

// atPeer is a capture at a host. One that holds nothing, not even what the host says itself, may have heard nothing.
func (s subject) atPeer(path, peer string) ([]model.Frame, Source, bool) {
	captured, from, ok := Need(s.n, "capture of "+path, s.stage.Frames[path])
	switch {
	case !ok:
	case from.Place != "peer "+peer:
		s.n.Cannot("capture of "+path, "it was made at "+text(from.Place)+", not at peer "+peer)
	case len(captured) == 0:
		s.n.Cannot("capture of "+path, "it is empty, though peer "+peer+" says something itself")
	default:
		return captured, from, true
	}
	return nil, from, false
}

// meetings are LN-10: with the other VM of the form, which is on another node, and with one of the other form on the same.
func (f form) meetings() meetings {
	a, b, near := f.routed(), f.unrouted(), f.near
	return meetings{
		pairs:   [][2]string{{a, b}, {b, a}, {a, near}, {near, a}},
		network: "#vlan", address: leasedAddress, whose: "address by the VLAN's DHCP server, which knows its MAC", both: true,
	}
}

func (f form) neighbours() []string { return append(slices.Clone(f.vms), f.near) }

// leasedAddress is a VM's on its form's network.
func leasedAddress(s subject) (netip.Addr, bool) {
	address, ok := formOf(s.name).leased(s)
	return address.Addr(), ok
}

// formOf is the form of a VM of the scenario.
func formOf(vm string) form {
	return forms[max(slices.IndexFunc(forms, func(f form) bool { return slices.Contains(f.vms, vm) }), 0)]
}
