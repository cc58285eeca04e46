package fault

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// The places on the physical side.
const (
	// VLANHost is the peer on the scenario's VLAN, where the run's DHCP server is.
	VLANHost Where = "vlan-host"
	// Switches are all nodes, each of them as Switch is.
	Switches Where = "switches"
)

// switches are the spots of Switches.
func (w *World) switches(of string) ([]spot, error) {
	var all []spot
	for _, n := range w.Facts.Nodes {
		all = append(all, spot{Where: Switch, Of: of, Node: n.Name})
	}
	if len(all) == 0 {
		return nil, errors.New("the facts name no node")
	}
	return all, nil
}

// vlanHost is the runner of VLANHost.
func (w *World) vlanHost() (bed.Runner, error) {
	p, ok := w.Bed.Physical()
	if !ok {
		return nil, errNoPhysical
	}
	name := hostOf(p).Name
	h, ok := w.Bed.Peer(name)
	if !ok {
		return nil, fmt.Errorf("the bed has no peer %s", name)
	}
	return h, nil
}

// hostOf is the peer whose VLAN manifests are fitted to: the one with DHCP, or else the first.
func hostOf(p *bed.Physical) bed.VLANPeer {
	if h, ok := p.DHCPPeer(); ok || len(p.Peers) == 0 {
		return h
	}
	return p.Peers[0]
}

// ofPhysical adds what scripts know of the physical side, where the bed has one:
//
//	bridge                         the OVS bridge on the nodes that leads there
//	vlan peer dhcp                 the scenario's VLAN, the address of VLANHost there, and its DHCP server's folder
//	other_vlan other no_vlan       another peer's VLAN and its address there; a VLAN that no peer is on
//	free_1 free_2                  addresses on the scenario's VLAN that the DHCP server gives to nobody
//	vlan_mac vlan_ip               of the VM: the MAC of its second interface, and the address that this has by the server
//	NAME_vlan                      the latter of the VM NAME
func (w *World) ofPhysical(ctx context.Context, v map[string]string, of string) error {
	p, ok := w.Bed.Physical()
	if !ok {
		return nil
	}
	if err := ofUnderlay(v, p); err != nil {
		return err
	}
	if !slices.ContainsFunc(w.Running.Specs, func(s model.VMSpec) bool { return vlanMAC(s) != "" }) {
		return nil
	}
	host, err := w.vlanHost()
	if err != nil {
		return err
	}
	text, err := host.Run(ctx, "sh", "-c", `[ ! -e "$1" ] || cat "$1"`, "sh", v["dhcp"]+"/"+scenario.DHCPLeases)
	if err != nil {
		return fmt.Errorf("leases of the DHCP server: %w", err)
	}
	leases, err := parse.ServedLeases(text)
	if err != nil {
		return fmt.Errorf("leases of the DHCP server: %w", err)
	}
	ofLeases(v, w.Running.Specs, leases, of)
	return nil
}

func ofUnderlay(v map[string]string, p *bed.Physical) error {
	h := hostOf(p)
	v["bridge"], v["vlan"], v["peer"], v["dhcp"] = p.Bridge, strconv.Itoa(h.VLAN), h.Address, scenario.DHCPFolder(h.VLAN)
	taken := map[int]bool{}
	for _, o := range p.Peers {
		if taken[o.VLAN] = true; o.VLAN != h.VLAN && v["other"] == "" {
			v["other_vlan"], v["other"] = strconv.Itoa(o.VLAN), o.Address
		}
	}
	for id := maxVLAN; id > 0 && v["no_vlan"] == ""; id-- {
		if !taken[id] {
			v["no_vlan"] = strconv.Itoa(id)
		}
	}
	free, err := besides(h)
	if err != nil {
		return fmt.Errorf("physical.peers: %s: %w", h.Name, err)
	}
	for i, a := range free {
		v[fmt.Sprintf("free_%d", i+1)] = a.String()
	}
	return nil
}

const maxVLAN = 4094

// besides are addresses in the half of the VLAN's subnet that the host is in: the DHCP server gives those of the other one.
func besides(h bed.VLANPeer) ([]netip.Addr, error) {
	const wanted = 2
	own, err := netip.ParseAddr(h.Address)
	if err != nil {
		return nil, err
	}
	half, err := own.Prefix(h.Prefix + 1)
	if err != nil {
		return nil, err
	}
	var free []netip.Addr
	for a := half.Addr().Next(); half.Contains(a.Next()) && len(free) < wanted; a = a.Next() {
		if a != own {
			free = append(free, a)
		}
	}
	if len(free) < wanted {
		return nil, fmt.Errorf("beside %s/%d are no %d addresses that a fault could use", h.Address, h.Prefix, wanted)
	}
	return free, nil
}

func ofLeases(v map[string]string, specs []model.VMSpec, leases []model.ServedLease, of string) {
	for _, s := range specs {
		mac := vlanMAC(s)
		if mac == "" {
			continue
		}
		ip := ""
		for _, l := range leases {
			if strings.EqualFold(l.MAC, mac) {
				ip = l.IP
			}
		}
		if v[name(s.Name)+"_vlan"] = ip; s.Name == of {
			v["vlan_mac"], v["vlan_ip"] = mac, ip
		}
	}
}

// vlanMAC is that of a VM's second interface, in lower case; empty for none.
func vlanMAC(s model.VMSpec) string {
	if len(s.Interfaces) < 2 {
		return ""
	}
	return strings.ToLower(s.Interfaces[1].MAC)
}

var errNoPhysical = errors.New("the underlay describes no physical side")
