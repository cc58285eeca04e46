package fault

// What is broken in the guest. Nothing here cuts it off: SSH sessions stay up.

// guestMAC changes the NIC's MAC; arp_notify has the guest tell the bridge at once.
var guestMAC = Script{At: Guest, VM: "vm-a",
	Save: `n=$(ip -o link show | awk -F': ' '$2 != "lo" {print $2; exit}'); echo $n $(cat /proc/sys/net/ipv4/conf/$n/arp_notify)`,
	Change: `n=${was% *}; echo 1 > /proc/sys/net/ipv4/conf/$n/arp_notify
ip link set $n address ${mac%:*}:77`,
	Revert: `n=${was% *}; ip link set $n address $mac
echo ${was#* } > /proc/sys/net/ipv4/conf/$n/arp_notify`,
	Effect: `ping -c 1 -W 2 $gateway`,
	Undone: `ping -c 1 -W 2 $gateway`}

func guestSecondAddress(vm string) Script {
	return Script{At: Guest, VM: vm,
		Save:   nic,
		Change: `ip addr add 192.0.2.78/32 dev $was`,
		Revert: `ip addr del 192.0.2.78/32 dev $was`}
}

// nic prints the name of the guest's NIC.
const nic = `ip -o link show | awk -F': ' '$2 != "lo" {print $2; exit}'`

// staticDefault is the default route as DHCP set it but for its origin.
var staticDefault = Script{At: Guest, VM: "vm-a",
	Save:   `ip route show default`,
	Change: `ip route replace $(echo "$was" | sed 's/proto dhcp/proto static/')`,
	Revert: `ip route replace $was`}

// otherGateway is a default route via an address that nobody has, with the bridge's MAC: traffic goes on.
var otherGateway = Script{At: Guest, VM: "vm-c",
	Save: `ip route show default`,
	Change: `ping -c 1 -W 2 $gateway
m=$(ip neigh show $gateway | sed 's/.*lladdr \([^ ]*\).*/\1/')
d=$(echo "$was" | sed 's/.* dev \([^ ]*\).*/\1/')
ip neigh replace $third lladdr $m dev $d nud permanent
ip route replace $(echo "$was" | sed "s/via [^ ]*/via $third/")`,
	Revert: `ip route replace $was
ip neigh del $third dev $(echo "$was" | sed 's/.* dev \([^ ]*\).*/\1/') 2>/dev/null || true`}

var strayRoute = Script{At: Guest, VM: "vm-a",
	Change: `ip route add 192.0.2.128/25 via $gateway`,
	Revert: `ip route del 192.0.2.128/25 via $gateway`}

// noResolver points the guest at itself, where nothing listens: the answer is a quick no.
var noResolver = Script{At: Guest, VM: "vm-a",
	Save:   `cat /etc/resolv.conf`,
	Change: `echo nameserver 127.0.0.1 > /etc/resolv.conf`,
	Revert: `printf '%s\n' "$was" > /etc/resolv.conf`}

var otherHostname = Script{At: Guest, VM: "vm-b",
	Save:   `hostname`,
	Change: `hostname vmnet-fault`,
	Revert: `hostname "$was"`}
