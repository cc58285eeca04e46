package fault

// What is broken in OVN and on the nodes, of user-defined networks.

// routerRow prints UUID and external_ip of the rule by which a network's gateway router on the node translates what leaves
// the node: of its rules for the subnet the one that is about no logical port.
const routerRow = `row() { # ROUTER SUBNET
for n in $(nb --bare --columns=nat list Logical_Router "$1"); do
[ "$(nb get NAT $n logical_ip | tr -d '"')" = "$2" ] && [ -z "$(nb --bare --columns=logical_port list NAT $n)" ] &&
echo $n $(nb get NAT $n external_ip | tr -d '"'); done | grep .; }
`

// otherExternal has that rule translate to the node's own address. The peer's answers are then the node's, not the VM's;
// nothing of the masquerade subnet is on the wire.
func otherExternal(vm string) Script {
	return Script{At: Northbound, VM: vm,
		Save: routerRow + `row $router_primary_udn $subnet_primary_udn`,
		Change: `nb set NAT ${was% *} external_ip=$edge
nb --wait=hv sync`,
		Revert: `nb set NAT ${was% *} external_ip=${was#* }
nb --wait=hv sync`}
}

// sharedMasquerade gives another network's rule the masquerade IP of the main one.
var sharedMasquerade = Script{At: Northbound, VM: "vm-p",
	Save: routerRow + `theirs=$(row $router_other_other_udn $subnet_other_other_udn)
ours=$(row $router_primary_udn $subnet_primary_udn); echo $theirs ${ours#* }`,
	Change: `set -- $was; nb set NAT $1 external_ip=$3
nb --wait=hv sync`,
	Revert: `set -- $was; nb set NAT $1 external_ip=$2
nb --wait=hv sync`}

// untranslated keeps the node's edge from translating what the network's gateway router sends: its flow wants the edge
// bridge's own MAC as source (OVN-Kubernetes, go-controller/pkg/node/bridgeconfig: commonFlows), and what has another goes
// out as it is. A flow of ours would not last: OVN-Kubernetes replaces all of the bridge's every 15 seconds. With that MAC
// the router's requests for MACs are dropped, too; so it learns the peer's before.
var untranslated = []Step{
	Script{At: Guest, VM: "vm-p", Change: `ping -c 1 -W 5 $outside || :`, Revert: `true`}, // whether it is answered or not
	Script{At: Northbound, VM: "vm-p",
		Save: `nb get Logical_Router_Port rtoe-$router_primary_udn mac | tr -d '"'`,
		Change: `nb set Logical_Router_Port rtoe-$router_primary_udn mac=\"02:00:00:00:00:77\"
nb --wait=hv sync`,
		Revert: `nb set Logical_Router_Port rtoe-$router_primary_udn mac=\"$was\"
nb --wait=hv sync`},
}

// udnPairDenied drops pings to a VM, where they arrive. The network and both addresses are names of variables.
func udnPairDenied(vm, network, from, to string) Script {
	rule := `$switch_` + network + ` to-lport 32000 "icmp4.type == 8 && ip4.src == $` + from + ` && ip4.dst == $` + to + `"`
	return Script{At: Northbound, VM: vm,
		Change: `nb acl-add ` + rule + ` drop
nb --wait=hv sync`,
		Revert: `nb acl-del ` + rule + `
nb --wait=hv sync`}
}

// lockedOpen has OVN admit what it denies to and from pods on primary user-defined networks, on the node's share of the
// cluster network (OVN-Kubernetes, go-controller/pkg/ovn: udn_isolation.go, the ACLs' names by release).
var lockedOpen = Script{At: Northbound, VM: "vm-p",
	Save: `for n in DenySecondary DenyPrimaryUDN; do
nb --bare --columns=_uuid find ACL external_ids:k8s.ovn.org/name=$n action=drop; done | grep .`,
	Change: `for a in $was; do nb set ACL $a action=allow-related; done
nb --wait=hv sync`,
	Revert: `for a in $was; do nb set ACL $a action=drop; done
nb --wait=hv sync`}

// hostOpen has the node let all of its processes reach the listener on the launcher, not the kubelet's alone
// (OVN-Kubernetes, go-controller/pkg/node: udn_isolation.go).
var hostOpen = Script{At: Switch, VM: "vm-p",
	Change: `nft insert rule inet ovn-kubernetes udn-isolation ip daddr $ip tcp dport 8090 accept comment '"vmnet_fault"'`,
	Revert: `for h in $(nft -a list chain inet ovn-kubernetes udn-isolation | sed -n 's/.*vmnet_fault.* # handle \([0-9]*\).*/\1/p'); do
nft delete rule inet ovn-kubernetes udn-isolation handle $h; done`}

// routerPort gives the main network's gateway router on vm's node a port on another network's switch: it then forwards what
// VMs send to addresses there.
func routerPort(vm, to string) Script {
	return Script{At: Northbound, VM: vm,
		Change: `nb lrp-add $router_primary_udn vmnet-fault 02:00:00:00:00:fe $last_` + to + `/${subnet_` + to + `#*/}
nb lsp-add $switch_` + to + ` vmnet-fault-switch -- lsp-set-type vmnet-fault-switch router -- lsp-set-addresses vmnet-fault-switch router \
-- lsp-set-options vmnet-fault-switch router-port=vmnet-fault
nb --wait=hv sync`,
		Revert: `nb --if-exists lsp-del vmnet-fault-switch
nb --if-exists lrp-del vmnet-fault
nb --wait=hv sync`}
}

// secondaryOut adds to that the answer for the host outside: a VM without a route asks for its MAC on the secondary network.
var secondaryOut = []Step{routerPort("vm-ps", "secondary_udn"), Script{At: Northbound, VM: "vm-ps",
	Change: `nb set Logical_Switch_Port vmnet-fault-switch options:arp_proxy=\"$outside\"
nb --wait=hv sync`,
	Revert: `nb --if-exists remove Logical_Switch_Port vmnet-fault-switch options arp_proxy`}}

// joined connects the two networks of one subnet on twin-a's node by a veth whose ends are a port of each one's switch, for
// all that has no other.
var joined = []Step{
	Script{At: Northbound, VM: "pod/twin-a",
		Change: `nb lsp-add $switch_primary_udn vmnet-fault-0 -- lsp-set-addresses vmnet-fault-0 unknown
nb lsp-add $switch_twin_primary_udn vmnet-fault-1 -- lsp-set-addresses vmnet-fault-1 unknown`,
		Revert: `nb --if-exists lsp-del vmnet-fault-0
nb --if-exists lsp-del vmnet-fault-1
nb --wait=hv sync`},
	Script{At: Switch, VM: "pod/twin-a",
		Change: `ip link add vmnet-f0 type veth peer name vmnet-f1
for n in 0 1; do ip link set vmnet-f$n up
vs --may-exist add-port br-int vmnet-f$n -- set Interface vmnet-f$n external_ids:iface-id=vmnet-fault-$n; done`,
		Revert: `for n in 0 1; do vs --if-exists del-port br-int vmnet-f$n; done
del_link vmnet-f0`,
		Effect: `for n in 0 1; do vs get Interface vmnet-f$n external_ids:ovn-installed | grep -q true; done`},
}

// dhcpRow prints UUID and lease time of what OVN's DHCP server tells a VM on the main network.
const dhcpRow = `for r in $(nb --bare --columns=_uuid find DHCP_Options external_ids:k8s.ovn.org/name=$vm_namespace/vm-p); do
[ "$(nb get DHCP_Options $r cidr | tr -d '"')" = "$subnet_primary_udn" ] && echo $r $(nb get DHCP_Options $r options:lease_time | tr -d '"'); done | grep .`

// The lease time of OVN-Kubernetes (go-controller/pkg/kubevirt: dhcp.go), and another.
const (
	leaseTime      = "3500"
	otherLeaseTime = "3400"
)

// shorterLease changes the lease time that OVN tells vm-p.
var shorterLease = Script{At: Northbound, VM: "vm-p",
	Save: dhcpRow,
	Change: `nb set DHCP_Options ${was% *} options:lease_time=` + otherLeaseTime + `
nb --wait=hv sync`,
	Revert: `nb set DHCP_Options ${was% *} options:lease_time=${was#* }
nb --wait=hv sync`}

// oldLease lets the guest have that lease, and OVN's row be as before.
var oldLease = []Step{shorterLease, leaseRenewed,
	Script{At: Northbound, VM: "vm-p",
		Save: dhcpRow,
		Change: `nb set DHCP_Options ${was% *} options:lease_time=` + leaseTime + `
nb --wait=hv sync`,
		Revert: `true`}}
