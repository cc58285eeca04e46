package bed

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"
)

// Physical is the physical side, if the underlay describes one.
func (b *Bed) Physical() (*Physical, bool) {
	if b.Underlay == nil || b.Underlay.Physical == nil {
		return nil, false
	}
	return b.Underlay.Physical, true
}

// Peer is the host on a VLAN that has this name in the underlay.
func (b *Bed) Peer(name string) (Host, bool) {
	h, ok := b.peers[name]
	return h, ok
}

// Subnet is the VLAN's; not ok where the address is no IPv4 address.
func (h VLANPeer) Subnet() (subnet netip.Prefix, ok bool) {
	address, err := netip.ParseAddr(h.Address)
	if err != nil || !address.Is4() {
		return netip.Prefix{}, false
	}
	subnet, err = address.Prefix(h.Prefix)
	return subnet, err == nil
}

// DHCPPeer is the first peer on which the run may start a DHCP server.
func (p Physical) DHCPPeer() (VLANPeer, bool) {
	for _, h := range p.Peers {
		if h.DHCP {
			return h, true
		}
	}
	return VLANPeer{}, false
}

// peerTimeout bounds the way to a peer and back.
const peerTimeout = 20 * time.Second

// AskPeers runs a command on each host of the physical side. One that cannot be reached is an *InputError.
func (b *Bed) AskPeers(ctx context.Context) error {
	p, ok := b.Physical()
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, peerTimeout, fmt.Errorf("no answer within %s", peerTimeout))
	defer cancel()
	errs := make([]error, len(p.Peers))
	var group errgroup.Group
	for i, spec := range p.Peers {
		group.Go(func() error {
			if _, err := b.peers[spec.Name].Run(ctx, "true"); err != nil {
				errs[i] = &InputError{What: "physical.peers: " + spec.Name, Err: fmt.Errorf("cannot be reached: %w; start it, or mend %s in the underlay", oneLine(err), wayOf(spec.HostSpec))}
			}
			return nil
		})
	}
	_ = group.Wait() // errs has them in the peers' order
	return errors.Join(errs...)
}

// wayOf names the field that says how commands get to a host.
func wayOf(h HostSpec) string {
	if h.SSH != nil {
		return "its ssh"
	}
	return "its container"
}
