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
	// Localnets are OVN's ports to physical networks in each node's northbound database, by node, read while the network
	// of Refusals[unmapped] is there.
	Localnets map[string]Read[[]LocalnetPort] `json:"localnets,omitempty"`
	// Refusals are attempts at what is not to come about: "unmapped", a pod on a physical network that no node maps;
	// "misnamed", a pod on an attachment that calls itself by another's name; "udn-localnet", a UserDefinedNetwork of the
	// topology Localnet. "udn-layer2" is one of another topology, asked for in the same way, which is to come about.
	Refusals map[string]Read[Refusal] `json:"refusals,omitempty"`
	// CNI is what the runtime of each node has of network plugins, by node.
	CNI map[string]Read[CNI] `json:"cni,omitempty"`
	// Attachments are the rows of the annotation k8s.v1.cni.cncf.io/network-status, by VM or, where it runs none, by pod.
	Attachments map[string]Read[[]Attachment] `json:"attachments,omitempty"`
	// Sysctls are settings in the launcher's network namespace, by VM and by their names, in which the links have those of now.
	Sysctls map[string]Read[map[string]string] `json:"sysctls,omitempty"`
}

// CNI is a node's configuration of network plugins.
type CNI struct {
	// File is the one that the runtime reads, the first by its name, and Type the plugin that it is told to call.
	File string `json:"file"`
	Type string `json:"type"`
	// Delegate is the plugin that this one calls for the cluster's network.
	Delegate string `json:"delegate"`
	// Binaries are the programs in the runtime's folder of plugins.
	Binaries []string `json:"binaries"`
}

// Attachment is what Multus says of one network of a pod.
type Attachment struct {
	// Name is the network's, as namespace/name; Default is true for the cluster's, which has another name.
	Name      string   `json:"name"`
	Default   bool     `json:"default,omitempty"`
	Interface string   `json:"interface"`
	MAC       string   `json:"mac"`
	IPs       []string `json:"ips,omitempty"`
}

// LocalnetPort is the port by which a network's logical switch leads to a physical one.
type LocalnetPort struct {
	Name string `json:"name"`
	// PhysicalNetwork is its option network_name, which the node's bridge mappings must name.
	PhysicalNetwork string `json:"physicalNetwork"`
	// VLAN is the tag that frames leave with; 0 for none.
	VLAN int `json:"vlan,omitempty"`
}

// Refusal is what came of an attempt.
type Refusal struct {
	// Network is the network that was tried, as namespace/name, and Asked what its manifest says.
	Network string      `json:"network"`
	Asked   NetworkSpec `json:"asked"`
	// Node is where its pod was put; empty for a network without one.
	Node string `json:"node,omitempty"`
	// Came is whether it came about: the pod got ready, the API server would have made the object.
	Came bool `json:"came"`
	// Warnings are what the API server said, or the events of that type about the pod and the network, the oldest first.
	Warnings []Warning `json:"warnings,omitempty"`
}

// Warning is one thing said against an object.
type Warning struct {
	// About names the object.
	About   string `json:"about"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// PhysicalPeer is a host on a VLAN.
type PhysicalPeer struct {
	// VLAN is its 802.1Q ID, Address its own there and Prefix the length of the VLAN's subnet, as the underlay says.
	VLAN    int    `json:"vlan"`
	Address string `json:"address"`
	Prefix  int    `json:"prefix"`
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
