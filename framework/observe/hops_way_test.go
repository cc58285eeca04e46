package observe

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// atHost is a host outside that nothing is run at.
type atHost struct {
	bed.Host
	name, link string
}

func (h atHost) Place() string     { return "peer " + h.name }
func (h atHost) Interface() string { return h.link }

// walkedOn is an observer of VMs as recorded: vm-l of the cluster's network and a VLAN, vm-ps on two user-defined networks.
func walkedOn(t *testing.T) *observer {
	t.Helper()
	o := newObserver(&bed.Bed{Underlay: &bed.Underlay{Physical: &bed.Physical{Interface: "eth1"}}}, &scenario.Running{Scenario: "localnet", Specs: []model.VMSpec{
		{Name: "vm-l", Interfaces: []model.InterfaceSpec{{Name: "default"}, {Name: "nic-vlan-1924", Network: "demo-vlan-1924"}}},
		{Name: "vm-ps", Interfaces: []model.InterfaceSpec{{Name: "default"}, {Name: "secondary-udn", Network: "secondary-udn"}}}}},
		model.Facts{GatewayMode: "shared", Nodes: []model.Node{{Name: "n1", EdgeBridge: "breth0"}, {Name: "n2", EdgeBridge: "breth0"}}}, model.Steady, nil)
	o.stage.Networks["demo-vlan-1924"] = seen(model.Network{Name: "demo-vlan-1924", Made: model.NetworkSpec{Topology: "localnet", PhysicalNetwork: "trunk", VLAN: 1924}})
	o.stage.Networks["unmapped"] = seen(model.Network{Name: "unmapped", Asked: model.NetworkSpec{Topology: "localnet", PhysicalNetwork: "nowhere"}})
	o.stage.Pods["attached"] = seen(model.Pod{Allotted: map[string]model.Allotment{"default": {MAC: "0a:58:0a:f4:00:63"}, "ns/unmapped": {MAC: "0A:58:c0:00:02:63"}}})
	for vm, folder := range map[string]string{"vm-l": "s4-vm-l", "vm-ps": "s2-vm-ps"} {
		routes, err := parse.Routes(recordedText(t, folder+"/guest-route.json"))
		if err != nil {
			t.Fatal(err)
		}
		pod, err := parse.Pod(recordedText(t, folder+"/pod.json"))
		if err != nil {
			t.Fatal(err)
		}
		o.view(vm, func(v *model.VMView) {
			v.Pod, v.Guest.Routes, v.Guest.Links = seen(pod), seen(routes), seen(recordedLinks(t, folder+"/guest-addr.json"))
		})
	}
	return o
}

// vmEnd is what endOf reads of a recorded launcher.
func vmEnd(t *testing.T, o *observer, vm string) end {
	t.Helper()
	e := end{vm: vm, addresses: addressesOf(o.stage.VMs[vm].Pod.Value)}
	for _, l := range o.stage.VMs[vm].Guest.Links.Value {
		e.inner = append(e.inner, addressesIn(l)...)
	}
	switch vm {
	case "vm-l":
		e.look = look{place: place{pod: "l", uid: "l", node: "n2"}, links: recordedLinks(t, "s4-vm-l/launcher-addr.json"),
			nics: []model.NIC{{ID: "hostua-default", MAC: "02:86:5e:00:00:13", Tap: "tap0"}, {ID: "hostua-nic-vlan-1924", MAC: "02:86:5e:00:00:14", Tap: "tap16711a0a730"}},
			host: []model.Link{{Index: 27, Name: "f7eb3435e117110", Master: "ovs-system"}, {Index: 29, Name: "f7eb3435e1171_3", Master: "ovs-system"}}}
	case "vm-ps":
		e.look = look{place: place{pod: "ps", uid: "ps", node: "n1"}, links: recordedLinks(t, "s2-vm-ps/launcher-addr.json"), host: recordedLinks(t, "n1/addr.json"),
			nics: []model.NIC{{ID: "hostua-default", MAC: "0a:58:0a:01:01:04", Tap: "tap0"}, {ID: "hostua-secondary-udn", MAC: "02:86:5e:00:00:0a", Tap: "tap2eae7330186"}}}
	}
	return e
}

func clientPod() end {
	e := end{pod: "client", addresses: []string{"10.244.0.20"}, look: look{place: place{pod: "client", uid: "c", node: "n1"},
		links: []model.Link{{Name: "eth0", PeerIndex: 9}}, host: []model.Link{{Index: 9, Name: "180409d6dbf109f", Master: "ovs-system"}}}}
	e.ports = e.behind(nil, "eth0")
	return e
}

// attached is a pod with another link, on a physical network that no mapping names.
func attached() end {
	e := end{pod: "attached", look: look{place: place{pod: "attached", uid: "a", node: "n1"},
		links: []model.Link{{Name: "eth0", PeerIndex: 35}, {Name: "net1", MAC: "0a:58:c0:00:02:63", PeerIndex: 36,
			Addresses: []model.Address{{Family: "inet", CIDR: "192.0.2.99/24"}}}},
		host: []model.Link{{Index: 35, Name: "28b73eea709f346", Master: "ovs-system"}, {Index: 36, Name: "28b73eea709f3_3", Master: "ovs-system"}}}}
	e.ports = e.behind(nil, "eth0")
	return e
}

func onBridges() switching {
	return switching{bridges: seen(bridges{mappings: map[string]string{"physnet": "breth0", "trunk": "br-trunk"},
		physical: map[string][]string{"breth0": {"eth0"}, "br-trunk": {"eth1"}}})}
}

// list shows a way's places: name, place and link, with the addresses that the far end has there.
func list(w *way) string {
	var all []string
	add := func(stations []*station) {
		for _, s := range stations {
			one := fmt.Sprintf("%s at %s %s for %s", s.hop, s.at, s.link, strings.Join(s.far, " "))
			if s.tunnelled {
				one += " in the tunnel"
			}
			if s.err != nil {
				one += ": " + s.err.Error()
			}
			all = append(all, one)
		}
	}
	add(w.out)
	if w.ovn != nil {
		all = append(all, strings.TrimSpace("OVN on "+w.ovn.node+" by "+w.ovn.link+" to "+w.ovn.physical))
	}
	add(w.in)
	return strings.Join(all, "\n")
}

func TestWay(t *testing.T) {
	o := walkedOn(t)
	vmL, vmPS := vmEnd(t, o, "vm-l"), vmEnd(t, o, "vm-ps")
	onBridge := vmEnd(t, o, "vm-l")
	onBridge.look.host = []model.Link{{Index: 27, Name: "veth0", Master: "vmnet-br0"}, {Index: 29, Name: "veth1", Master: "vmnet-br0"}}
	outside := end{host: atHost{name: "outside", link: "eth0"}}
	vlan := end{host: atHost{name: "vlan-1924", link: "eth0"}}
	nobody := end{look: look{err: errNoLink}}
	psAddresses := strings.Join(compact(append([]string{"10.2.2.1"}, vmPS.addresses...)), " ")
	for name, c := range map[string]struct {
		near, far end
		dialled   string
		by        string
		want      []string
	}{
		"out of the cluster": {vmL, outside, "192.168.77.200", "", []string{
			"guest NIC at guest vm-l eth0 for 192.168.77.200", "tap at launcher vm-l tap0 for 192.168.77.200", "launcher bridge at launcher vm-l k6t-eth0 for 192.168.77.200",
			"pod port at launcher vm-l eth0 for 192.168.77.200", "OVS port at node n2 f7eb3435e117110 for 192.168.77.200", "OVN on n2 by f7eb3435e117110 to physnet",
			"physical port at node n2 eth0 for 192.168.77.200", "peer at peer outside eth0 for 192.168.77.200"}},
		"on the VLAN": {vmL, vlan, "192.0.2.1", "", []string{
			"guest NIC at guest vm-l eth1 for 192.0.2.1", "tap at launcher vm-l tap16711a0a730 for 192.0.2.1", "launcher bridge at launcher vm-l k6t-16711a0a730 for 192.0.2.1",
			"pod port at launcher vm-l 16711a0a730-nic for 192.0.2.1", "OVS port at node n2 f7eb3435e1171_3 for 192.0.2.1", "OVN on n2 by f7eb3435e1171_3 to trunk",
			"physical port at node n2 eth1 for 192.0.2.1", "peer at peer vlan-1924 eth0 for 192.0.2.1"}},
		"by a bridge of the node's": {onBridge, vlan, "192.0.2.1", "", []string{
			"guest NIC at guest vm-l eth1 for 192.0.2.1", "tap at launcher vm-l tap16711a0a730 for 192.0.2.1", "launcher bridge at launcher vm-l k6t-16711a0a730 for 192.0.2.1",
			"pod port at launcher vm-l 16711a0a730-nic for 192.0.2.1", "bridge port at node n2 veth1 for 192.0.2.1", "node bridge at node n2 vmnet-br0 for 192.0.2.1",
			"physical port at node n2 eth1 for 192.0.2.1", "peer at peer vlan-1924 eth0 for 192.0.2.1"}},
		"to a VM on another node": {vmL, vmPS, "10.2.2.1", "", []string{
			"guest NIC at guest vm-l eth0 for " + psAddresses, "tap at launcher vm-l tap0 for " + psAddresses, "launcher bridge at launcher vm-l k6t-eth0 for " + psAddresses,
			"pod port at launcher vm-l eth0 for " + psAddresses, "OVS port at node n2 f7eb3435e117110 for " + psAddresses, "OVN on n2 by f7eb3435e117110 to",
			"physical port at node n2 eth0 for " + psAddresses + " in the tunnel", "receiver's physical port at node n1 eth0 for " + psAddresses + " in the tunnel",
			"receiver's OVS port at node n1 20cd1cebef12c_4 for " + psAddresses, "receiver's pod port at launcher vm-ps 2eae7330186-nic for " + psAddresses,
			"receiver's launcher bridge at launcher vm-ps k6t-2eae7330186 for 10.1.1.4 10.2.2.1 10.244.0.16", "receiver's tap at launcher vm-ps tap2eae7330186 for 10.1.1.4 10.2.2.1 10.244.0.16"}},
		"from a pod beside": {clientPod(), vmPS, "10.1.1.4", "", []string{
			"pod port at pod client eth0 for 10.1.1.4 10.2.2.1 10.244.0.16", "OVS port at node n1 180409d6dbf109f for 10.1.1.4 10.2.2.1 10.244.0.16", "OVN on n1 by 180409d6dbf109f to",
			"receiver's OVS port at node n1 20cd1cebef12c_3 for 10.1.1.4 10.2.2.1 10.244.0.16", "receiver's pod port at launcher vm-ps ovn-udn1-nic for 10.1.1.4 10.2.2.1 10.244.0.16",
			"receiver's launcher bridge at launcher vm-ps k6t-ovn-udn1 for 10.1.1.4 10.2.2.1 10.244.0.16", "receiver's tap at launcher vm-ps tap0 for 10.1.1.4 10.2.2.1 10.244.0.16"}},
		"out of a pod's other link": {attached(), vlan, "192.0.2.1", "", []string{
			"pod port at pod attached net1 for 192.0.2.1", "OVS port at node n1 28b73eea709f3_3 for 192.0.2.1", "OVN on n1 by 28b73eea709f3_3 to nowhere",
			"physical port at node n1  for 192.0.2.1: bridge \"\" has no link of the node", "peer at peer vlan-1924 eth0 for 192.0.2.1"}},
		"by the link that is told": {attached(), vlan, "198.51.100.1", "net1", []string{
			"pod port at pod attached net1 for 198.51.100.1", "OVS port at node n1 28b73eea709f3_3 for 198.51.100.1", "OVN on n1 by 28b73eea709f3_3 to nowhere",
			"physical port at node n1  for 198.51.100.1: bridge \"\" has no link of the node", "peer at peer vlan-1924 eth0 for 198.51.100.1"}},
		"to a name server": {clientPod(), end{}, "", "", []string{"pod port at pod client eth0 for", "OVS port at node n1 180409d6dbf109f for", "OVN on n1 by 180409d6dbf109f to"}},
		"to a peer that nobody knows": {clientPod(), nobody, "192.0.2.1", "", []string{"pod port at pod client eth0 for 192.0.2.1", "OVS port at node n1 180409d6dbf109f for 192.0.2.1",
			"OVN on n1 by 180409d6dbf109f to", "peer at   for : no such link was found"}},
		"from the node": {end{}, vmPS, "10.1.1.4", "", []string{
			"receiver's OVS port at node n1 20cd1cebef12c_3 for 10.1.1.4 10.2.2.1 10.244.0.16", "receiver's pod port at launcher vm-ps ovn-udn1-nic for 10.1.1.4 10.2.2.1 10.244.0.16",
			"receiver's launcher bridge at launcher vm-ps k6t-ovn-udn1 for 10.1.1.4 10.2.2.1 10.244.0.16", "receiver's tap at launcher vm-ps tap0 for 10.1.1.4 10.2.2.1 10.244.0.16"}},
	} {
		got := list(o.wayBetween(c.near, c.far, onBridges(), onBridges(), flow{proto: "tcp", port: 8080, dialled: c.dialled}, c.by))
		lines := strings.Split(got, "\n")
		for i, l := range lines {
			lines[i] = strings.TrimRight(l, " ")
		}
		if !slices.Equal(lines, c.want) {
			t.Errorf("%s:\n got %s\nwant %s", name, strings.Join(lines, "\n     "), strings.Join(c.want, "\n     "))
		}
	}
}

// A port that was taken from its Linux bridge is not Open vSwitch's for that.
func TestWayOfAPortInNoBridge(t *testing.T) {
	o := walkedOn(t)
	o.stage.Networks["demo-vlan-1924"] = seen(model.Network{Name: "demo-vlan-1924", Asked: model.NetworkSpec{Topology: "bridge", Bridge: "vmnet-br0"}})
	near := vmEnd(t, o, "vm-l")
	near.look.host = []model.Link{{Index: 29, Name: "veth1"}}
	got := list(o.wayBetween(near, end{host: atHost{name: "vlan-1924", link: "eth0"}}, onBridges(), onBridges(), flow{proto: "tcp", port: 8080, dialled: "192.0.2.1"}, ""))
	for _, want := range []string{"\nbridge port at node n2 veth1 for 192.0.2.1\n", "\nnode bridge at node n2 vmnet-br0 for 192.0.2.1\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nlacks %s", got, want)
		}
	}
}
