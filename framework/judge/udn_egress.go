package judge

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// routerNAT is PU-12: the rule is there, and the VM's own flow was translated by it.
func (s subject) routerNAT() {
	i, ok := s.primary()
	if !ok {
		return
	}
	w, subnet, ok := i.subnet()
	if !ok {
		return
	}
	node, ok := s.node()
	if !ok {
		return
	}
	masquerade, why, ok := s.masquerade(w)
	if !ok {
		return
	}
	router := gatewayRouter(w.NetworkName, node.Name)
	if rows, from, ok := Need(s.n, "NAT on node "+node.Name, s.stage.Hosts[node.Name].NAT); ok {
		s.n.Has(fmt.Sprintf("%s NAT of %s on %s for subnet %s", s.name, i.key, router, subnet), from, masquerade.String(), why,
			externalIPs(rows, func(r model.NATRow) bool {
				return r.Router == router && r.Type == "snat" && r.LogicalIP == subnet.String()
			}))
	}
	flow, ok := s.flow(i)
	if !ok {
		return
	}
	next := flow.next(flow.start)
	s.n.Check(s.what("flow in connection tracking from "+flow.start+": translated at the router to"), flow.from, end(masquerade.String(), "PORT"), why, list(next),
		len(next) == 1 && strings.HasPrefix(next[0], end(masquerade.String(), "")))
}

// masquerade is the masquerade IP that a network's flows leave their router with.
func (s subject) masquerade(w model.Network) (netip.Addr, string, bool) {
	gateway, management, err := ownMasqueradeIPs(w, s.facts)
	if err == nil {
		var ip netip.Addr
		if ip, err = masqueraded(s.facts.GatewayMode, gateway, management); err == nil {
			return ip, fmt.Sprintf("network ID %s in %s, gateway mode %s", w.ID, s.facts.MasqueradeSubnet, s.facts.GatewayMode), true
		}
	}
	s.n.Cannot("masquerade IP of network "+w.Name, err.Error())
	return netip.Addr{}, "", false
}

// ownMasqueradeIPs are a network's two, by the facts.
func ownMasqueradeIPs(w model.Network, f model.Facts) (gateway, management netip.Addr, err error) {
	id, err := networkID(w)
	if err != nil {
		return gateway, management, err
	}
	subnet, err := netip.ParsePrefix(f.MasqueradeSubnet)
	if err != nil {
		return gateway, management, fmt.Errorf("masqueradeSubnet: %w", err)
	}
	gateway, management = masqueradeIPs(subnet, id)
	return gateway, management, nil
}

// externalIPs are the different ones of some rules.
func externalIPs(rows []model.NATRow, of func(model.NATRow) bool) []string {
	var ips []string
	for _, r := range rows {
		if of(r) && !slices.Contains(ips, r.ExternalIP) {
			ips = append(ips, r.ExternalIP)
		}
	}
	slices.Sort(ips)
	return ips
}

// track is a flow in connection tracking, from its start in the guest on. Ends are ADDRESS:PORT.
type track struct {
	entries []model.Conntrack
	from    Source
	start   string
}

// flow gives the VM's flow to the outside peer. That connection tracking has none of its entries is no look at it.
func (s subject) flow(i nic) (track, bool) {
	name := s.name + ">peer/outside"
	p, _, ok := s.path(name)
	if !ok {
		return track{}, false
	}
	address, ok := i.allotted()
	if !ok {
		return track{}, false
	}
	flow, from, ok := Need(s.n, "flow "+name, s.stage.Flows[name])
	if !ok {
		return track{}, false
	}
	t := track{entries: flow.Entries, from: from, start: end(address.Addr().String(), p.ClientPort)}
	if !slices.ContainsFunc(t.entries, func(e model.Conntrack) bool { return end(e.Original.Src, e.Original.SrcPort) == t.start }) {
		s.n.Cannot("flow "+name, fmt.Sprintf("none of %d entries of connection tracking begins at %s", len(t.entries), t.start))
		return track{}, false
	}
	return t, true
}

func end(address string, port any) string { return fmt.Sprintf("%s:%v", address, port) }

// next are the ends that entries translate this one to; those that leave it as it is do not count.
func (t track) next(from string) []string {
	var to []string
	for _, e := range t.entries {
		there := end(e.Reply.Dst, e.Reply.DstPort)
		if end(e.Original.Src, e.Original.SrcPort) == from && there != from && !slices.Contains(to, there) {
			to = append(to, there)
		}
	}
	return to
}

// chain follows the flow to its last translation, or to where it is not one.
func (t track) chain() []string {
	at, chain := t.start, []string{t.start}
	for range t.entries {
		next := t.next(at)
		if len(next) != 1 {
			for _, there := range next {
				chain = append(chain, "either "+there)
			}
			break
		}
		at = next[0]
		chain = append(chain, at)
	}
	return chain
}

// edgeFlow is PU-13: the peer's answer, and the chain of ports from the guest's socket over the router to what it saw.
func (s subject) edgeFlow() {
	s.nodeEdge()
	i, ok := s.primary()
	if !ok {
		return
	}
	w, ok := i.network()
	if !ok {
		return
	}
	masquerade, why, ok := s.masquerade(w)
	if !ok {
		return
	}
	p, from, ok := s.path(s.name + ">peer/outside")
	if !ok || !p.Passed {
		return
	}
	flow, ok := s.flow(i)
	if !ok {
		return
	}
	chain := flow.chain()
	router := end(masquerade.String(), "")
	want := []string{flow.start, router + "PORT", end(p.SourceSeen, p.SourcePort)}
	holds := len(chain) == len(want) && chain[0] == want[0] && strings.HasPrefix(chain[1], router) && chain[2] == want[2]
	s.n.Check(s.what("flow in connection tracking, from the guest's socket over the router to the node's edge"), flow.from,
		strings.Join(want, " > "), why+"; ended as the peer answered at "+from.Place, strings.Join(chain, " > "), holds)
}

// masqueradeStaysInside is PU-14.
func (s subject) masqueradeStaysInside() {
	i, ok := s.primary()
	if !ok {
		return
	}
	address, ok := i.allotted()
	if !ok {
		return
	}
	subnet, err := netip.ParsePrefix(s.facts.MasqueradeSubnet)
	if err != nil {
		s.n.Cannot("masqueradeSubnet", err.Error())
		return
	}
	seen, from, ok := s.outsideAddresses()
	if !ok {
		return
	}
	leaked := slices.ContainsFunc(seen, func(a string) bool {
		ip, err := netip.ParseAddr(a)
		return err == nil && (subnet.Contains(ip) || ip == address.Addr())
	})
	s.n.Check(s.what("flow's addresses on the wire at the outside peer"), from, fmt.Sprintf("none of %s, %s", subnet, address.Addr()),
		"masquerade IPs and the guest's address stay inside the node", list(seen), !leaked)
}
