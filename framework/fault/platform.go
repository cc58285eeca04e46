package fault

// What is broken in OVN, Open vSwitch and KubeVirt's own pods.

// exempted has the gateway router of a VM's node leave flows to the outside peer untranslated.
func exempted(vm string) Script {
	return Script{At: Northbound, VM: vm,
		Save: `nb --bare --columns=nat list Logical_Router GR_$node | tr ' ' '\n' | while read -r n; do
[ "$(nb get NAT $n logical_ip | tr -d '"')" = "$cluster" ] && echo $n; done | grep .`,
		Change: `s=$(nb create Address_Set name=vmnet_fault addresses=\"$outside\")
for n in $was; do nb set NAT $n exempted_ext_ips=$s; done
nb --wait=hv sync`,
		Revert: `for n in $was; do nb clear NAT $n exempted_ext_ips; done
s=$(nb --bare --columns=_uuid find Address_Set name=vmnet_fault)
[ -z "$s" ] || nb destroy Address_Set $s
nb --wait=hv sync`}
}

// pairDenied drops what vm-a sends to vm-b, where it arrives.
var pairDenied = Script{At: Northbound, VM: "vm-b",
	Change: `nb acl-add $node to-lport 32000 "ip4.src == $vm_a_ip && ip4.dst == $ip" drop
nb --wait=hv sync`,
	Revert: `nb acl-del $node to-lport 32000 "ip4.src == $vm_a_ip && ip4.dst == $ip"
nb --wait=hv sync`}

// smallerGateway lowers what the gateway router of vm-b's node lets in. The outside peer learns of it by ICMP and would
// remember for ten minutes, to the disadvantage of nothing that is judged.
var smallerGateway = []Step{
	Script{At: Outside, VM: "vm-b", Change: `true`, Revert: `ip route flush cache || true`},
	Script{At: Northbound, VM: "vm-b",
		Save: `nb --if-exists get Logical_Router_Port rtoj-GR_$node options:gateway_mtu | tr -d '"'`,
		Change: `nb set Logical_Router_Port rtoj-GR_$node options:gateway_mtu=$((mtu - 100))
nb --wait=hv sync`,
		Revert: `if [ -n "$was" ]; then nb set Logical_Router_Port rtoj-GR_$node options:gateway_mtu=$was
else nb remove Logical_Router_Port rtoj-GR_$node options gateway_mtu; fi
nb --wait=hv sync`},
}

// largerGateway lets a datagram of one byte more than the MTU come whole to vm-b: each of those who would refuse it gets some
// room. OVN's routers look at it twice; Open vSwitch holds it against the MTU of the veth that it puts it into; and the
// launcher, which forwards it, against its route to the guest, where that has an MTU of its own (Linux,
// ip_dst_mtu_maybe_forward), so that no link that is looked at changes. The other hops allow for a VLAN tag's four bytes.
var largerGateway = []Step{
	Script{At: Northbound, VM: "vm-b",
		Save: `for p in rtoj-GR_$node rtos-$node; do
echo $p $(nb --if-exists get Logical_Router_Port $p options:gateway_mtu | tr -d '"'); done`,
		Change: `echo "$was" | while read -r p m; do
[ -z "$m" ] || nb set Logical_Router_Port $p options:gateway_mtu=$((m + 20)); done
nb --wait=hv sync`,
		Revert: `echo "$was" | while read -r p m; do
[ -z "$m" ] || nb set Logical_Router_Port $p options:gateway_mtu=$m; done
nb --wait=hv sync`},
	Script{At: Switch, VM: "vm-b",
		Save: `n=$(vs --bare --columns=name find Interface external_ids:iface-id=$port | grep .)
echo $n $(cat /sys/class/net/$n/mtu)`,
		Change: `ip link set ${was% *} mtu $((${was#* } + 20))`,
		Revert: `ip link set ${was% *} mtu ${was#* }`},
	Script{At: Launcher, VM: "vm-b",
		Save:   `ip route show dev k6t-eth0 | head -n 1 | grep .`,
		Change: `ip route replace $was dev k6t-eth0 mtu $((mtu + 20))`,
		Revert: `ip route replace $was dev k6t-eth0`},
}

// nobodyBehind takes the backends from vm-a's Service, and waits for OVN's load balancer on the client's node to follow.
// Every node has it; vm-b's database is asked.
var nobodyBehind = []Step{
	Script{At: Northbound, VM: "vm-b", Change: `true`, Revert: `nb --wait=hv sync`,
		Undone: `nb --bare --columns=vips list Load_Balancer | grep -F "$service_vm_a:8080" | grep -qF "$vm_a_ip:8080"`},
	Retarget{Service: "vm-a"},
	Script{At: Northbound, VM: "vm-b", Change: `true`, Revert: `true`,
		Effect: `nb --bare --columns=vips list Load_Balancer | grep -F "$service_vm_a:8080" | grep -qF "$vm_a_ip:8080" && exit 1
nb --wait=hv sync`},
}

// noNewForwards drops what opens a connection from virt-api to the guest's SSH. Connections that are up stay up: the
// claims that look into the guest must not suffer.
var noNewForwards = Script{At: VirtAPI, VM: "vm-c",
	Change: `nft add table ip vmnet_fault
nft add chain ip vmnet_fault out '{ type filter hook output priority 0 ; }'
nft add rule ip vmnet_fault out ip daddr $ip tcp dport 22 'tcp flags & (syn | ack) == syn' drop`,
	Revert: `del_table ip vmnet_fault`}

// otherIfaceID unplugs the spare VM's pod from its logical port.
var otherIfaceID = Script{At: Switch, VM: "vm-spare",
	Save:   `vs --bare --columns=name find Interface external_ids:iface-id=$port | grep .`,
	Change: `vs set Interface $was external_ids:iface-id=vmnet-fault`,
	Revert: `vs set Interface $was external_ids:iface-id=$port`,
	Effect: `! vs get Interface $was external_ids:ovn-installed`,
	Undone: `vs get Interface $was external_ids:ovn-installed | grep -q true`}
