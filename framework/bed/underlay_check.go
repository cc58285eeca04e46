package bed

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
)

// check returns an error that begins with the field that is wrong.
func (u *Underlay) check() error {
	if u.Outside != nil {
		if err := u.Outside.check("outside"); err != nil {
			return err
		}
	}
	if u.Physical == nil {
		return nil
	}
	if err := u.Physical.check(); err != nil {
		return err
	}
	names := map[string]bool{}
	for _, h := range u.hosts() {
		if names[h.Name] {
			return fmt.Errorf("physical.peers: two hosts are named %s: reports tell them apart by their names", h.Name)
		}
		names[h.Name] = true
	}
	return nil
}

const (
	// reservedNetwork is what OVN-Kubernetes calls its own external bridge in the mappings (go-controller/pkg/types).
	reservedNetwork = "physnet"
	// maxVLAN is the last 802.1Q ID for use: 0 and 4095 are reserved.
	maxVLAN = 4094
	// maxLink is how long the kernel lets a link's name be (IFNAMSIZ, with its end).
	maxLink = 15
	// longestPrefix leaves a VLAN's subnet two addresses.
	longestPrefix = 30
)

// plainName is what goes into bridge mappings, where , and : divide, and to shells and tools.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

func checkName(field, value string, longest int) error {
	switch {
	case value == "":
		return fmt.Errorf("%s is missing", field)
	case !plainName.MatchString(value):
		return fmt.Errorf("%s is %q: letters, digits, dots, dashes and underscores alone may be in it (bridge mappings divide by , and :)", field, value)
	case longest > 0 && len(value) > longest:
		return fmt.Errorf("%s is %q: a link's name has at most %d characters", field, value, longest)
	}
	return nil
}

func (p *Physical) check() error {
	if err := checkName("physical.network", p.Network, 0); err != nil {
		return err
	}
	if p.Network == reservedNetwork {
		return fmt.Errorf("physical.network is %s, which OVN-Kubernetes has for its own external bridge: choose another name", reservedNetwork)
	}
	if err := checkName("physical.bridge", p.Bridge, maxLink); err != nil {
		return err
	}
	if p.Interface != "" {
		if err := checkName("physical.interface", p.Interface, maxLink); err != nil {
			return err
		}
		if p.Interface == p.Bridge {
			return fmt.Errorf("physical.interface and physical.bridge are both %s: the bridge is made on the link, under another name", p.Bridge)
		}
	}
	if len(p.Peers) == 0 {
		return errors.New("physical.peers is empty: name a host on each of two VLANs")
	}
	return p.checkPeers()
}

func (p *Physical) checkPeers() error {
	subnets := map[int]netip.Prefix{}
	for i := range p.Peers {
		h := &p.Peers[i]
		at := fmt.Sprintf("physical.peers[%d]", i)
		subnet, err := h.checkVLAN(at)
		if err != nil {
			return err
		}
		for vlan, other := range subnets {
			switch {
			case vlan == h.VLAN:
				return fmt.Errorf("%s.vlan is %d, and so is another peer's: each needs a VLAN of its own", at, vlan)
			case other.Overlaps(subnet):
				return fmt.Errorf("%s.address: %s on VLAN %d overlaps %s on VLAN %d: give each VLAN a subnet of its own", at, subnet, h.VLAN, other, vlan)
			}
		}
		subnets[h.VLAN] = subnet
	}
	if len(subnets) < 2 {
		return errors.New("physical.peers has one host: name another one on a second VLAN, for what must not be reached")
	}
	return nil
}

// checkVLAN gives the subnet of the peer's VLAN.
func (h *VLANPeer) checkVLAN(at string) (netip.Prefix, error) {
	if err := h.check(at); err != nil {
		return netip.Prefix{}, err
	}
	if h.VLAN < 1 || h.VLAN > maxVLAN {
		return netip.Prefix{}, fmt.Errorf("%s.vlan is %d: a number from 1 to %d is needed", at, h.VLAN, maxVLAN)
	}
	if h.Prefix < 1 || h.Prefix > longestPrefix {
		return netip.Prefix{}, fmt.Errorf("%s.prefix is %d: the length of the VLAN's IPv4 subnet is needed, from 1 to %d", at, h.Prefix, longestPrefix)
	}
	subnet, ok := h.Subnet()
	if !ok {
		return netip.Prefix{}, fmt.Errorf("%s.address is %q: an IPv4 address is needed", at, h.Address)
	}
	return subnet, nil
}

// check returns an error that begins with the field's whole name, which begins with at.
func (h *HostSpec) check(at string) error {
	required := []struct{ field, value string }{
		{"name", h.Name}, {"address", h.Address}, {"interface", h.Interface},
	}
	switch {
	case h.Container != nil && h.SSH != nil:
		return fmt.Errorf("%s.container and %s.ssh are both given: keep one", at, at)
	case h.Container != nil:
		required = append(required, struct{ field, value string }{"container.name", h.Container.Name})
	case h.SSH != nil:
		required = append(required, []struct{ field, value string }{
			{"ssh.address", h.SSH.Address}, {"ssh.user", h.SSH.User},
			{"ssh.identityFile", h.SSH.IdentityFile}, {"ssh.knownHosts", h.SSH.KnownHosts},
		}...)
	default:
		return fmt.Errorf("%s.container or %s.ssh is needed: how are commands run there?", at, at)
	}
	for _, r := range required {
		if r.value == "" {
			return fmt.Errorf("%s.%s is missing", at, r.field)
		}
	}
	if _, err := netip.ParseAddr(h.Address); err != nil {
		return fmt.Errorf("%s.address is %q: an IP address is needed", at, h.Address)
	}
	return nil
}
