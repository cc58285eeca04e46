package model

// Network is a user-defined network, as asked for and as the control plane made it.
type Network struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Asked is what the manifest says.
	Asked NetworkSpec `json:"asked"`
	// Created is the NetworkCreated condition's status, with its reason and message.
	Created string `json:"created"`
	Reason  string `json:"reason,omitempty"`
	// Made is what the network's NetworkAttachmentDefinition says.
	Made NetworkSpec `json:"made"`
	// NetworkName is the network's name in OVN-Kubernetes, as namespace_name.
	NetworkName string `json:"networkName"`
	// ID is the annotation k8s.ovn.org/network-id of the NetworkAttachmentDefinition; empty where it has none.
	ID string `json:"id"`
}

// NetworkSpec is what a network is meant to be, in the words of the UserDefinedNetwork's fields.
type NetworkSpec struct {
	// Topology is layer2, layer3 or localnet, in lower case; bridge for a Linux bridge.
	Topology string `json:"topology"`
	// Role is primary or secondary, in lower case.
	Role    string   `json:"role"`
	Subnets []string `json:"subnets,omitempty"`
	// MTU in bytes; 0 where it is not named, which is the cluster network's.
	MTU int `json:"mtu,omitempty"`
	// PhysicalNetwork is a localnet's name in the nodes' bridge mappings, and VLAN its 802.1Q ID; 0 for none.
	PhysicalNetwork string `json:"physicalNetwork,omitempty"`
	VLAN            int    `json:"vlan,omitempty"`
	// Persistent is whether addresses outlive a VM's instance.
	Persistent bool `json:"persistent,omitempty"`
	// Plugins are the CNI plugins that a NetworkAttachmentDefinition of the user's own names, in their order.
	Plugins []string `json:"plugins,omitempty"`
	// Bridge is the Linux bridge on the node, where the topology is bridge; Trunk are the VLANs that its port lets through
	// with their tag, and Sysctls what a plugin of the chain sets in the pod, IFNAME standing for the attachment's link.
	Bridge  string            `json:"bridge,omitempty"`
	Trunk   []int             `json:"trunk,omitempty"`
	Sysctls map[string]string `json:"sysctls,omitempty"`
}

// IPAMClaim is the object that holds a VM's address between its instances.
type IPAMClaim struct {
	Name      string   `json:"name"`
	Network   string   `json:"network"`
	Interface string   `json:"interface"`
	IPs       []string `json:"ips,omitempty"`
	// By says who made it: "ipam-extension" or "vmnet".
	By string `json:"by"`
}

// HostView is a node from inside.
type HostView struct {
	// Links are the node's own, with addresses.
	Links Read[[]Link] `json:"links"`
	// NAT are the rules of all routers in the node's northbound database.
	NAT Read[[]NATRow] `json:"nat"`
	// Routes are the static routes of all routers there.
	Routes Read[[]OVNRoute] `json:"routes"`
	// DHCP are the rows of the table DHCP_Options there.
	DHCP Read[[]DHCPOptions] `json:"dhcp"`
	// GatewayMode is what the node's annotation k8s.ovn.org/l3-gateway-config says for mode.
	GatewayMode Read[string] `json:"gatewayMode"`
}

// NATRow is one row of OVN's table NAT with the router that has it.
type NATRow struct {
	UUID string `json:"uuid"`
	// Router is the logical router's name, as GR_ns_net_node.
	Router string `json:"router"`
	// Network is external_ids:k8s.ovn.org/network; empty for the default network.
	Network    string `json:"network,omitempty"`
	Type       string `json:"type"`
	LogicalIP  string `json:"logicalIP"`
	ExternalIP string `json:"externalIP"`
	// LogicalPort and Match narrow a row.
	LogicalPort string `json:"logicalPort,omitempty"`
	Match       string `json:"match,omitempty"`
}

// OVNRoute is one static route of a logical router.
type OVNRoute struct {
	Router  string `json:"router"`
	Prefix  string `json:"prefix"`
	Policy  string `json:"policy,omitempty"`
	Nexthop string `json:"nexthop"`
	Port    string `json:"port,omitempty"`
}

// Flow is one connection as each place on its way has it.
type Flow struct {
	// Entries are those of connection tracking on the client's node that belong to it: found by the guest's own
	// address and port, and from there by the ports of what they were translated to.
	Entries []Conntrack `json:"entries"`
}

// Conntrack is one entry of connection tracking.
type Conntrack struct {
	Proto    string `json:"proto"`
	Original Tuple  `json:"original"`
	Reply    Tuple  `json:"reply"`
	Mark     int    `json:"mark,omitempty"`
	Zone     int    `json:"zone,omitempty"`
}

// Tuple is one direction of a connection.
type Tuple struct {
	Src     string `json:"src"`
	Dst     string `json:"dst"`
	SrcPort int    `json:"srcPort"`
	DstPort int    `json:"dstPort"`
}

// Neighbour is one row of a neighbour table.
type Neighbour struct {
	IP    string `json:"ip"`
	MAC   string `json:"mac,omitempty"`
	Dev   string `json:"dev"`
	State string `json:"state,omitempty"`
}

// Lease is what a DHCP client was given.
type Lease struct {
	IP       string   `json:"ip"`
	Prefix   int      `json:"prefix"`
	Router   string   `json:"router,omitempty"`
	DNS      []string `json:"dns,omitempty"`
	MTU      int      `json:"mtu,omitempty"`
	Hostname string   `json:"hostname,omitempty"`
	// Seconds that it is good for.
	Seconds int `json:"seconds"`
	// Server is the server's identifier.
	Server string `json:"server,omitempty"`
}

// Connection is one that stayed open while something happened.
type Connection struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Sent and Answered count the exchanges on it.
	Sent     int `json:"sent"`
	Answered int `json:"answered"`
	// LongestGap is the longest time between two answers, in seconds.
	LongestGap float64 `json:"longestGap"`
	// Broken says why it ended before it was closed; empty for one that lived.
	Broken string `json:"broken,omitempty"`
}

// Removal is a network after its deletion was asked for, while a VM uses it.
type Removal struct {
	// Network as in Stage.Networks.
	Network string `json:"network"`
	// There is whether the object was still there at the end of the wait, Deleting whether its deletion was asked for.
	There      bool     `json:"there"`
	Deleting   bool     `json:"deleting"`
	Finalizers []string `json:"finalizers,omitempty"`
	// Users are the pods, as namespace/name, whose end OVN-Kubernetes says it waits for.
	Users []string `json:"users,omitempty"`
	// Waited is how long it was looked at, in seconds.
	Waited float64 `json:"waited"`
}

// DHCPOptions is one row of OVN's table DHCP_Options: what its DHCP server hands out to one VM.
type DHCPOptions struct {
	// Owner is external_ids:k8s.ovn.org/name, as namespace/vm.
	Owner   string            `json:"owner"`
	CIDR    string            `json:"cidr"`
	Options map[string]string `json:"options"`
}
