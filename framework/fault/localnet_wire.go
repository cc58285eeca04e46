package fault

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/vmnet-project/vmnet/framework/scenario"
)

// What is broken between VMs and hosts on VLANs: in OVN, on the nodes' bridge, and at the DHCP server.

// vlanSwitch prints the logical switch of the VM's network on the VLAN, by the VM's port there: of the cluster's network
// the port is called $port, of others it has that at its end (OVN-Kubernetes, go-controller/pkg/util:
// GetUserDefinedNetworkLogicalPortName).
const vlanSwitch = `p=$(nb --bare --columns=name find Logical_Switch_Port external_ids:pod=true | grep "._$port\$")
nb lsp-get-ls "$p" | sed 's/.*(\(.*\)).*/\1/' | grep .`

// otherTag has what leaves the VM's network on its node carry another tag, of a VLAN that nobody is on. The guest keeps the
// peer's MAC meanwhile: there is something to send to. OVN-Kubernetes asks for the tag when it makes the port; ovn-northd
// writes what was asked for into the column tag, again and again (ovn-nb(5), Logical_Switch_Port: tag_request).
func otherTag(vm string) []Step {
	return []Step{
		Script{At: Guest, VM: vm,
			Save: `ping -c 1 -W 5 $peer >/dev/null
ip neigh show to $peer | sed -n 's/.* dev \([^ ]*\) lladdr \([^ ]*\).*/\1 \2/p' | grep .`,
			Change: `ip neigh replace $peer lladdr ${was#* } dev ${was% *} nud permanent`,
			Revert: `ip neigh del $peer dev ${was% *} 2>/dev/null || [ -z "$(ip neigh show to $peer nud permanent)" ]`},
		Script{At: Northbound, VM: vm,
			Save: `s=$(` + vlanSwitch + `)
for u in $(nb --bare --columns=ports list Logical_Switch "$s"); do
[ "$(nb get Logical_Switch_Port $u type)" != localnet ] || echo $u $(nb get Logical_Switch_Port $u tag_request); done | grep .`,
			Change: `nb set Logical_Switch_Port ${was% *} tag_request=$no_vlan
nb --wait=hv sync`,
			Revert: `nb --if-exists set Logical_Switch_Port ${was% *} tag_request=${was#* }
nb --wait=hv sync`},
	}
}

// vlanPairDenied drops pings between two VMs of a network, where they arrive.
func vlanPairDenied(from, to string) Script {
	rule := `$was to-lport 32000 "icmp4.type == 8 && ip4.src == $` + name(from) + `_vlan && ip4.dst == $vlan_ip"`
	return Script{At: Northbound, VM: to,
		Save: vlanSwitch,
		Change: `nb acl-add ` + rule + ` drop
nb --wait=hv sync`,
		Revert: `[ -z "$(nb --bare --columns=_uuid find Logical_Switch name=$was)" ] || nb acl-del ` + rule + `
nb --wait=hv sync`}
}

// bridged adds flows to the bridge of the VM's node that leads to the physical side, before its own, under a cookie of the
// VM's. OVN-Kubernetes has none of its own there: it is an ordinary switch.
func bridged(vm, cookie string, flows ...string) Script {
	const manage = `unix:/proc/1/root/run/openvswitch/$bridge.mgmt`
	change := ""
	for _, f := range flows {
		change += `ovs-ofctl add-flow ` + manage + ` "cookie=` + cookie + `,priority=40000,` + f + "\"\n"
	}
	return Script{At: Switch, VM: vm, Change: change,
		Revert: `[ ! -S /proc/1/root/run/openvswitch/$bridge.mgmt ] || ovs-ofctl del-flows ` + manage + ` "cookie=` + cookie + `/-1"`}
}

// cookies of the flows, so that each fault takes back its own.
var cookies = map[string]string{"translated vm-l": "0x766d0701", "translated vm-c": "0x766d0702", "heard vm-l": "0x766d0801", "heard vm-c": "0x766d0802"}

// translatedTo translates the VM's address to another and back, in its connections to the peer, which is told where the
// other one is. That is the name of a variable.
func translatedTo(vm, address string) []Step {
	to := `$` + address
	return []Step{
		Script{At: VLANHost, VM: vm,
			Save:   `ip -o -4 addr show to $peer | awk '{print $2}' | grep .`,
			Change: `ip neigh replace ` + to + ` lladdr $vlan_mac dev $was nud permanent`,
			Revert: `ip neigh del ` + to + ` dev $was 2>/dev/null || [ -z "$(ip neigh show ` + to + ` nud permanent)" ]`},
		bridged(vm, cookies["translated "+vm],
			`tcp,dl_src=$vlan_mac,nw_src=$vlan_ip,nw_dst=$peer,actions=mod_nw_src:`+to+`,NORMAL`,
			`tcp,dl_dst=$vlan_mac,nw_src=$peer,nw_dst=`+to+`,actions=mod_nw_dst:$vlan_ip,NORMAL`),
	}
}

// asksOther copies the VM's questions for the other peer onto that one's VLAN.
const asksOther = `arp,dl_src=$vlan_mac,arp_tpa=$other,actions=NORMAL,mod_vlan_vid:$other_vlan,NORMAL`

func overheard(vm string) Script { return bridged(vm, cookies["heard "+vm], asksOther) }

// answered brings the other peer's answers, too.
func answered(vm string) Script {
	return bridged(vm, cookies["heard "+vm], asksOther, `arp,dl_vlan=$other_vlan,dl_dst=$vlan_mac,arp_spa=$other,actions=mod_vlan_vid:$vlan,NORMAL`)
}

// mapped has every node lead the physical network of the refused network to the bridge of the other one.
var mapped = Script{At: Switches, VM: "vm-l",
	Change: mappingsNow + `vs set Open_vSwitch . external_ids:ovn-bridge-mappings=\"$m,vmnet-unmapped:$bridge\"`,
	Revert: mappingsNow + `case $m in *,vmnet-unmapped:*)
m=$(echo "$m" | sed 's/,vmnet-unmapped:[^,]*//'); vs set Open_vSwitch . external_ids:ovn-bridge-mappings=\"$m\" ;; esac`}

const mappingsNow = `m=$(vs --if-exists get Open_vSwitch . external_ids:ovn-bridge-mappings | tr -d '"')
`

// served changes the DHCP server's line for a VM to another, or to none, and tells the server. It ends with its run: then
// there is nobody to tell, and the next one writes lines of its own.
func served(line string) string {
	if line != "" {
		line = ` "` + line + `"`
	}
	return `[ -e $dhcp/` + scenario.DHCPHosts + ` ] || exit 0
l=$(grep -v "^$vlan_mac," $dhcp/` + scenario.DHCPHosts + ` || :)
printf '%s\n' "$l"` + line + ` > $dhcp/` + scenario.DHCPHosts + `
p=$(cat $dhcp/` + scenario.DHCPProcess + `)
! grep -qs dnsmasq /proc/$p/cmdline || kill -HUP $p`
}

const servedNow = `grep "^$vlan_mac," $dhcp/` + scenario.DHCPHosts

// routerNamed has the DHCP server name the router to a VM that is to get none.
func routerNamed(vm string) Script {
	return Script{At: VLANHost, VM: vm, Save: servedNow, Change: served(""), Revert: served("$was")}
}

// forgotten has the DHCP server give another address, the name of a variable, to a VM that comes anew. On the way back it
// gives the one from before: the guest asks for that while it does.
func forgotten(vm, address string) []Step {
	return []Step{
		Script{At: VLANHost, VM: vm, Save: servedNow, Change: `true`, Revert: served("$was")},
		leasedAgain(vm),
		Script{At: VLANHost, VM: vm, Save: servedNow, Change: served("$was,$" + address), Revert: served("$was,$vlan_ip")},
	}
}

// Corrected makes the attachment that is to be refused before anybody looks, under its own name, so that its pod comes about.
type Corrected struct{}

// Reversible is true: attachment and pod are deleted, if they are not yet.
func (Corrected) Reversible() bool { return true }

// Do makes the attachment.
func (Corrected) Do(ctx context.Context, w *World) (Undo, error) {
	p, ok := w.Bed.Physical()
	if !ok {
		return nil, errNoPhysical
	}
	space := w.Running.Namespace
	config, err := json.Marshal(map[string]any{"cniVersion": "1.0.0", "name": "vmnet-fault-" + w.Running.RunID, "type": "ovn-k8s-cni-overlay",
		"topology": "localnet", "physicalNetworkName": p.Network, "netAttachDefName": space + "/" + scenario.Misnamed, "vlanID": hostOf(p).VLAN})
	if err != nil {
		return nil, err
	}
	undo, err := w.pledge(record{Apply: &Apply{File: scenario.RefusedFile(scenario.Misnamed)}})
	if err != nil {
		return nil, err
	}
	o := object(scenario.NADKind, space, scenario.Misnamed)
	o.Object["spec"] = map[string]any{"config": string(config)}
	if err := w.Bed.Objects.Create(ctx, o); err != nil {
		return undo, fmt.Errorf("attachment %s: %w", scenario.Misnamed, err)
	}
	return undo, nil
}
