package fault

// What is broken in guests and launchers of VMs on a VLAN. The addresses are documentation's, of another subnet than the
// hosts on VLANs of our own beds have (RFC 5737, TEST-NET-3).

func vlanGuestAddress(find string) func(vm string) Script {
	return func(vm string) Script {
		return Script{At: Guest, VM: vm,
			Save:   find,
			Change: `ip addr add 203.0.113.78/32 dev $was`,
			Revert: `del_addr 203.0.113.78/32 $was`}
	}
}

func vlanBridgeAddress(vm string) Script {
	return Script{At: Launcher, VM: vm,
		Change: `ip addr add 203.0.113.77/32 dev k6t-$hash`,
		Revert: `del_addr 203.0.113.77/32 k6t-$hash`}
}

// vlanTapFree cuts the guest off its VLAN: that of a spare VM.
func vlanTapFree(vm string) Script {
	return Script{At: Launcher, VM: vm,
		Change: `ip link set tap$hash nomaster`,
		Revert: `ip link set tap$hash master k6t-$hash`}
}

func vlanStrayRoute(vm string) Script {
	return Script{At: Guest, VM: vm,
		Change: `ip route add 203.0.113.128/25 via $gateway`,
		Revert: `del_route 203.0.113.128/25 via $gateway`}
}

// otherMetric changes the default route that is not used: egress goes on. The new one comes before the old one goes.
func otherMetric(vm string) Script {
	return Script{At: Guest, VM: vm,
		Save: `ip route show default dev $(` + secondNIC + `) | head -n 1 | grep metric`,
		Change: `d=$(` + secondNIC + `)
ip route add $(echo "$was" | sed 's/metric [0-9]*/metric 900/') dev $d
ip route del $was dev $d`,
		Revert: `d=$(` + secondNIC + `)
ip route replace $was dev $d
[ -z "$(ip route show default dev $d | grep 'metric 900 *$')" ] || ip route del default dev $d metric 900`}
}

// vlanNICMTU gives the same MTU whatever the form's is, the least that IPv6 allows: no packet of a claim is larger.
func vlanNICMTU(vm string) Script {
	return Script{At: Guest, VM: vm,
		Save:   `n=$(` + secondNIC + `); echo $n $(cat /sys/class/net/$n/mtu)`,
		Change: `ip link set ${was% *} mtu 1280`,
		Revert: `ip link set ${was% *} mtu ${was#* }`}
}

// dummyMTU changes a link that carries nothing, and of which LN-12 alone reads the MTU.
func dummyMTU(vm string) Script {
	return Script{At: Launcher, VM: vm,
		Save:   `ip -o link show pod$hash | sed 's/.* mtu \([0-9]*\).*/\1/'`,
		Change: `ip link set pod$hash mtu $((was - 2))`,
		Revert: `ip link set pod$hash mtu $was`}
}

// routerLearned has the guest's DHCP client ask again, until it is told a router. It is taken back in the guest alone: the
// server may be gone by then.
func routerLearned(vm string) Script {
	return Script{At: Guest, VM: vm,
		Save:   secondNIC,
		Change: renewLease,
		Effect: `[ -n "$(ip route show default dev $was)" ] || { ` + renewLease + `; exit 1; }`,
		Revert: `del_route default via $peer dev $was
[ ! -e /run/lease.$was ] || sed -i /^router=/d /run/lease.$was`}
}

// leasedAgain has the guest give back whatever other address it has than the one of now, and ask until it has that: where
// the VM starts anew in between, the server must be told first.
func leasedAgain(vm string) Script {
	return Script{At: Guest, VM: vm,
		Save:   secondNIC,
		Change: `[ -n "$(ip -o -4 addr show dev $was to $vlan_ip/32)" ]`,
		Revert: `[ -n "$(ip -o -4 addr show dev $was to $vlan_ip/32)" ] || kill -USR2 $(cat /run/udhcpc.$was.pid)`,
		Undone: `[ -z "$(ip -o -4 addr show dev $was to $vlan_ip/32)" ] || exit 0
[ -e /run/lease.$was ] || ` + renewLease + `
exit 1`}
}
