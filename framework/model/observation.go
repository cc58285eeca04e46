package model

// Observation is everything that a run saw of one scenario. It is stored, and judged again offline.
type Observation struct {
	// Format is the version of this layout; see FormatVersion.
	Format   int     `json:"format"`
	Scenario string  `json:"scenario"`
	Facts    Facts   `json:"facts"`
	Stages   []Stage `json:"stages"`
}

// FormatVersion is the layout that this code writes and reads.
const FormatVersion = 1

// Stage is one round of looking: "steady", "restarted", "migrated".
type Stage struct {
	Name string `json:"name"`
	// VMs by name.
	VMs map[string]VMView `json:"vms"`
	// Paths by name: attempts to pass traffic, see Path.
	Paths map[string]Read[Path] `json:"paths"`
	// Frames by the name of the path whose flow was captured, at the receiver: what was on the wire while that attempt
	// ran. Frames of other protocols and ports may be among them; other attempts toward the same port may not.
	Frames map[string]Read[[]Frame] `json:"frames"`
	// Controls are the links that any pod on a node has, by node: what is subtracted where claims say "exactly".
	Controls map[string]Read[[]Link] `json:"controls"`
	// Services that the paths lead through, by the Service's name: "echo", "vm-a".
	Services map[string]Read[Service] `json:"services,omitempty"`
	// Pods are the scenario's pods that run no VM, by name.
	Pods map[string]Read[Pod] `json:"pods,omitempty"`
	// Networks are the user-defined networks of the scenario, by name, with the group before it where it has one:
	// "primary-udn", "other/primary-udn".
	Networks map[string]Read[Network] `json:"networks,omitempty"`
	// Hosts are the nodes themselves, by name.
	Hosts map[string]HostView `json:"hosts,omitempty"`
	// Flows are attempts followed through the translations on the way, by the path's name.
	Flows map[string]Read[Flow] `json:"flows,omitempty"`
	// Physical is the world beyond the nodes' physical NICs, where the scenario has to do with it.
	Physical PhysicalView `json:"physical,omitzero"`
	// Connections are those that were open while the stage came about, by name: "pod/client>vm-q".
	Connections map[string]Read[Connection] `json:"connections,omitempty"`
	// Removal is what became of the network that was deleted under a VM, in the stage Deleted.
	Removal Read[Removal] `json:"removal,omitzero"`
}

// The names of the stages, in the order in which a scenario goes through them.
const (
	// Steady is the first: all VMs up, nothing moved yet.
	Steady = "steady"
	// Restarted is after a VM was stopped and started again.
	Restarted = "restarted"
	// Migrated is after a VM was moved to another node alive.
	Migrated = "migrated"
	// Deleted is after a network that a VM uses was deleted; the last.
	Deleted = "deleted"
)

// Stage returns the stage of that name.
func (o Observation) Stage(name string) (Stage, bool) {
	for _, s := range o.Stages {
		if s.Name == name {
			return s, true
		}
	}
	return Stage{}, false
}

// VMSpec is what the manifest asked for.
type VMSpec struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Hostname is spec.hostname, or the VM's name.
	Hostname   string          `json:"hostname"`
	Interfaces []InterfaceSpec `json:"interfaces"`
	// Group says which of the scenario's namespaces the VM is in; empty for the main one.
	Group string `json:"group,omitempty"`
	// Spare VMs exist for faults that cut a guest off: nobody looks into their guest.
	Spare bool `json:"spare,omitempty"`
}

// InterfaceSpec is one interface of a VM with the network it is attached to.
type InterfaceSpec struct {
	// Name is both the interface's and the network's in the VMI.
	Name string `json:"name"`
	// Binding is "masquerade", "bridge", or a binding plugin's name such as "l2bridge".
	Binding string `json:"binding"`
	MAC     string `json:"mac,omitempty"`
	Model   string `json:"model,omitempty"`
	// Network is "" for the pod network, else the NetworkAttachmentDefinition.
	Network string `json:"network,omitempty"`
	// VMNetworkCIDR is the masquerade binding's own subnet; KubeVirt's default is 10.0.2.0/24.
	VMNetworkCIDR string `json:"vmNetworkCIDR,omitempty"`
}

// VMView is one VM as seen from all places in one stage.
type VMView struct {
	Spec     VMSpec       `json:"spec"`
	Pod      Read[Pod]    `json:"pod"`
	VMI      Read[VMI]    `json:"vmi"`
	Launcher LauncherView `json:"launcher"`
	Guest    GuestView    `json:"guest"`
	// Port is what the launcher's eth0 is plugged into.
	Port Read[LogicalPort] `json:"port"`
	// IPAMClaims hold the VM's addresses, by the name of the interface in the spec.
	IPAMClaims map[string]Read[IPAMClaim] `json:"ipamClaims,omitempty"`
}

// LauncherView is the virt-launcher pod's network namespace.
type LauncherView struct {
	Links  Read[[]Link]  `json:"links"`
	Routes Read[[]Route] `json:"routes"`
	// NICs are the hypervisor's network devices with the taps that back them.
	NICs Read[[]NIC] `json:"nics"`
}

// GuestView is the inside of the VM, over SSH.
type GuestView struct {
	Links    Read[[]Link]     `json:"links"`
	Routes   Read[[]Route]    `json:"routes"`
	NICs     Read[[]GuestNIC] `json:"nics"`
	Hostname Read[string]     `json:"hostname"`
	// Neighbours is the guest's table of neighbours (ARP).
	Neighbours Read[[]Neighbour] `json:"neighbours,omitzero"`
	// Leases are what the DHCP client was given, by the NIC's name.
	Leases Read[map[string]Lease] `json:"leases,omitzero"`
}

// Pod is a virt-launcher pod as the API shows it.
type Pod struct {
	Name string   `json:"name"`
	UID  string   `json:"uid"`
	Node string   `json:"node"`
	IPs  []string `json:"ips"`
	// Allotted is what OVN-Kubernetes says that it gave, by network (k8s.ovn.org/pod-networks): "default", "ns/nad".
	Allotted map[string]Allotment `json:"allotted"`
}

// Allotment is one network's entry in the pod-networks annotation.
type Allotment struct {
	// CIDRs are the addresses with prefix.
	CIDRs    []string `json:"cidrs"`
	MAC      string   `json:"mac"`
	Gateways []string `json:"gateways,omitempty"`
	// Role is primary, secondary or infrastructure-locked.
	Role string `json:"role"`
}

// VMI is a VirtualMachineInstance's status.
type VMI struct {
	Phase      string         `json:"phase"`
	Node       string         `json:"node"`
	Interfaces []VMIInterface `json:"interfaces"`
	// Conditions are those that are not True: what does not work, and why.
	Conditions []VMICondition `json:"conditions,omitempty"`
}

// VMICondition is one row of status.conditions.
type VMICondition struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// VMIInterface is one row of status.interfaces.
type VMIInterface struct {
	Name         string   `json:"name"`
	MAC          string   `json:"mac"`
	IP           string   `json:"ip"`
	IPs          []string `json:"ips,omitempty"`
	PodInterface string   `json:"podInterface,omitempty"`
}

// LogicalPort follows a pod's eth0 out of its namespace: host veth, OVS interface, OVN port, chassis.
type LogicalPort struct {
	// HostLink is the veth's other end, in the node's namespace.
	HostLink string `json:"hostLink"`
	// IfaceID is external_ids:iface-id of the OVS interface of that name; empty when OVS has none.
	IfaceID string `json:"ifaceID"`
	// Name is the OVN logical port with the pod's MAC and address, in the northbound database of the VM's node.
	Name string `json:"name"`
	// Chassis is the node that the southbound database has the port bound to.
	Chassis string `json:"chassis"`
	// Up is the southbound database's word on the port.
	Up bool `json:"up"`
}

// Service is a Kubernetes Service as the API shows it: what the control plane says that it gave.
type Service struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	ClusterIP string `json:"clusterIP"`
	Ports     []int  `json:"ports,omitempty"`
	// Backends are the hostnames behind it: a pod's name, a VM's hostname.
	Backends []string `json:"backends,omitempty"`
}

// Path is one attempt to pass traffic between two named ends, as each end saw it.
type Path struct {
	// From and To name ends: "vm/vm-a", "pod/client", "peer/outside", "service/vm-a".
	From string `json:"from"`
	To   string `json:"to"`
	// Kind is ping, http, ssh, dns or udp.
	Kind string `json:"kind"`
	// Target is what was dialled: an address, address:port or URL.
	Target string `json:"target"`
	// Passed is whether the traffic arrived and, where it has an answer, the answer came back.
	Passed bool `json:"passed"`
	// SourceSeen is the client's address as the far end saw it, without port.
	SourceSeen string `json:"sourceSeen,omitempty"`
	SourcePort int    `json:"sourcePort,omitempty"`
	// ClientPort is the client's own port, before any translation.
	ClientPort int `json:"clientPort,omitempty"`
	// Answer is what the far end said of itself (its hostname), or what a name resolved to.
	Answer string `json:"answer,omitempty"`
	// Size is the IP packet's in bytes, where the attempt fixes it.
	Size int `json:"size,omitempty"`
	// Hops are the places on the way, walked when the attempt did not end as it should.
	Hops []Hop `json:"hops,omitempty"`
	// Detail is the client's last word, for a reader; no claim judges it.
	Detail string `json:"detail,omitempty"`
}
