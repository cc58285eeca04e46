package fault

// What is broken in the launcher's network namespace. Addresses are documentation's (RFC 5737).

// extraLink adds a link that KubeVirt did not make.
var extraLink = Script{At: Launcher, VM: "vm-a",
	Change: `ip link add vmnet-extra type dummy`,
	Revert: `ip link del vmnet-extra`}

var podSecondAddress = Script{At: Launcher, VM: "vm-a",
	Change: `ip addr add 192.0.2.77/32 dev eth0`,
	Revert: `ip addr del 192.0.2.77/32 dev eth0`}

// bridgePrefix halves the bridge's subnet. The new address comes before the old one goes: traffic never stops.
func bridgePrefix(vm string) Script {
	return Script{At: Launcher, VM: vm,
		Change: `ip addr add $gateway/25 dev k6t-eth0; ip addr del $gateway/$prefix dev k6t-eth0`,
		Revert: `ip addr replace $gateway/$prefix brd + dev k6t-eth0; ip addr del $gateway/25 dev k6t-eth0`}
}

var tapWithoutBridge = Script{At: Launcher, VM: "vm-spare",
	Change: `ip link set tap0 nomaster`,
	Revert: `ip link set tap0 master k6t-eth0`,
	Undone: `ip -br link show k6t-eth0 | grep -qw UP`}

// bridgeMAC has the guest learn the new MAC at once: the request that follows a flushed entry carries it.
var bridgeMAC = Script{At: Launcher, VM: "vm-a",
	Save:   `cat /sys/class/net/k6t-eth0/address 2>/dev/null || ip -br link show k6t-eth0 | awk '{print $3}'`,
	Change: `ip link set k6t-eth0 address 02:00:00:00:00:77; ip neigh flush dev k6t-eth0`,
	Revert: `ip link set k6t-eth0 address 02:00:00:00:00:00; ip neigh flush dev k6t-eth0`,
	Effect: `ping -c 1 -W 2 $own`,
	Undone: `ping -c 1 -W 2 $own`}

// tapMTU is lowered by less than the four bytes of slack that a bridge allows for a VLAN tag, so that no packet is lost
// and one claim alone can tell.
var tapMTU = Script{At: Launcher, VM: "vm-a",
	Change: `ip link set tap0 mtu $((mtu - 2))`,
	Revert: `ip link set tap0 mtu $mtu`}

// towardEcho translates vm-a's connections to the echo pod to the outside peer instead: they are answered, by one who
// sees another address.
var towardEcho = []Step{Listen{}, Script{At: Launcher, VM: "vm-a",
	Change: `nft add table ip vmnet_fault
nft add chain ip vmnet_fault pre '{ type nat hook prerouting priority -110 ; }'
nft add rule ip vmnet_fault pre iifname k6t-eth0 ip daddr $echo tcp dport 8080 dnat to $outside:$stranger`,
	Revert: `nft delete table ip vmnet_fault`}}
