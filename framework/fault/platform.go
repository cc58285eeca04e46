package fault

// What is broken in OVN, Open vSwitch and KubeVirt's own pods.

// exempted has the gateway router of vm-b's node leave flows to the outside peer untranslated.
var exempted = Script{At: Northbound, VM: "vm-b",
	Save: `nb --bare --columns=nat list Logical_Router GR_$node | tr ' ' '\n' | while read -r n; do
[ "$(nb get NAT $n logical_ip | tr -d '"')" = "$cluster" ] && echo $n; done | grep .`,
	Change: `s=$(nb create Address_Set name=vmnet_fault addresses=\"$outside\")
for n in $was; do nb set NAT $n exempted_ext_ips=$s; done
nb --wait=hv sync`,
	Revert: `for n in $was; do nb clear NAT $n exempted_ext_ips; done
s=$(nb --bare --columns=_uuid find Address_Set name=vmnet_fault)
[ -z "$s" ] || nb destroy Address_Set $s
nb --wait=hv sync`}

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
	Revert: `nft delete table ip vmnet_fault`}

// otherIfaceID unplugs the spare VM's pod from its logical port.
var otherIfaceID = Script{At: Switch, VM: "vm-spare",
	Save:   `vs --bare --columns=name find Interface external_ids:iface-id=$port | grep .`,
	Change: `vs set Interface $was external_ids:iface-id=vmnet-fault`,
	Revert: `vs set Interface $was external_ids:iface-id=$port`,
	Effect: `! vs get Interface $was external_ids:ovn-installed`,
	Undone: `vs get Interface $was external_ids:ovn-installed | grep -q true`}
