package model

// Link is a network interface with its addresses, as `ip -d -j addr` shows it.
type Link struct {
	Index int    `json:"index"`
	Name  string `json:"name"`
	// Kind is the driver's: veth, bridge, tun, dummy; empty for lo and hardware.
	Kind  string   `json:"kind,omitempty"`
	MAC   string   `json:"mac,omitempty"`
	MTU   int      `json:"mtu"`
	Flags []string `json:"flags,omitempty"`
	// State is the operational state: UP, DOWN, UNKNOWN.
	State string `json:"state,omitempty"`
	// Master is the bridge that the link is enslaved to.
	Master string `json:"master,omitempty"`
	// PeerIndex is a veth's other end, an index in the namespace where that end is; 0 for none.
	PeerIndex int       `json:"peerIndex,omitempty"`
	Addresses []Address `json:"addresses,omitempty"`
}

// Address is an address with its prefix length, as "10.0.2.2/24".
type Address struct {
	// Family is "inet" or "inet6".
	Family string `json:"family"`
	CIDR   string `json:"cidr"`
	Scope  string `json:"scope,omitempty"`
}

// Route is one row of a routing table.
type Route struct {
	// Family is "inet" or "inet6".
	Family string `json:"family"`
	// Table is "main" unless the row says otherwise.
	Table string `json:"table"`
	// Type is empty for a unicast route, else local, broadcast, blackhole, unreachable …
	Type string `json:"type,omitempty"`
	// Dst is "default" or a CIDR; a host's is written with /32.
	Dst    string `json:"dst"`
	Via    string `json:"via,omitempty"`
	Dev    string `json:"dev"`
	Proto  string `json:"proto,omitempty"`
	Scope  string `json:"scope,omitempty"`
	Src    string `json:"src,omitempty"`
	Metric int    `json:"metric,omitempty"`
}

// NIC is one network interface of a guest as its hypervisor process was told to make it.
type NIC struct {
	// Device is the QEMU device, as virtio-net-pci-non-transitional.
	Device string `json:"device"`
	// ID is the netdev's alias, which KubeVirt derives from the interface's name: hostua-default.
	ID  string `json:"id"`
	MAC string `json:"mac"`
	// Tap is the tap link that backs the NIC, in the launcher's namespace.
	Tap string `json:"tap"`
}

// GuestNIC is a network interface as the guest's kernel drives it.
type GuestNIC struct {
	Name   string `json:"name"`
	MAC    string `json:"mac"`
	Driver string `json:"driver"`
}

// Frame is one captured frame.
type Frame struct {
	// Seconds since the capture began.
	Seconds float64 `json:"seconds"`
	SrcMAC  string  `json:"srcMAC"`
	DstMAC  string  `json:"dstMAC"`
	// VLANs are the 802.1Q tags, outermost first.
	VLANs []int  `json:"vlans,omitempty"`
	Src   string `json:"src"`
	Dst   string `json:"dst"`
	// Proto is tcp, udp, icmp, arp …
	Proto   string `json:"proto"`
	SrcPort int    `json:"srcPort,omitempty"`
	DstPort int    `json:"dstPort,omitempty"`
	// Length of the IP packet in bytes.
	Length       int  `json:"length"`
	DontFragment bool `json:"df,omitempty"`
	Fragment     bool `json:"fragment,omitempty"`
}
