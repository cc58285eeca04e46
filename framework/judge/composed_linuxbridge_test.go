package judge

import (
	"fmt"
	"slices"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

// Nobody recorded a VM on a Linux bridge; the links are as those of the VM on the VLAN, under other names.

const bridgeNamespace = "vmnet-lb"

// bridged gives a VM an interface more, like that on the VLAN.
func bridgedVM(v, like model.VMView, name, network, mac, ip string) model.VMView {
	n := len(v.Spec.Interfaces)
	i := model.InterfaceSpec{Name: name, Binding: "bridge", MAC: mac, Model: "virtio", Network: network}
	veth, bridge, tap, dummy := udnNames(i)
	now := map[string]string{vlanVeth: veth, vlanBridge: bridge, vlanTap: tap, vlanDummy: dummy}
	for _, l := range like.Launcher.Links.Value {
		if now[l.Name] == "" {
			continue
		}
		l.Addresses = slices.DeleteFunc(slices.Clone(l.Addresses), func(a model.Address) bool { return a.Family == "inet" })
		if l.Name == vlanDummy {
			l.MAC = mac
			if ip != "" {
				l.Addresses = append(l.Addresses, model.Address{Family: "inet", CIDR: ip + "/24", Scope: "global"})
			}
		}
		if l.Name == vlanVeth {
			l.PeerIndex = 40 + 10*n
		}
		l.Name, l.Master = now[l.Name], now[l.Master]
		v.Launcher.Links.Value = append(v.Launcher.Links.Value, l)
	}
	nic := like.Guest.Links.Value[2]
	nic.Name, nic.MAC, nic.Index, nic.Addresses = fmt.Sprintf("eth%d", n), mac, n+2, nil
	if ip != "" {
		nic.Addresses = []model.Address{{Family: "inet", CIDR: ip + "/24", Scope: "global"}}
	}
	v.Guest.Links.Value = append(v.Guest.Links.Value, nic)
	v.Spec.Interfaces = append(v.Spec.Interfaces, i)
	return v
}

func composeLinuxBridge(t *testing.T) model.Observation {
	t.Helper()
	l := vlanVM(t, "s4-vm-l", bridgeNamespace, "plain")
	base := copied(t, l, "vm-l", bridgeVM, "02:86:5e:00:00:13", "02:86:5e:00:00:30")
	base.Spec.Interfaces = base.Spec.Interfaces[:1]
	base.Launcher.Links.Value = slices.DeleteFunc(base.Launcher.Links.Value, func(l model.Link) bool {
		return slices.Contains([]string{vlanVeth, vlanBridge, vlanTap, vlanDummy}, l.Name)
	})
	base.Guest.Links.Value = base.Guest.Links.Value[:2]
	cnv := bridgedVM(copied(t, base, bridgeVM, cnvVM, "02:86:5e:00:00:30", "02:86:5e:00:00:25", "10.244.1.14", "10.244.1.15"), l, "cnv", "cnv", "02:86:5e:00:00:26", "10.3.3.100")
	at := slices.IndexFunc(cnv.Launcher.Links.Value, func(l model.Link) bool { return l.Name == cnvVeth })
	cnv.Launcher.Links.Value[at].PeerIndex = 100
	b := base
	for _, i := range [][4]string{{"plain", "plain", "02:86:5e:00:00:21", "10.3.3.10"}, {"access", "access", "02:86:5e:00:00:22", ""},
		{"trunk", "tagging", trunkMAC, ""}, {"tuned", "tuned", "02:86:5e:00:00:24", ""}} {
		b = bridgedVM(b, l, i[0], i[1], i[2], i[3])
	}
	tagged := b.Guest.Links.Value[4]
	tagged.Name, tagged.Kind, tagged.Addresses = "eth3.1924", "vlan", []model.Address{{Family: "inet", CIDR: "192.0.2.151/24", Scope: "global"}}
	b.Guest.Links.Value = append(b.Guest.Links.Value, tagged)
	s := stageOf(model.Steady, b, cnv)
	for key, asked := range map[string]model.NetworkSpec{"plain": {Plugins: []string{"bridge"}}, "access": {Plugins: []string{"bridge"}, VLAN: 1924},
		"tagging": {Plugins: []string{"bridge"}, Trunk: []int{1924}}, "cnv": {Plugins: []string{"cnv-bridge"}},
		"tuned": {Plugins: []string{"bridge", "tuning"}, Sysctls: map[string]string{"net.ipv4.conf.IFNAME.drop_gratuitous_arp": "1"}}} {
		asked.Topology, asked.Role, asked.Bridge = "bridge", roleSecondary, "vmnet-br0"
		s.Networks[key] = seen("api", "get network-attachment-definition "+key, model.Network{Namespace: bridgeNamespace, Name: key, Asked: asked, NetworkName: key})
	}
	links := []model.Link{{Index: 30, Name: "vmnet-br0", Kind: "bridge", MTU: 1500}}
	for n := 1; n <= 4; n++ {
		links = append(links, model.Link{Index: 40 + 10*n, Name: fmt.Sprintf("veth%d", n), Kind: "veth", MTU: 1500, Master: "vmnet-br0"})
	}
	links = append(links, model.Link{Index: 100, Name: "veth6", Kind: "veth", MTU: 1500, Master: "vmnet-br0"})
	s.Hosts["n2"] = model.HostView{Links: seen("node n2", "ip -d -j addr", links)}
	bridgeTraffic(s)
	s.Physical = bridgePlugins(s)
	f := localnetFacts()
	f.Features[model.FeatureCNVBridge] = model.Presence{Present: true, Reason: "made up, so that the claim that needs it is judged"}
	return model.Observation{Format: model.FormatVersion, Scenario: LinuxBridge, Facts: f, Stages: []model.Stage{s}}
}

func bridgeTraffic(s model.Stage) {
	const neighbour = "10.3.3.11"
	path(s, "vm-b1>pod/neighbour#plain", "pod/neighbour", "http", "http://"+neighbour+":8080/hostname", answer("neighbour"))
	path(s, "vm-b2>pod/neighbour#cnv", "pod/neighbour", "http", "http://"+neighbour+":8080/hostname", answer("neighbour"))
	for network, c := range map[string][2]string{"#access": {"02:86:5e:00:00:22", "192.0.2.150"}, "#trunk": {trunkMAC, "192.0.2.151"}} {
		name := "vm-b1>peer/vlan-1924" + network
		path(s, name, "peer/vlan-1924", "http", "http://"+vlanPeer+":8080/clientip", func(p *model.Path) { p.SourceSeen, p.SourcePort = c[1], 40200 })
		s.Frames[name] = seen("peer vlan-1924", "tcpdump -e, while "+name, []model.Frame{
			{Seconds: 0.1, SrcMAC: c[0], DstMAC: "02:42:c0:00:02:01", VLANs: []int{1924}, Src: c[1], SrcPort: 40200, Dst: vlanPeer, DstPort: 8080, Proto: "tcp", Length: 60},
			{Seconds: 0.2, SrcMAC: "02:42:c0:00:02:01", DstMAC: c[0], VLANs: []int{1924}, Src: vlanPeer, SrcPort: 8080, Dst: c[1], DstPort: 40200, Proto: "tcp", Length: 60}})
	}
}

func bridgePlugins(s model.Stage) model.PhysicalView {
	p := model.PhysicalView{Leases: seen("peer vlan-1924", "cat leases", []model.ServedLease{{MAC: "02:86:5e:00:00:22", IP: "192.0.2.150"}, {MAC: trunkMAC, IP: "192.0.2.151"}}), CNI: map[string]model.Read[model.CNI]{}, Attachments: map[string]model.Read[[]model.Attachment]{}, Sysctls: map[string]model.Read[map[string]string]{},
		Peers: map[string]model.PhysicalPeer{"vlan-1924": {VLAN: 1924, Address: vlanPeer, Prefix: 24}, "vlan-1925": {VLAN: 1925, Address: "198.51.100.1", Prefix: 25}}}
	for _, node := range []string{"n1", "n2"} {
		p.CNI[node] = seen("node "+node, "cat /etc/cni/net.d/*; ls /opt/cni/bin", model.CNI{File: "00-multus.conf", Type: "multus-shim", Delegate: ovnPlugin,
			Binaries: []string{"bridge", "cnv-bridge", "host-local", "loopback", "macvlan", "multus-shim", ovnPlugin, "tuning"}})
	}
	for name, v := range s.VMs {
		var rows []model.Attachment
		for _, i := range v.Spec.Interfaces {
			r := model.Attachment{Name: "ovn-kubernetes", Default: i.Network == "", Interface: podInterface(i)}
			if i.Network != "" {
				r.Name = bridgeNamespace + "/" + i.Network
			}
			at := slices.IndexFunc(v.Launcher.Links.Value, func(l model.Link) bool { return l.Name == r.Interface })
			r.MAC, r.IPs = v.Launcher.Links.Value[at].MAC, withoutPrefix(ipv4(v.Launcher.Links.Value[at]))
			rows = append(rows, r)
		}
		p.Attachments[name] = seen("api", "get pod "+v.Pod.Value.Name, rows)
	}
	p.Attachments["neighbour"] = seen("api", "get pod neighbour", []model.Attachment{{Name: bridgeNamespace + "/plain", Interface: "net1", MAC: "0a:00:00:00:00:11", IPs: []string{"10.3.3.11"}}})
	p.Sysctls[bridgeVM] = seen("launcher vm-b1", "sysctl", map[string]string{"net.ipv4.conf." + tunedVeth + ".drop_gratuitous_arp": "1", "net.ipv4.conf." + plainVeth + ".drop_gratuitous_arp": "0"})
	return p
}
