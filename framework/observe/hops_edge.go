package observe

import "errors"

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
	across := far.node != "" && far.node != near.node
	if near.node == "" || far.host == nil && !across {
		return nil
	}
	all := []*station{o.edge("physical port", near.node, near, here, across, outer)}
	if across {
		all = append(all, o.edge("receiver's physical port", far.node, near, there, across, outer))
	}
	return all
}

// edge is a node's link to the outside that traffic of an end's network takes.
func (o *observer) edge(hop, node string, e end, s switching, across bool, far []string) *station {
	st := &station{hop: hop, at: placed("node " + node), in: place{node: node}, far: far}
	switch physical := e.network.PhysicalNetwork; {
	case !e.onOVS() && (o.bed.Underlay == nil || o.bed.Underlay.Physical == nil):
		st.err = errors.New("the underlay names no link of the nodes to the physical side")
	case !e.onOVS(): // a bridge of the node's own
		st.link = o.bed.Underlay.Physical.Interface
	case physical != "":
		st.link, st.err = s.physicalOf(s.bridges.Value.mappings[physical])
	default:
		n, _ := o.facts.Node(node)
		st.link, st.err = s.physicalOf(n.EdgeBridge)
		st.tunnelled = across
	}
	return st
}
