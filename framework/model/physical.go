package model

import "time"

// PhysicalView is the world beyond the nodes' physical NICs, as its hosts see it.
type PhysicalView struct {
	// Peers are the hosts on VLANs, by name.
	Peers map[string]PhysicalPeer `json:"peers,omitempty"`
	// Leases are what the DHCP server wrote down.
	Leases Read[[]ServedLease] `json:"leases,omitzero"`
	// Mappings are the bridge mappings of each node while the scenario runs, by node and physical network.
	Mappings map[string]Read[map[string]string] `json:"mappings,omitempty"`
}

// PhysicalPeer is a host on a VLAN.
type PhysicalPeer struct {
	// VLAN is its 802.1Q ID, and Address its own there, as the underlay says.
	VLAN    int    `json:"vlan"`
	Address string `json:"address"`
	// Links and Neighbours are what it sees of itself and of others on the VLAN.
	Links      Read[[]Link]      `json:"links"`
	Neighbours Read[[]Neighbour] `json:"neighbours"`
}

// ServedLease is a row of the DHCP server's own list.
type ServedLease struct {
	MAC      string    `json:"mac"`
	IP       string    `json:"ip"`
	Hostname string    `json:"hostname,omitempty"`
	Expires  time.Time `json:"expires"`
}

// Hop is one place on a path's way, in the order in which a packet passes them.
type Hop struct {
	// Name says which kind of place: "guest NIC", "tap", "launcher bridge", "pod port", "OVS port", "logical port",
	// "logical switch NAME" or "logical router NAME", "bridge mapping", "physical port", "peer"; of the end that receives
	// with "receiver's " before it, and of the answer on its way back with "answer at ".
	Name string `json:"name"`
	// Seen is whether the probe's packet was there; of a setting, whether it lets the packet through.
	Seen Read[bool] `json:"seen"`
}
