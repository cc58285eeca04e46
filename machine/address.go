package machine

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
)

// candidates are subnets for the cable between host and machine, in the order in which they are tried. None is
// in the ranges that Kubernetes, OVN-Kubernetes and Docker take for themselves inside the machine (10.0.0.0/8,
// 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12).
func candidates() []netip.Prefix {
	var c []netip.Prefix
	for third := byte(128); third < 250; third++ {
		c = append(c, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, third, 76}), 30))
	}
	// RFC 2544, for hosts that use all of 192.168.0.0/16
	for third := range 100 {
		c = append(c, netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 19, byte(third), 76}), 30))
	}
	return c
}

// chooseSubnet returns the first candidate that touches nothing in use: the host's end gets the first address,
// the machine the second.
func chooseSubnet(used []netip.Prefix) (host netip.Prefix, machine netip.Addr, err error) {
next:
	for _, c := range candidates() {
		for _, u := range used {
			if u.Overlaps(c) {
				continue next
			}
		}
		first := c.Addr().Next()
		return netip.PrefixFrom(first, c.Bits()), first.Next(), nil
	}
	return host, machine, fmt.Errorf("no free subnet for the machine: all of 192.168.128.0/17 and 198.19.0.0/16 is in use on this host")
}

// parseUsed takes the output of `ip -json -4 route show table all` and `ip -json -4 addr show`. Default routes use
// nothing.
func parseUsed(routes, addrs []byte) ([]netip.Prefix, error) {
	var rs []struct {
		Dst string `json:"dst"`
	}
	if err := json.Unmarshal(routes, &rs); err != nil {
		return nil, fmt.Errorf("routes of the host: %w", err)
	}
	var used []netip.Prefix
	for _, r := range rs {
		if r.Dst == "default" {
			continue
		}
		p, err := netip.ParsePrefix(r.Dst)
		if err != nil {
			a, aerr := netip.ParseAddr(r.Dst)
			if aerr != nil {
				return nil, fmt.Errorf("routes of the host: destination %q: %w", r.Dst, err)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		if p.Bits() > 1 { // 0.0.0.0/1 and 128.0.0.0/1 are a VPN's default route
			used = append(used, p.Masked())
		}
	}
	var as []struct {
		AddrInfo []struct {
			Local     string `json:"local"`
			PrefixLen int    `json:"prefixlen"`
		} `json:"addr_info"`
	}
	if err := json.Unmarshal(addrs, &as); err != nil {
		return nil, fmt.Errorf("addresses of the host: %w", err)
	}
	for _, a := range as {
		for _, i := range a.AddrInfo {
			ip, err := netip.ParseAddr(i.Local)
			if err != nil {
				return nil, fmt.Errorf("addresses of the host: %w", err)
			}
			p, err := ip.Prefix(i.PrefixLen)
			if err != nil {
				return nil, fmt.Errorf("addresses of the host: %w", err)
			}
			used = append(used, p)
		}
	}
	return used, nil
}

// usedSubnets asks the host.
func usedSubnets(ctx context.Context) ([]netip.Prefix, error) {
	routes, err := output(ctx, "ip", "-json", "-4", "route", "show", "table", "all")
	if err != nil {
		return nil, err
	}
	addrs, err := output(ctx, "ip", "-json", "-4", "addr", "show")
	if err != nil {
		return nil, err
	}
	return parseUsed([]byte(routes), []byte(addrs))
}
