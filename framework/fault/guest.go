package fault

// What is broken in the guest. Nothing here cuts it off: SSH sessions stay up.

// nic prints the name of the guest's first NIC, secondNIC that of the one behind it.
const (
	nic       = `ip -o link show | awk -F': ' '$2 != "lo" {print $2; exit}'`
	secondNIC = `ip -o link show | awk -F': ' '$2 != "lo" && n++ == 1 {print $2}' | grep .`
)

// guestMAC changes the NIC's MAC; arp_notify has the guest tell the bridge at once.
var guestMAC = Script{At: Guest, VM: "vm-a",
	Save: `n=$(` + nic + `); echo $n $(cat /proc/sys/net/ipv4/conf/$n/arp_notify)`,
	Change: `n=${was% *}; echo 1 > /proc/sys/net/ipv4/conf/$n/arp_notify
ip link set $n address ${mac%:*}:77`,
	Revert: `n=${was% *}; ip link set $n address $mac
echo ${was#* } > /proc/sys/net/ipv4/conf/$n/arp_notify`,
	Effect: `ping -c 1 -W 2 $gateway`,
	Undone: `ping -c 1 -W 2 $gateway`}

// guestSecondAddress adds an address to the guest's NIC that find prints.
func guestSecondAddress(vm, find string) Script {
	return Script{At: Guest, VM: vm,
		Save:   find,
		Change: `ip addr add 192.0.2.78/32 dev $was`,
		Revert: `del_addr 192.0.2.78/32 $was`}
}

// staticDefault is the default route as DHCP set it but for its origin.
func staticDefault(vm string) Script {
	return Script{At: Guest, VM: vm,
		Save:   `ip route show default`,
		Change: `ip route replace $(echo "$was" | sed 's/proto dhcp/proto static/')`,
		Revert: `ip route replace $was`}
}

// otherGateway is a default route via an address that nobody has, with the bridge's MAC: traffic goes on.
var otherGateway = Script{At: Guest, VM: "vm-c",
	Save: `ip route show default`,
	Change: `ping -c 1 -W 2 $gateway
m=$(ip neigh show $gateway | sed 's/.*lladdr \([^ ]*\).*/\1/')
d=$(echo "$was" | sed 's/.* dev \([^ ]*\).*/\1/')
ip neigh replace $third lladdr $m dev $d nud permanent
ip route replace $(echo "$was" | sed "s/via [^ ]*/via $third/")`,
	Revert: `ip route replace $was
d=$(echo "$was" | sed 's/.* dev \([^ ]*\).*/\1/')
ip neigh del $third dev $d 2>/dev/null || [ -z "$(ip neigh show $third nud permanent)" ]`}

func strayRoute(vm string) Script {
	return Script{At: Guest, VM: vm,
		Change: `ip route add 192.0.2.128/25 via $gateway`,
		Revert: `del_route 192.0.2.128/25 via $gateway`}
}

// noResolver points the guest at itself, where nothing listens: the answer is a quick no.
func noResolver(vm string) Script {
	return Script{At: Guest, VM: vm,
		Save:   `cat /etc/resolv.conf`,
		Change: `echo nameserver 127.0.0.1 > /etc/resolv.conf`,
		Revert: `printf '%s\n' "$was" > /etc/resolv.conf`}
}

var otherHostname = Script{At: Guest, VM: "vm-b",
	Save:   `hostname`,
	Change: `hostname vmnet-fault`,
	Revert: `hostname "$was"`}

// wrongGateway holds a MAC for the gateway that nobody has, whatever is said on the network. The VM is reached from beside.
var wrongGateway = Script{At: Guest, VM: "vm-p",
	Save:   nic,
	Change: `ip neigh replace $gateway lladdr 02:00:00:00:00:77 dev $was nud permanent`,
	Revert: `ip neigh del $gateway dev $was 2>/dev/null || [ -z "$(ip neigh show $gateway nud permanent)" ]`,
	Undone: `ping -c 1 -W 2 $gateway`}

// secondDefault adds a default route over the secondary network, behind the one that is used.
var secondDefault = Script{At: Guest, VM: "vm-ps",
	Save:   secondNIC,
	Change: `ip route add default via $last_secondary_udn dev $was metric 900`,
	Revert: `del_route default via $last_secondary_udn dev $was`}

// lowerMetric puts the route to the secondary subnet before the primary's.
var lowerMetric = Script{At: Guest, VM: "vm-ps",
	Save: `ip route show $subnet_secondary_udn | head -n 1 | grep metric`,
	Change: `ip route add $(echo "$was" | sed 's/metric [0-9]*/metric 50/')
ip route del $was`,
	Revert: `ip route replace $was
[ -z "$(ip route show $subnet_secondary_udn | grep 'metric 50 *$')" ] || ip route del $(echo "$was" | sed 's/metric [0-9]*/metric 50/')`}

// secondMTU makes the guest's second NIC two bytes short of its MTU.
var secondMTU = Script{At: Guest, VM: "vm-ps",
	Save:   `n=$(` + secondNIC + `); echo $n $(cat /sys/class/net/$n/mtu)`,
	Change: `ip link set ${was% *} mtu $((${was#* } - 2))`,
	Revert: `ip link set ${was% *} mtu ${was#* }`}

// leaseRenewed has the guest's DHCP client ask again, and waits for the lease time that it is to be told.
var leaseRenewed = Script{At: Guest, VM: "vm-p",
	Save:   nic,
	Change: renewLease, Effect: `grep -qx lease=` + otherLeaseTime + ` /run/lease.$was`,
	Revert: renewLease, Undone: `grep -qx lease=` + leaseTime + ` /run/lease.$was`}

const renewLease = `kill -USR1 $(cat /run/udhcpc.$was.pid)`
