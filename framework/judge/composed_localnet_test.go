package judge

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

const vlanPeer = "192.0.2.1"

// vlanVM is a VM on the VLAN as it was observed, under other names.
func vlanVM(t *testing.T, file, namespace, network string) model.VMView {
	t.Helper()
	name := file[len("s4-"):]
	v := observedVM(t, file, namespace, name)
	macs := []string{v.Guest.Links.Value[1].MAC, v.Guest.Links.Value[2].MAC}
	v.Spec.Interfaces = []model.InterfaceSpec{{Name: "default", Binding: "masquerade", MAC: macs[0], Model: "virtio"},
		{Name: vlanSpec, Binding: "bridge", MAC: macs[1], Model: "virtio", Network: network}}
	v.Launcher.NICs.Value[1].Tap = vlanTap
	v.Guest.Leases.Value["eth0"] = model.Lease{IP: "10.0.2.2", Prefix: 24, Router: "10.0.2.1", DNS: []string{"10.96.0.10"}, MTU: 1400, Hostname: name, Seconds: 86313600, Server: "10.0.2.1"}
	l := v.Guest.Leases.Value["eth1"]
	v.Guest.Leases.Value["eth1"] = model.Lease{IP: l.IP, Prefix: 24, Router: vlanPeer, Seconds: 43200, Server: vlanPeer}
	// the one that some have not goes last
	var last []model.Route
	v.Guest.Routes.Value = slices.DeleteFunc(v.Guest.Routes.Value, func(r model.Route) bool {
		if r.Dst == "default" && r.Dev == "eth1" {
			last = append(last, r)
		}
		return len(last) == 1 && r == last[0]
	})
	v.Guest.Routes.Value = append(v.Guest.Routes.Value, last...)
	return v
}

// moved is a VM as on the other node, with another pod IP.
func moved(t *testing.T, v model.VMView, node, ip string, replace ...string) model.VMView {
	t.Helper()
	was := v.Pod.Value
	octets := func(ip string) string {
		a, _ := allottedIPv4(model.Pod{Allotted: map[string]model.Allotment{"": {CIDRs: []string{ip + "/24"}}}}, "")
		return podMAC(a[0])
	}
	subnet := map[string]string{"n1": "10.244.0.", "n2": "10.244.1."}
	return copied(t, v, append(replace, `"node":"`+was.Node+`"`, `"node":"`+node+`"`, `"`+was.IPs[0]+`"`, `"`+ip+`"`, was.IPs[0]+"/", ip+"/",
		octets(was.IPs[0]), octets(ip), subnet[was.Node], subnet[node])...)
}

// withoutRouter is a VM whose VLAN's DHCP server names no router.
func withoutRouter(v model.VMView) model.VMView {
	v.Guest.Routes.Value = slices.DeleteFunc(v.Guest.Routes.Value, func(r model.Route) bool { return r.Dst == "default" && r.Dev == "eth1" })
	l := v.Guest.Leases.Value["eth1"]
	l.Router = ""
	v.Guest.Leases.Value["eth1"] = l
	return v
}

// vlanNetwork is one of the two networks.
func vlanNetwork(t *testing.T, key, namespace, was string) model.Network {
	t.Helper()
	all := observed(t, "physical", `"namespace": "`+was+`"`, `"namespace": "`+namespace+`"`, was+"/", namespace+"/")
	var nads map[string]json.RawMessage
	decoded(t, all["nad"], &nads)
	d := parsed(t, parse.NAD, nads[key])
	w := model.Network{Namespace: namespace, Name: key, Made: d.Made, NetworkName: d.Name, ID: d.ID}
	if key == forms[1].network {
		c := parsed(t, parse.UDN, all["cudn"])
		w.Namespace, w.Created, w.Reason = "", c.Created, c.Reason
	}
	w.Asked = model.NetworkSpec{Topology: "localnet", Role: roleSecondary, PhysicalNetwork: "trunk", VLAN: 1924}
	if key == forms[0].network {
		w.Asked.Plugins = []string{"ovn-k8s-cni-overlay"}
	}
	return w
}

func localnetFacts() model.Facts {
	f := composedFacts()
	f.Features[model.FeaturePhysical] = model.Presence{Present: true, Reason: "observed"}
	for i := range f.Nodes {
		f.Nodes[i].BridgeMappings = map[string]string{"physnet": "breth0", "trunk": "br-trunk"}
	}
	return f
}

func composeLocalnet(t *testing.T) model.Observation {
	t.Helper()
	const main, cudn = "vmnet-ln", "vmnet-ln-cudn"
	l := vlanVM(t, "s4-vm-l", main, forms[0].network)
	c := moved(t, vlanVM(t, "s5-vm-c", cudn, forms[1].network), "n2", "10.244.1.17")
	c.Spec.Group = "cudn"
	m := withoutRouter(moved(t, l, "n1", "10.244.0.24", "vm-l", "vm-m", "192.0.2.139", "192.0.2.142", "02:86:5e:00:00:13", "02:86:5e:00:00:17", "02:86:5e:00:00:14", "02:86:5e:00:00:18"))
	d := withoutRouter(moved(t, c, "n1", "10.244.0.25", "vm-c", "vm-d", "192.0.2.141", "192.0.2.143", "02:86:5e:00:00:15", "02:86:5e:00:00:19", "02:86:5e:00:00:16", "02:86:5e:00:00:1a"))
	s := stageOf(model.Steady, l, m, c, d)
	s.Networks[forms[0].network] = seen("api", "get network-attachment-definition", vlanNetwork(t, forms[0].network, main, "s4"))
	s.Networks[forms[1].network] = seen("api", "get clusteruserdefinednetwork", vlanNetwork(t, forms[1].network, cudn, "s5"))
	for _, node := range []string{"n1", "n2"} {
		s.Controls[node] = seen("node "+node, "ip -d -j addr in a pod", []model.Link{{Index: 1, Name: "lo", MTU: 65536}, {Index: 2, Name: "eth0", Kind: "veth", MTU: 1400}})
	}
	leases := parsed(t, parse.ServedLeases, []byte(observed(t, "physical").text(t, "leases")))
	for _, v := range []model.VMView{m, d} {
		leases = append(leases, model.ServedLease{MAC: v.Spec.Interfaces[1].MAC, IP: v.Guest.Leases.Value["eth1"].IP, Expires: leases[0].Expires})
	}
	s.Physical = model.PhysicalView{Refusals: map[string]model.Read[model.Refusal]{}, Localnets: map[string]model.Read[[]model.LocalnetPort]{},
		Mappings: map[string]model.Read[map[string]string]{}, Leases: seen("peer vlan-1924", "cat leases", leases), Peers: map[string]model.PhysicalPeer{
			"vlan-1924": {VLAN: 1924, Address: vlanPeer, Prefix: 24}, "vlan-1925": {VLAN: 1925, Address: "198.51.100.1", Prefix: 25}}}
	for _, vm := range []string{"vm-l", "vm-m", "vm-c", "vm-d"} {
		vlanTraffic(s, vm)
	}
	egress(t, s, "vm-l", "s4-vm-l", "n2")
	egress(t, s, "vm-m", "s5-vm-c", "n1")
	egress(t, s, "vm-c", "s4-vm-l", "n2")
	egress(t, s, "vm-d", "s5-vm-c", "n1")
	refusals(s)
	after := stageOf(model.Restarted, renewed(m, "uid-2", "n1", "10.244.0.34"), renewed(d, "uid-3", "n1", "10.244.0.35"))
	after.Physical.Leases = seen("peer vlan-1924", "cat leases", slices.Clone(leases))
	return model.Observation{Format: model.FormatVersion, Scenario: Localnet, Facts: localnetFacts(), Stages: []model.Stage{s, after}}
}

// vlanTraffic is what nobody recorded of a VM on the VLAN: its attempts at the hosts there and at the others.
func vlanTraffic(s model.Stage, vm string) {
	const peerMAC, otherMAC, zero = "02:42:c0:00:02:01", "02:42:c6:33:64:01", "0.0.0.0"
	v := s.VMs[vm]
	mac, ip := v.Spec.Interfaces[1].MAC, v.Guest.Leases.Value["eth1"].IP
	name := vm + ">peer/vlan-1924"
	path(s, name, "peer/vlan-1924", "http", "http://"+vlanPeer+":8080/clientip", func(p *model.Path) { p.SourceSeen, p.SourcePort, p.ClientPort = ip, 40100, 40100 })
	s.Frames[name] = seen("peer vlan-1924", "tcpdump -e, while "+name, []model.Frame{
		{Seconds: 0.1, SrcMAC: mac, DstMAC: peerMAC, VLANs: []int{1924}, Src: ip, SrcPort: 40100, Dst: vlanPeer, DstPort: 8080, Proto: "tcp", Length: 60},
		{Seconds: 0.2, SrcMAC: peerMAC, DstMAC: mac, VLANs: []int{1924}, Src: vlanPeer, SrcPort: 8080, Dst: ip, DstPort: 40100, Proto: "tcp", Length: 60}})
	path(s, name+"#arp", "peer/vlan-1924", "arp", vlanPeer, nil)
	s.Frames[name+"#arp"] = seen("peer vlan-1924", "tcpdump -e, while "+name+"#arp", []model.Frame{
		{Seconds: 0.1, SrcMAC: mac, DstMAC: broadcast, Src: zero, Dst: vlanPeer, Proto: "arp", Length: 28}})
	other := vm + ">peer/vlan-1925#arp"
	path(s, other, "peer/vlan-1925", "arp", "198.51.100.1", func(p *model.Path) { p.Passed, p.Detail = false, "no answer" })
	s.Frames[other] = seen("peer vlan-1925", "tcpdump -e, while "+other, []model.Frame{
		{Seconds: 0.1, SrcMAC: otherMAC, DstMAC: broadcast, Src: "198.51.100.1", Dst: "198.51.100.1", Proto: "arp", Length: 28}})
	for to, w := range s.VMs {
		if to != vm {
			path(s, vm+">"+to+"#vlan", "vm/"+to, "ping", w.Guest.Leases.Value["eth1"].IP, nil)
		}
	}
	peer := s.Physical.Peers["vlan-1924"]
	peer.Neighbours.Value = append(peer.Neighbours.Value, model.Neighbour{IP: ip, MAC: mac, Dev: "eth0.1924", State: "REACHABLE"})
	peer.Neighbours = seen("peer vlan-1924", "ip -j neigh", peer.Neighbours.Value)
	s.Physical.Peers["vlan-1924"] = peer
}

// refusals is what nobody recorded of what must not come about.
func refusals(s model.Stage) {
	asked := func(physical string) model.NetworkSpec {
		return model.NetworkSpec{Topology: "localnet", Role: roleSecondary, PhysicalNetwork: physical, VLAN: 1924, Plugins: []string{"ovn-k8s-cni-overlay"}}
	}
	attempt := func(key string, r model.Refusal) { s.Physical.Refusals[key] = seen("api", "get events", r) }
	attempt(unmapped, model.Refusal{Network: "vmnet-ln/unmapped", Asked: asked("vmnet-unmapped"), Node: "n2", Warnings: []model.Warning{{About: "on-unmapped",
		Reason: "FailedCreatePodSandBox", Message: `failed to find OVN bridge-mapping for network: "vmnet-unmapped"`}}})
	attempt(misnamed, model.Refusal{Network: "vmnet-ln/misnamed", Asked: asked("trunk"), Node: "n2", Warnings: []model.Warning{{About: "misnamed",
		Reason: "InvalidConfig", Message: `the netAttachDefName of vmnet-ln/misnamed is vmnet-ln/demo-vlan-1924`}}})
	attempt(udnLocal, model.Refusal{Network: "vmnet-ln/asked-localnet", Asked: model.NetworkSpec{Topology: "localnet", Role: roleSecondary}, Warnings: []model.Warning{
		{About: "asked-localnet", Reason: "Invalid", Message: `spec.topology: Unsupported value: "Localnet": supported values: "Layer2", "Layer3"`}}})
	attempt(udnControl, model.Refusal{Network: "vmnet-ln/asked-layer2", Asked: model.NetworkSpec{Topology: "layer2", Role: roleSecondary}, Came: true})
	for _, node := range []string{"n1", "n2"} {
		s.Physical.Localnets[node] = seen("node "+node, "ovn-nbctl", []model.LocalnetPort{
			{Name: "demo.vlan.1924_ovn_localnet_port", PhysicalNetwork: "trunk", VLAN: 1924}, {Name: "unmapped_ovn_localnet_port", PhysicalNetwork: "vmnet-unmapped", VLAN: 1924}})
		s.Physical.Mappings[node] = seen("node "+node, "ovs-vsctl", map[string]string{"physnet": "breth0", "trunk": "br-trunk"})
	}
}
