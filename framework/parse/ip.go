package parse

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/vmnet-project/vmnet/framework/model"
)

type ipLink struct {
	Index     int      `json:"ifindex"`
	PeerIndex int      `json:"link_index"`
	Name      string   `json:"ifname"`
	Flags     []string `json:"flags"`
	MTU       int      `json:"mtu"`
	Master    string   `json:"master"`
	State     string   `json:"operstate"`
	Address   string   `json:"address"`
	Info      struct {
		Kind string `json:"info_kind"`
	} `json:"linkinfo"`
	Addresses []struct {
		Family    string `json:"family"`
		Local     string `json:"local"`
		PrefixLen int    `json:"prefixlen"`
		Scope     string `json:"scope"`
	} `json:"addr_info"`
}

// Links reads the answer of `ip -d -j addr`: every link of a network namespace with its addresses, in ip's order.
func Links(text string) ([]model.Link, error) {
	var rows []ipLink
	if err := decode(text, &rows); err != nil {
		return nil, fmt.Errorf("ip -j addr: %w", err)
	}
	links := make([]model.Link, 0, len(rows))
	for i, r := range rows {
		if r.Index == 0 && r.Name == "" {
			continue // ip prints an empty object for each row that a filter left out
		}
		if r.Name == "" {
			return nil, fmt.Errorf("ip -j addr: link %d has no ifname", i+1)
		}
		l := model.Link{
			Index: r.Index, Name: r.Name, Kind: r.Info.Kind, MAC: r.Address, MTU: r.MTU,
			Flags: r.Flags, State: r.State, Master: r.Master,
		}
		if r.Info.Kind == "veth" {
			l.PeerIndex = r.PeerIndex
		}
		for _, a := range r.Addresses {
			if a.Local == "" {
				continue
			}
			ip, err := netip.ParseAddr(a.Local)
			if err != nil {
				return nil, fmt.Errorf("ip -j addr: link %s: address %q: %w", r.Name, a.Local, err)
			}
			p := netip.PrefixFrom(ip.WithZone(""), a.PrefixLen)
			if !p.IsValid() {
				return nil, fmt.Errorf("ip -j addr: link %s: address %s: prefix length %d", r.Name, a.Local, a.PrefixLen)
			}
			l.Addresses = append(l.Addresses, model.Address{Family: a.Family, CIDR: p.String(), Scope: a.Scope})
		}
		links = append(links, l)
	}
	return links, nil
}

type ipRoute struct {
	Type     string `json:"type"`
	Dst      string `json:"dst"`
	Gateway  string `json:"gateway"`
	Via      struct{ Host string }
	Dev      string `json:"dev"`
	Table    string `json:"table"`
	Protocol string `json:"protocol"`
	Scope    string `json:"scope"`
	Source   string `json:"prefsrc"`
	Metric   int    `json:"metric"`
	NextHops []struct {
		Gateway string `json:"gateway"`
		Dev     string `json:"dev"`
	} `json:"nexthops"`
}

// Routes reads the answer of `ip -d -j route show table all` (or of one table): every row, the local table's too.
// A row with several next hops becomes one route for each. The family of a row is told by its addresses;
// a default route without gateway counts as inet, unless it has IPv6's pref or its source says otherwise.
func Routes(text string) ([]model.Route, error) {
	var raws []json.RawMessage
	if err := decode(text, &raws); err != nil {
		return nil, fmt.Errorf("ip -j route: %w", err)
	}
	routes := make([]model.Route, 0, len(raws))
	for i, raw := range raws {
		var r ipRoute
		var keys map[string]json.RawMessage
		if err := json.Unmarshal(raw, &r); err != nil {
			return nil, fmt.Errorf("ip -j route: row %d: %w", i+1, err)
		}
		if err := json.Unmarshal(raw, &keys); err != nil {
			return nil, fmt.Errorf("ip -j route: row %d: %w", i+1, err)
		}
		if r.Dst == "" {
			if len(keys) == 0 {
				continue
			}
			return nil, fmt.Errorf("ip -j route: row %d has no dst", i+1)
		}
		via := r.Gateway
		if via == "" {
			via = r.Via.Host
		}
		_, six := keys["pref"] // printed for IPv6 alone
		dst, family, err := destination(r.Dst, six, via, r.Source)
		if err != nil {
			return nil, fmt.Errorf("ip -j route: row %d: %w", i+1, err)
		}
		m := model.Route{
			Family: family, Table: r.Table, Type: r.Type, Dst: dst, Via: via, Dev: r.Dev,
			Proto: r.Protocol, Scope: r.Scope, Src: r.Source, Metric: r.Metric,
		}
		if m.Table == "" {
			m.Table = "main"
		}
		if m.Type == "unicast" {
			m.Type = ""
		}
		if len(r.NextHops) == 0 {
			routes = append(routes, m)
		}
		for _, hop := range r.NextHops {
			m.Via, m.Dev = hop.Gateway, hop.Dev
			routes = append(routes, m)
		}
	}
	return routes, nil
}

// destination completes what ip abbreviates: a host's prefix length.
func destination(dst string, six bool, hints ...string) (cidr, family string, err error) {
	if dst == "default" {
		for _, h := range hints {
			if ip, err := netip.ParseAddr(h); err == nil && ip.Is6() {
				six = true
			}
		}
		if six {
			return dst, "inet6", nil
		}
		return dst, "inet", nil
	}
	p, err := netip.ParsePrefix(dst)
	if err != nil {
		ip, hostErr := netip.ParseAddr(dst)
		if hostErr != nil {
			return "", "", fmt.Errorf("dst %s is neither default, a CIDR nor an address", strconv.Quote(dst))
		}
		p = netip.PrefixFrom(ip.WithZone(""), ip.BitLen())
	}
	if p.Addr().Is6() {
		return p.String(), "inet6", nil
	}
	return p.String(), "inet", nil
}
