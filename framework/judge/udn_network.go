package judge

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// primaryUDNs are the scenario's networks, as in Stage.Networks.
var primaryUDNs = []string{primaryNetwork, "other/other-udn", "twin/" + primaryNetwork, "layer3/layer3-udn"}

// networksMade is PU-01. A network that is not the scenario's is judged like the others.
func networksMade(n *Notebook, o model.Observation) {
	for _, w := range networks(n, o) {
		name := "network " + w.key
		at := Source{Place: w.read.Place, Command: w.read.Command}
		why := cmp.Or(w.Reason, "the condition NetworkCreated")
		n.Equal(name+" is created", at, "True", why, w.Created)
		const repeats = "as the UserDefinedNetwork asks"
		n.Equal(name+"'s attachment: topology", at, w.Asked.Topology, repeats, w.Made.Topology)
		n.Equal(name+"'s attachment: role", at, w.Asked.Role, repeats, w.Made.Role)
		n.Set(name+"'s attachment: subnets", at, w.Asked.Subnets, repeats, w.Made.Subnets)
		n.Equal(name+"'s attachment: name", at, networkName(w.Namespace, w.Name), "of namespace and name", w.NetworkName)
		_, err := networkID(w.Network)
		n.Check(name+"'s attachment: network ID", at, "a number from 1 on", "the cluster manager gives one", text(w.ID), err == nil)
	}
}

type namedNetwork struct {
	model.Network
	key  string
	read Source
}

// networks are those of the steady stage that can be read, by key. One of the scenario's that nobody looked at is noted.
func networks(n *Notebook, o model.Observation) []namedNetwork {
	stage, _ := o.Stage(model.Steady)
	keys := slices.Collect(maps.Keys(stage.Networks))
	for _, key := range primaryUDNs {
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var found []namedNetwork
	for _, key := range keys {
		if w, from, ok := Need(n, "network "+key, stage.Networks[key]); ok {
			found = append(found, namedNetwork{w, key, from})
		}
	}
	return found
}

// primaries are the primary ones among them.
func primaries(n *Notebook, o model.Observation) []namedNetwork {
	return slices.DeleteFunc(networks(n, o), func(w namedNetwork) bool { return w.Asked.Role != rolePrimary })
}

// node is a node from inside, with what the facts say of it.
type node struct {
	model.HostView
	model.Node
}

// nodes are those that were looked into, by name. That one with a VM of the scenario is not among them is noted.
func nodes(n *Notebook, o model.Observation) []node {
	stage, _ := o.Stage(model.Steady)
	for _, s := range members(n, o, model.Steady, primaryVMs) {
		pod, _, ok := Need(n, s.what("pod"), s.Pod)
		if _, looked := stage.Hosts[pod.Node]; ok && !looked {
			n.Cannot("node "+text(pod.Node), "nobody looked into it, though "+s.name+" runs there")
		}
	}
	var found []node
	for _, name := range slices.Sorted(maps.Keys(stage.Hosts)) {
		f, ok := o.Facts.Node(name)
		if !ok {
			n.Cannot("node "+name, "the facts have no node of that name")
			continue
		}
		found = append(found, node{stage.Hosts[name], f})
	}
	return found
}

// masqueradeSubnet is MS-01: in force is what the node's edge has.
func masqueradeSubnet(n *Notebook, o model.Observation) {
	subnet, err := netip.ParsePrefix(o.Facts.MasqueradeSubnet)
	if err != nil {
		n.Cannot("masqueradeSubnet", err.Error())
		return
	}
	own := host(subnet, hostMasquerade).String()
	for _, h := range nodes(n, o) {
		links, from, ok := Need(n, "links of node "+h.Name, h.Links)
		if !ok {
			continue
		}
		at := slices.IndexFunc(links, func(l model.Link) bool { return l.Name == h.EdgeBridge })
		if at < 0 {
			n.Has("links of node "+h.Name, from, text(h.EdgeBridge), "its edge bridge by the facts", linkNames(links))
			continue
		}
		n.Has("addresses of node "+h.Name+"'s "+h.EdgeBridge, from, own, "the node's in masquerade subnet "+subnet.String(), ipv4(links[at]))
	}
	highest, whose := 0, ""
	for _, w := range primaries(n, o) {
		id, err := networkID(w.Network)
		if err != nil {
			n.Cannot("network "+w.key, err.Error())
		} else if id > highest {
			highest, whose = id, w.key
		}
	}
	room, want := 1<<(32-subnet.Bits()), masqueradeRoom(highest)
	n.Check("size of masquerade subnet "+subnet.String(), Source{Place: "facts"}, fmt.Sprintf("%d addresses or more", want),
		fmt.Sprintf("up to network ID %d, of %s", highest, text(whose)), fmt.Sprintf("%d addresses", room), room >= want)
}

// twoMasqueradeIPs is MS-02.
func twoMasqueradeIPs(n *Notebook, o model.Observation) {
	all := primaries(n, o)
	for _, h := range nodes(n, o) {
		rows, from, ok := Need(n, "NAT on node "+h.Name, h.NAT)
		if !ok {
			continue
		}
		for _, w := range all {
			gateway, management, err := ownMasqueradeIPs(w.Network, o.Facts)
			if err != nil {
				n.Cannot("masquerade IPs of network "+w.key, err.Error())
				continue
			}
			n.Set("masquerade IPs in snat rules of network "+w.key+" ("+text(w.NetworkName)+") on node "+h.Name, from, []string{gateway.String(), management.String()},
				"network ID "+w.ID+" in "+o.Facts.MasqueradeSubnet,
				externalIPs(rows, func(r model.NATRow) bool { return r.Network == w.NetworkName && r.Type == "snat" }))
		}
	}
}

// unsharedMasqueradeIPs is MS-03, for all networks that the nodes have rules of.
func unsharedMasqueradeIPs(n *Notebook, o model.Observation) {
	subnet, err := netip.ParsePrefix(o.Facts.MasqueradeSubnet)
	if err != nil {
		n.Cannot("masqueradeSubnet", err.Error())
		return
	}
	for _, h := range nodes(n, o) {
		rows, from, ok := Need(n, "NAT on node "+h.Name, h.NAT)
		if !ok {
			continue
		}
		owners, networks := map[string][]string{}, map[string]bool{}
		for _, r := range rows {
			ip, err := netip.ParseAddr(r.ExternalIP)
			if err != nil || !subnet.Contains(ip) || r.Network == "" {
				continue
			}
			networks[r.Network] = true
			if !slices.Contains(owners[r.ExternalIP], r.Network) {
				owners[r.ExternalIP] = append(owners[r.ExternalIP], r.Network)
			}
		}
		if len(networks) < 2 {
			n.Cannot("NAT on node "+h.Name, fmt.Sprintf("%d networks have IPs of %s there: nobody to share with", len(networks), o.Facts.MasqueradeSubnet))
			continue
		}
		var got []string
		alone := true
		for _, ip := range slices.Sorted(maps.Keys(owners)) {
			got = append(got, ip+" "+strings.Join(owners[ip], " and "))
			alone = alone && len(owners[ip]) == 1
		}
		n.Check("owners of masquerade IPs on node "+h.Name, from, "one network each", "network IDs differ", list(got), alone)
	}
}

// gatewayModeInForce is MS-04: where the default network's traffic from the node's pods is sent.
func gatewayModeInForce(n *Notebook, o model.Observation) {
	for _, h := range nodes(n, o) {
		if mode, from, ok := Need(n, "gateway mode of node "+h.Name, h.GatewayMode); ok {
			n.Equal("gateway mode of node "+h.Name, from, o.Facts.GatewayMode, "the setting", mode)
		}
		routes, from, ok := Need(n, "OVN's routes on node "+h.Name, h.Routes)
		if !ok {
			continue
		}
		subnet, err := netip.ParsePrefix(h.PodSubnet)
		if err != nil {
			n.Cannot("podSubnet of node "+h.Name, err.Error())
			continue
		}
		want, why, err := egressNexthop(o.Facts.GatewayMode, subnet, routes)
		if err != nil {
			n.Cannot("gateway mode of node "+h.Name, err.Error())
			continue
		}
		var got []string
		for _, r := range routes {
			if r.Router == clusterRouter && r.Policy == "src-ip" && r.Prefix == subnet.String() {
				got = append(got, r.Nexthop)
			}
		}
		n.Set(fmt.Sprintf("next hop of %s for src-ip %s on node %s", clusterRouter, subnet, h.Name), from, []string{want}, why, got)
	}
}
