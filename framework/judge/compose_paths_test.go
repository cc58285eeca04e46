package judge

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

const outsidePeer = "192.168.77.200"

// composedFacts are the observed cluster's.
func composedFacts() model.Facts {
	present := model.Presence{Present: true, Reason: "observed"}
	f := model.Facts{At: when, Versions: map[string]string{"kubernetes": "v1.34.4", "kubevirt": "v1.7.0", "ovn-kubernetes": "1.1.0", "multus": "v4.2.4"},
		ClusterSubnets: []string{"10.244.0.0/16"}, ServiceSubnets: []string{"10.96.0.0/16"}, MTU: 1400, GatewayMode: "shared",
		MasqueradeSubnet: "169.254.0.0/17", ClusterDomain: "cluster.local", Emulation: true,
		Features: map[model.Feature]model.Presence{model.FeatureOutside: present, model.FeatureTwoNodes: present, model.FeatureUDN: present,
			model.FeatureL2Bridge: present, model.FeatureClusterDNS: present, model.FeatureIPAMExtension: {Reason: "no deployment of it"}}}
	for n, last := range map[string]string{"n1": "0", "n2": "1"} {
		f.Nodes = append(f.Nodes, model.Node{Name: n, InternalIP: "192.168.77.1" + n[1:], PodSubnet: "10.244." + last + ".0/24",
			EdgeIPs: []string{"192.168.77.1" + n[1:]}, EdgeBridge: "breth0", Zone: n})
	}
	if f.Nodes[0].Name != "n1" {
		f.Nodes[0], f.Nodes[1] = f.Nodes[1], f.Nodes[0]
	}
	return f
}

// stageOf begins a stage: both nodes with a control pod's links each.
func stageOf(name string, vms ...model.VMView) model.Stage {
	s := model.Stage{Name: name, VMs: map[string]model.VMView{}, Paths: map[string]model.Read[model.Path]{}, Frames: map[string]model.Read[[]model.Frame]{},
		Controls: map[string]model.Read[[]model.Link]{}, Services: map[string]model.Read[model.Service]{}, Pods: map[string]model.Read[model.Pod]{},
		Networks: map[string]model.Read[model.Network]{}, Hosts: map[string]model.HostView{}, Flows: map[string]model.Read[model.Flow]{},
		Connections: map[string]model.Read[model.Connection]{}}
	for _, v := range vms {
		s.VMs[v.Spec.Name] = v
	}
	return s
}

// network is a user-defined network, from the objects of one that was observed.
func network(t *testing.T, like, namespace, name, subnet, id string) model.Read[model.Network] {
	t.Helper()
	was := map[string]string{primaryNetwork: "10.1.1.0/24", "secondary-udn": "10.2.2.0/24"}[like]
	all := observed(t, "objects", `"namespace": "s2"`, `"namespace": "`+namespace+`"`, "s2_", namespace+"_", "s2/", namespace+"/", like, name, was, subnet)
	objects := func(kind string) answers {
		var a answers
		decoded(t, all[kind], &a)
		return a
	}
	w := parsed(t, parse.UDN, objects("udn")[name])
	d := parsed(t, parse.NAD, objects("nad")[name])
	w.Made, w.NetworkName, w.ID = d.Made, d.Name, id
	return seen("api", "get userdefinednetwork "+name+"; get network-attachment-definition "+name, w)
}

// composedNode reads what a node's databases said, for a network and VMs under other names, of which some are there.
func composedNode(t *testing.T, name, namespace string, here []string, vms ...string) model.HostView {
	t.Helper()
	replace := []string{"GR_s2_", "GR_" + strings.ReplaceAll(namespace, "-", ".") + "_", "s2_", namespace + "_"}
	for i := 0; i+1 < len(vms); i += 2 {
		replace = append(replace, "s2/"+vms[i]+`"`, namespace+"/"+vms[i+1]+`"`, `"\"`+vms[i]+`\""`, `"\"`+vms[i+1]+`\""`)
	}
	a := observed(t, name, replace...)
	options := slices.DeleteFunc(parsed(t, parse.DHCPOptions, a["dhcp_options"]), func(o model.DHCPOptions) bool {
		_, vm, _ := strings.Cut(o.Owner, "/")
		return !slices.Contains(here, vm) // what migrations left
	})
	return model.HostView{
		Links:       seen("node "+name, "ip -d -j addr", parsed(t, parse.Links, a["links"])),
		NAT:         seen("node "+name, "ovn-nbctl -f json list NAT", parsed(t, parse.NAT, a["nat"], a["logical_router"])),
		Routes:      seen("node "+name, "ovn-nbctl -f json list Logical_Router_Static_Route", parsed(t, parse.StaticRoutes, a["logical_router_static_route"], a["logical_router"])),
		DHCP:        seen("node "+name, "ovn-nbctl -f json list DHCP_Options", options),
		GatewayMode: seen("api", "get node "+name, "shared"),
	}
}

// path adds an attempt.
func path(s model.Stage, name, to, kind, target string, fill func(*model.Path)) {
	from, _, _ := strings.Cut(name, ">")
	p := model.Path{From: from, To: to, Kind: kind, Target: target, Passed: true}
	if fill != nil {
		fill(&p)
	}
	s.Paths[name] = seen(from, kind+" "+target, p)
}

func answer(who string) func(*model.Path) { return func(p *model.Path) { p.Answer = who } }

func refused(p *model.Path) { p.Passed, p.Detail, p.ClientPort = false, "curl: (28) timed out", 40001 }

// captures adds the frames of an attempt that was refused, none, and of the one beside it.
func captures(s model.Stage, place, vain, beside string, client, receiver string) {
	s.Frames[vain] = seen(place, "tcpdump, while "+vain, []model.Frame{})
	s.Frames[beside] = seen(place, "tcpdump, while "+beside, []model.Frame{
		{Seconds: 0.1, Src: client, SrcPort: 40002, Dst: receiver, DstPort: 8080, Proto: "tcp", Length: 60},
		{Seconds: 0.2, Src: receiver, SrcPort: 8080, Dst: client, DstPort: 40002, Proto: "tcp", Length: 60}})
}

// egress adds a VM's way to the outside peer: its entries of connection tracking were recorded, and what the peer answered.
func egress(t *testing.T, s model.Stage, vm, file, node string) {
	t.Helper()
	entries := parsed(t, parse.Conntrack, []byte(observed(t, node).text(t, "conntrack")))
	saw := netip.MustParseAddrPort(observed(t, file).text(t, "egress"))
	var flow model.Flow
	guest, _, _ := strings.Cut(ipv4(s.VMs[vm].Guest.Links.Value[1])[0], "/")
	var own int
	for _, e := range entries {
		if e.Original.Src == guest && e.Reply.Dst != guest && e.Reply.DstPort == int(saw.Port()) {
			own = e.Original.SrcPort
		}
	}
	for _, e := range entries {
		if e.Original.Src == guest && e.Original.SrcPort == own || strings.HasPrefix(e.Original.Src, "169.254.") && e.Original.SrcPort == int(saw.Port()) {
			flow.Entries = append(flow.Entries, e)
		}
	}
	name, edge := vm+">peer/outside", saw.Addr().String()
	path(s, name, "peer/outside", "http", "http://"+outsidePeer+":8080/clientip", func(p *model.Path) {
		p.SourceSeen, p.SourcePort, p.ClientPort = edge, int(saw.Port()), own
	})
	s.Flows[name] = seen("node "+node, "conntrack -E -e NEW -p tcp -d "+outsidePeer, flow)
	out := model.Frame{Seconds: 0.1, Src: edge, SrcPort: int(saw.Port()), Dst: outsidePeer, DstPort: 8080, Proto: "tcp", Length: 60}
	back := model.Frame{Seconds: 0.2, Src: outsidePeer, SrcPort: 8080, Dst: edge, DstPort: int(saw.Port()), Proto: "tcp", Length: 60}
	s.Frames[name] = seen("peer outside", "tcpdump, while "+name, []model.Frame{out, back, out, back})
}

// neighbours adds what every guest of the main network attempts.
func neighbours(s model.Stage, namespace string, pairs [][2]string, vms ...string) {
	s.Services["echo"] = seen("api", "get service echo", model.Service{Name: "echo", Namespace: namespace, ClusterIP: "10.96.0.77", Ports: []int{8080}, Backends: []string{"echo"}})
	name := "echo." + namespace + ".svc.cluster.local"
	for _, vm := range vms {
		path(s, vm+">pod/echo", "pod/echo", "http", "http://10.1.1.7:8080/clientip", func(p *model.Path) { p.SourceSeen = primaryAt(s.VMs[vm]) })
		path(s, vm+">dns/echo", "dns/echo", "dns", name, answer("10.96.0.77"))
		path(s, vm+">service/echo", "service/echo", "http", "http://"+name+":8080/hostname", answer("echo"))
		path(s, "api>"+vm, "vm/"+vm, "ssh", vm+":22", func(p *model.Path) {
			p.Passed, p.Detail = false, "guest "+vm+": ssh by port-forward: no SSH handshake within 20s"
		})
	}
	for _, pair := range pairs {
		path(s, pair[0]+">"+pair[1], "vm/"+pair[1], "ping", primaryAt(s.VMs[pair[1]]), nil)
		path(s, pair[0]+">"+pair[1]+"#df-mtu", "vm/"+pair[1], "ping", primaryAt(s.VMs[pair[1]]), func(p *model.Path) { p.Size = 1400 })
	}
}

func primaryAt(v model.VMView) string {
	for _, network := range []string{primaryNetwork, "other-udn"} {
		if a, ok := v.Pod.Value.Allotted[v.Spec.Namespace+"/"+network]; ok {
			return strings.TrimSuffix(a.CIDRs[0], "/24")
		}
	}
	return ""
}

// pod adds a pod that runs no VM.
func pod(s model.Stage, name, node, eth0, key, address string) {
	p := model.Pod{Name: name, UID: "uid-" + name, Node: node, IPs: []string{eth0}, Allotted: map[string]model.Allotment{
		defaultNetwork: {CIDRs: []string{eth0 + "/24"}, Role: rolePrimary}}}
	if key != "" {
		p.Allotted = maps.Clone(p.Allotted)
		p.Allotted[defaultNetwork] = model.Allotment{CIDRs: []string{eth0 + "/24"}, Role: roleLocked}
		p.Allotted[key] = model.Allotment{CIDRs: []string{address + "/24"}, Role: rolePrimary}
	}
	s.Pods[name] = seen("api", "get pod "+name, p)
}
