package fault

// What is broken in the launcher's network namespace. Addresses are documentation's (RFC 5737).

// extraLink adds a link that KubeVirt did not make.
func extraLink(vm string) Script {
	return Script{At: Launcher, VM: vm,
		Change: `ip link add vmnet-extra type dummy`,
		Revert: `del_link vmnet-extra`}
}

// secondAddress adds an address to a link.
func secondAddress(vm, link string) Script {
	return Script{At: Launcher, VM: vm,
		Change: `ip addr add 192.0.2.77/32 dev ` + link,
		Revert: `del_addr 192.0.2.77/32 ` + link}
}

// bridgePrefix halves the bridge's subnet. The new address comes before the old one goes: traffic never stops.
func bridgePrefix(vm string) Script {
	return Script{At: Launcher, VM: vm,
		Change: `ip addr add $gateway/25 dev k6t-eth0; ip addr del $gateway/$prefix dev k6t-eth0`,
		Revert: `ip addr replace $gateway/$prefix brd + dev k6t-eth0
[ -z "$(ip -o addr show dev k6t-eth0 | grep -wF "$gateway/25")" ] || ip addr del $gateway/25 dev k6t-eth0`}
}

var tapWithoutBridge = Script{At: Launcher, VM: "vm-spare",
	Change: `ip link set tap0 nomaster`,
	Revert: `ip link set tap0 master k6t-eth0`,
	Undone: `ip -br link show k6t-eth0 | grep -qw UP`}

// bridgeMAC has the guest learn the new MAC at once: the request that follows a flushed entry carries it.
func bridgeMAC(vm string) Script {
	return Script{At: Launcher, VM: vm,
		Change: `ip link set k6t-eth0 address 02:00:00:00:00:77; ip neigh flush dev k6t-eth0`,
		Revert: `ip link set k6t-eth0 address 02:00:00:00:00:00; ip neigh flush dev k6t-eth0`,
		Effect: `ping -c 1 -W 2 $own`,
		Undone: `ping -c 1 -W 2 $own`}
}

// tapMTU is lowered by less than the four bytes of slack that a bridge allows for a VLAN tag, so that no packet is lost
// and one claim alone can tell.
func tapMTU(vm string) Script {
	return Script{At: Launcher, VM: vm,
		Save:   `ip -o link show tap0 | sed 's/.* mtu \([0-9]*\).*/\1/'`,
		Change: `ip link set tap0 mtu $((was - 2))`,
		Revert: `ip link set tap0 mtu $was`}
}

// towardEcho translates vm-a's connections to the echo pod to the outside peer instead: they are answered, by one who
// sees another address. Another source instead would not leave the pod: OVN's port security drops what is not the pod's.
var towardEcho = []Step{Listen{}, Script{At: Launcher, VM: "vm-a",
	Change: `nft add table ip vmnet_fault
nft add chain ip vmnet_fault pre '{ type nat hook prerouting priority -110 ; }'
nft add rule ip vmnet_fault pre iifname k6t-eth0 ip daddr $echo tcp dport 8080 dnat to $outside:$stranger`,
	Revert: `del_table ip vmnet_fault`}}

// defaultThroughPod gives the launcher a default route by the cluster network, where it has routes to other pods alone.
var defaultThroughPod = Script{At: Launcher, VM: "vm-p",
	Save:   `ip -o route show dev eth0 | sed -n 's/.* via \([^ ]*\).*/\1/p' | head -n 1 | grep .`,
	Change: `ip route add default via $was dev eth0`,
	Revert: `del_route default via $was dev eth0`}

// linkUp sets a link up that keeps name and address alone. Down again it has lost its IPv6 addresses, with which KubeVirt
// made it.
func linkUp(vm, link string) Script {
	return Script{At: Launcher, VM: vm,
		Save:   `ip -6 -o addr show dev ` + link + ` | awk '{print $4}'`,
		Change: `ip link set ` + link + ` up`,
		Revert: `ip link set ` + link + ` down
for a in $was; do ip -6 addr replace $a dev ` + link + `; done`}
}

// linkMAC gives a link another MAC.
func linkMAC(vm, link string) Script {
	return Script{At: Launcher, VM: vm,
		Save:   `ip -o link show ` + link + ` | sed 's/.* link\/ether \([^ ]*\).*/\1/'`,
		Change: `ip link set ` + link + ` address 02:00:00:00:00:77`,
		Revert: `ip link set ` + link + ` address $was`}
}

// serverMoved gives the bridge of the secondary network another address than its DHCP server has.
var serverMoved = Script{At: Launcher, VM: "vm-ps",
	Save:   `ip -4 -o addr show dev k6t-$hash | awk '{print $4}' | grep .`,
	Change: `ip addr add 169.254.75.77/32 dev k6t-$hash; ip addr del $was dev k6t-$hash`,
	Revert: `ip addr replace $was dev k6t-$hash; del_addr 169.254.75.77/32 k6t-$hash`}
