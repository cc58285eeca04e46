package scenario

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// nodeSwitch is the Open vSwitch of a node, and the node's links.
type nodeSwitch struct {
	name   string
	runner bed.Runner
}

// vsctl begins a command for the node's Open vSwitch, whose socket is below the node's own root.
var vsctl = []string{"ovs-vsctl", "-t", "30", "--db=unix:/proc/1/root/run/openvswitch/db.sock"}

// askSwitch prints Open vSwitch's own settings, its bridges and its ports.
var askSwitch = append(slices.Clone(vsctl), "-f", "json", "--", "--columns=external_ids", "list", "Open_vSwitch", "--",
	"--columns=name,ports", "list", "Bridge", "--", "--columns=_uuid,name", "list", "Port")

// switchState is what a node has now.
type switchState struct {
	externalIDs map[string]string
	// bridges are those of Open vSwitch, with their ports.
	bridges map[string][]string
	// links are the node's own; nil where nobody asked.
	links []model.Link
}

// read asks for the switch's state, and for the node's links, too.
func (s nodeSwitch) read(ctx context.Context, links bool) (switchState, error) {
	out, err := s.runner.Run(ctx, askSwitch...)
	if err != nil {
		return switchState{}, err
	}
	now, err := switchStateOf(out)
	if err != nil {
		return now, fmt.Errorf("node %s: Open vSwitch: %w", s.name, err)
	}
	if !links {
		return now, nil
	}
	if out, err = s.runner.Run(ctx, "ip", "-d", "-j", "addr"); err != nil {
		return now, err
	}
	if now.links, err = parse.Links(out); err != nil {
		return now, fmt.Errorf("node %s: %w", s.name, err)
	}
	return now, nil
}

func switchStateOf(out string) (switchState, error) {
	const settings, bridges, ports, all = 0, 1, 2, 3
	s := switchState{bridges: map[string][]string{}}
	tables, err := parse.Tables(out, all)
	if err != nil {
		return s, err
	}
	if len(tables[settings]) != 1 {
		return s, fmt.Errorf("%d rows of Open_vSwitch, want one", len(tables[settings]))
	}
	s.externalIDs = tables[settings][0].Map("external_ids")
	names := map[string]string{}
	for _, p := range tables[ports] {
		names[p.UUID()] = p.Text("name")
	}
	for _, b := range tables[bridges] {
		s.bridges[b.Text("name")] = nil
		for _, uuid := range b.Texts("ports") {
			s.bridges[b.Text("name")] = append(s.bridges[b.Text("name")], names[uuid])
		}
	}
	return s, nil
}

// bridgeOf is the bridge of Open vSwitch that a link is in; empty for none.
func (s switchState) bridgeOf(link string) string {
	for _, name := range slices.Sorted(maps.Keys(s.bridges)) {
		if slices.Contains(s.bridges[name], link) && name != link { // each bridge has a port of its own name
			return name
		}
	}
	return ""
}

func (s switchState) link(name string) (model.Link, bool) {
	i := slices.IndexFunc(s.links, func(l model.Link) bool { return l.Name == name })
	if i < 0 {
		return model.Link{}, false
	}
	return s.links[i], true
}

// The links of the Linux bridge on each node, for networks of CNI's bridge plugin.
const (
	// LinuxBridge is the bridge, which knows VLANs; what leaves it: uplinkVLANs.
	LinuxBridge = "vmnet-br0"
	// linuxUplink is its way out: a veth whose other end, switchUplink, is in the bridge of Open vSwitch.
	linuxUplink  = "vmnet-up0"
	switchUplink = "vmnet-up1"
)

// uplinkVLANs are the VLANs of the Linux bridge's uplink: tagged ones, and the one that untagged frames are in beyond it.
type uplinkVLANs struct {
	tagged []int
	native int
}

// NativeVLAN is the VLAN that untagged frames of LinuxBridge are in on the physical side, so that a peer is in their reach:
// the last peer's without DHCP, so that a network with that server's VLAN is another one. 0 where each has DHCP.
func NativeVLAN(p *bed.Physical) int {
	for _, h := range slices.Backward(p.Peers) {
		if !h.DHCP {
			return h.VLAN
		}
	}
	return 0
}

func uplinkOf(p *bed.Physical) uplinkVLANs {
	v := uplinkVLANs{native: NativeVLAN(p)}
	for _, h := range p.Peers {
		if h.VLAN != v.native {
			v.tagged = append(v.tagged, h.VLAN)
		}
	}
	return v
}

// makeLinks makes what is not there yet: the bridge $1, its uplink $2 with the other end $3. It brings $4 up, unless that is
// empty, and lets the VLANs that follow out. None of the links gets an address by itself.
const makeLinks = `set -e
br=$1 up=$2 end=$3 nic=$4
shift 4
there() { ip link show dev "$1" >/dev/null 2>&1; }
there "$br" || ip link add name "$br" type bridge vlan_filtering 1
there "$up" || ip link add name "$up" type veth peer name "$end"
ip link set dev "$up" master "$br"
for v; do bridge vlan add dev "$up" vid "$v"; done
for l in "$br" "$up" "$end"; do
	off=/proc/sys/net/ipv6/conf/$l/disable_ipv6
	[ ! -e "$off" ] || echo 1 >"$off"
	ip link set dev "$l" up
done
[ -z "$nic" ] || ip link set dev "$nic" up
`

// removeLinks takes away what makeLinks made: the bridge $1 and the uplink $2. It takes $3 down, unless that is empty.
const removeLinks = `set -e
there() { ip link show dev "$1" >/dev/null 2>&1; }
for l in "$2" "$1"; do ! there "$l" || ip link del dev "$l"; done
[ -z "$3" ] || ! there "$3" || ip link set dev "$3" down
`

func (s nodeSwitch) makeLinks(ctx context.Context, nic string, vlans []int) error {
	argv := []string{"sh", "-c", makeLinks, "sh", LinuxBridge, linuxUplink, switchUplink, nic}
	for _, v := range vlans {
		argv = append(argv, strconv.Itoa(v))
	}
	_, err := s.runner.Run(ctx, argv...)
	return called(err, "make the Linux bridge "+LinuxBridge)
}

func (s nodeSwitch) removeLinks(ctx context.Context, nic string) error {
	_, err := s.runner.Run(ctx, "sh", "-c", removeLinks, "sh", LinuxBridge, linuxUplink, nic)
	return called(err, "remove the Linux bridge "+LinuxBridge)
}

// called names what a script that failed was for, in place of its text.
func called(err error, what string) error {
	var failed *bed.CommandError
	if errors.As(err, &failed) {
		failed.Command = what
	}
	return err
}

// commands is one transaction of ovs-vsctl: all of it happens, or nothing.
func (s nodeSwitch) commands(ctx context.Context, all ...[]string) error {
	argv := slices.Clone(vsctl)
	for _, c := range all {
		argv = append(append(argv, "--"), c...)
	}
	_, err := s.runner.Run(ctx, argv...)
	return err
}

func setExternalID(key, text string) []string {
	return []string{"set", "Open_vSwitch", ".", "external_ids:" + key + "=" + quoted(text)}
}

func removeExternalID(key string) []string {
	return []string{"remove", "Open_vSwitch", ".", "external_ids", key}
}

// appended adds a mapping to those that there are.
func appended(mappings, network, bridge string) string {
	if strings.TrimSpace(mappings) == "" {
		return network + ":" + bridge
	}
	return mappings + "," + network + ":" + bridge
}
