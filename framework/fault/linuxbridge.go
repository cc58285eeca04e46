package fault

import (
	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

func linuxBridges() []Fault {
	return of(judge.LinuxBridge, []Fault{
		{ID: "LB-01/bridge-port", Text: "the port of vm-b1's interface plain is taken from the bridge",
			Steps: []Step{bridgePortRemoved("vm-b1", "plain")},
			Red:   red("LB-01", `^vm-b1 other end of link [0-9a-f]{11}-nic, .*: master: expected vmnet-br0 .*observed nothing$`)},
		{ID: "LB-02/other-tag", Text: "the port of vm-b1's interface access is on the VLAN of untagged frames",
			Steps: []Step{accessVLAN("vm-b1", "access")},
			Red:   red("LB-02", `^vm-b1 tags of the frames from MAC \S+ in the capture of vm-b1>peer/\S+#access: expected \d+ .*more than expected: (\d+|nothing)$`)},
		{ID: "LB-03/vlan-filter", Text: "the port of vm-b1's interface trunk lets the VLAN through no more",
			Steps: []Step{trunkFiltered("vm-b1", "trunk")},
			Red:   red("LB-03", `^vm-b1>peer/\S+#trunk: expected passes .*observed does not pass`)},
		{ID: "LB-04/bridge-port", Text: "the port of vm-b2's interface cnv is taken from the bridge", Needs: []model.Feature{model.FeatureCNVBridge},
			Steps: []Step{bridgePortRemoved("vm-b2", "cnv")},
			Red:   red("LB-04", `^vm-b2 other end of link [0-9a-f]{11}-nic, .*: master: expected vmnet-br0 .*observed nothing$`)},
		{ID: "MC-01/config-renamed", Text: "the runtime of vm-b1's node finds another plugin's configuration in the place of Multus'",
			Steps: []Step{configRenamed}, NodeFiles: true,
			Red: red("MC-01", `^type of plugin that the runtime of node \S+ calls, by \S+: expected multus or multus-shim .*observed \S+$`)},
		{ID: "MC-02/no-binary", Text: "vm-b1's node has the plugin tuning no more",
			Steps: []Step{pluginGone}, NodeFiles: true,
			Red: red("MC-02", `^binaries of plugins on node \S+: .*; missing: tuning$`)},
		{ID: "MC-03/mac", Text: "another MAC on the dummy link of vm-b1's first interface on a bridge",
			Steps: []Step{linkMAC("vm-b1", "pod$hash")},
			Red:   red("MC-03", `^vm-b1 network-status of network \S+, default false: mac: expected 02:00:00:00:00:77 .*observed 02:86:5e:00:00:21$`)},
		{ID: "MC-04/sysctl", Text: "the setting of the chain's second plugin is put back on vm-b1's interface tuned",
			Steps: []Step{untuned},
			Red:   red("MC-04", `^vm-b1 sysctl net\.ipv4\.conf\.[0-9a-f]{11}-nic\.drop_gratuitous_arp: expected 1 .*observed 0$`)},
	})
}

// hostPort are functions for a launcher: host runs a command in the node's network namespace, port prints the name there of
// a link's other end, and vlans prints that port's VLANs, one a line as `bridge -j vlan` has them.
const hostPort = `host() { nsenter -t 1 -n "$@"; }
port() {
i=$(ip -o link show dev "$1" | sed -n 's/^[0-9]*: [^:]*@if\([0-9]*\): .*/\1/p' | grep .)
host ip -o link | sed -n "s/^$i: \([^:@]*\)[:@].*/\1/p" | grep .; }
vlans() { host bridge -j vlan show dev "$1" | tr '{' '\n' | grep '"vlan":'; }
`

// pluginLinkOf is the launcher's end of the link that the plugin made, by the interface's name (KubeVirt,
// pkg/network/namescheme).
func pluginLinkOf(nic string) string { return scenario.LinkHash(nic) + "-nic" }

// bridgePortRemoved takes the node's end from the bridge; put back, it has the VLAN of a port that nobody told any.
func bridgePortRemoved(vm, nic string) Script {
	return Script{At: Launcher, VM: vm,
		Save:   hostPort + `port ` + pluginLinkOf(nic),
		Change: hostPort + `host ip link set $was nomaster`,
		Revert: hostPort + `host ip link set $was master ` + scenario.LinuxBridge}
}

// accessVLAN has an access port tag with 1, which leaves the bridge without a tag: on the physical side that is another
// VLAN's frame. Whether the port lets VLAN 1 through before is the plugin's choice (preserveDefaultVlan), and is kept.
func accessVLAN(vm, nic string) Script {
	const first = `grep -q '"vlan":1[,}]'`
	return Script{At: Launcher, VM: vm,
		Save: hostPort + `p=$(port ` + pluginLinkOf(nic) + `)
v=$(vlans $p | sed -n 's/.*"vlan":\([0-9]*\).*PVID.*/\1/p' | grep .)
if vlans $p | ` + first + `; then echo $p $v kept; else echo $p $v; fi`,
		Change: hostPort + `set -- $was; host bridge vlan add dev $1 vid 1 pvid untagged
host bridge vlan del dev $1 vid $2`,
		Revert: hostPort + `set -- $was; host bridge vlan add dev $1 vid $2 pvid untagged
[ "$3" = kept ] || host bridge vlan del dev $1 vid 1 2>/dev/null || ! vlans $1 | ` + first}
}

// trunkFiltered takes the first tagged VLAN from the port's list.
func trunkFiltered(vm, nic string) Script {
	return Script{At: Launcher, VM: vm,
		Save: hostPort + `p=$(port ` + pluginLinkOf(nic) + `)
echo $p $(vlans $p | sed -n '/Untagged/!s/.*"vlan":\([0-9]*\).*/\1/p' | head -n 1 | grep .)`,
		Change: hostPort + `set -- $was; host bridge vlan del dev $1 vid $2`,
		Revert: hostPort + `set -- $was; host bridge vlan add dev $1 vid $2`}
}

// configRenamed renames the file that the runtime reads, the first by its name; what it then reads is the next one. Links
// that are there stay.
var configRenamed = Script{At: Switch, VM: "vm-b1",
	Save: `for d in /etc/kubernetes/cni/net.d /etc/cni/net.d; do
for f in /proc/1/root$d/*.conf /proc/1/root$d/*.conflist /proc/1/root$d/*.json; do
[ ! -f "$f" ] || echo "$f"; done | LC_ALL=C sort | head -n 1; done | head -n 1 | grep .`,
	Change: `mv "$was" "$was.vmnet-fault"`,
	Revert: `[ ! -e "$was.vmnet-fault" ] || mv "$was.vmnet-fault" "$was"`}

// pluginGone hides the program of a plugin. Only a pod on a network with it that begins or ends meanwhile would need it.
var pluginGone = Script{At: Switch, VM: "vm-b1",
	Save: `for d in /var/lib/cni/bin /opt/cni/bin /usr/lib/cni /usr/libexec/cni; do
f=/proc/1/root$d/tuning; [ ! -f "$f" ] || echo "$f"; done | grep .`,
	Change: `for f in $was; do mv "$f" "${f%/*}/.vmnet-fault-tuning"; done`,
	Revert: `for f in $was; do h=${f%/*}/.vmnet-fault-tuning
[ ! -e "$h" ] || mv "$h" "$f"; done`}

// untuned puts a setting back to what the kernel has by itself.
var untuned = Script{At: Launcher, VM: "vm-b1",
	Save:   `cat ` + chainedSysctl,
	Change: `echo 0 >` + chainedSysctl,
	Revert: `echo $was >` + chainedSysctl}

var chainedSysctl = `/proc/sys/net/ipv4/conf/` + pluginLinkOf("tuned") + `/drop_gratuitous_arp`
