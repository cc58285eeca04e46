package judge

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

func decoded(t *testing.T, raw json.RawMessage, into any) {
	t.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

// natOf are the rules of a network that was not there when the nodes were observed.
func natOf(name, node, subnet, logicalPort string, id int) []model.NATRow {
	gateway, management, _ := ownMasqueradeIPs(model.Network{ID: fmt.Sprint(id)}, composedFacts())
	router := gatewayRouter(name, node)
	uuid := func(last int) string {
		return fmt.Sprintf("00000000-0000-4000-8000-0000000%02d%s%02d", id, node[1:], last)
	}
	return []model.NATRow{
		{UUID: uuid(1), Router: router, Network: name, Type: "snat", LogicalIP: subnet, ExternalIP: gateway.String(), Match: `outport == "rtoe-` + router + `"`},
		{UUID: uuid(2), Router: router, Network: name, Type: "snat", LogicalIP: "100.65.0." + node[1:], ExternalIP: gateway.String()},
		{UUID: uuid(3), Router: router, Network: name, Type: "snat", LogicalIP: subnet, ExternalIP: management.String(), LogicalPort: logicalPort + router},
	}
}

func composePrimary(t *testing.T) model.Observation {
	t.Helper()
	const main = "vmnet-pu"
	p, q := observedVM(t, "s2-vm-p", main, "vm-p"), observedVM(t, "s2-vm-q", main, "vm-q")
	ps := observedVM(t, "s2-vm-ps", main, "vm-ps")
	r := copied(t, detach(ps), "vm-ps", "vm-r")
	for _, v := range []*model.VMView{&p, &q, &r} {
		v.IPAMClaims = map[string]model.Read[model.IPAMClaim]{"default": claimOf(*v, "default", primaryNetwork, udnInterface)}
	}
	other := looked(copied(t, p, "vm-p", "vm-o", main+"/primary-udn", main+"-other/other-udn", "10.1.1.3", "10.7.7.3", "10.1.1.", "10.7.7.", "0a:58:0a:01:01:03", "0a:58:0a:07:07:03"))
	other.Spec.Namespace, other.Spec.Group, other.Guest, other.IPAMClaims = main+"-other", "other", model.GuestView{}, nil
	l3 := model.VMView{Spec: model.VMSpec{Namespace: main + "-layer3", Name: "vm-l3", Hostname: "vm-l3", Group: "layer3", Spare: true,
		Interfaces: []model.InterfaceSpec{{Name: "default", Binding: l2Bridge, Model: "virtio"}}}}
	l3.VMI = seen("api", "list vmi", model.VMI{Phase: "Running", Node: "n2", Interfaces: []model.VMIInterface{{Name: "default", MAC: "0a:58:0a:08:01:04", PodInterface: udnInterface}}})
	l3.Pod = seen("api", "get pod", model.Pod{Name: "virt-launcher-vm-l3", UID: "uid-l3", Node: "n2", IPs: []string{"10.244.1.30"}})

	s := stageOf(model.Steady, p, q, r, other, l3)
	for key, w := range map[string]model.Read[model.Network]{
		primaryNetwork:           network(t, primaryNetwork, main, primaryNetwork, "10.1.1.0/24", "5"),
		"other/other-udn":        network(t, primaryNetwork, main+"-other", "other-udn", "10.7.7.0/24", "6"),
		"twin/" + primaryNetwork: network(t, primaryNetwork, main+"-twin", primaryNetwork, "10.1.1.0/24", "7"),
		"layer3/layer3-udn":      layered(network(t, primaryNetwork, main+"-layer3", "layer3-udn", "10.8.0.0/16/24", "8")),
	} {
		s.Networks[key] = w
	}
	for _, node := range []string{"n1", "n2"} {
		h := composedNode(t, node, main, map[string][]string{"n1": {"vm-p", "vm-r"}, "n2": {"vm-q"}}[node], "vm-ps", "vm-r", "vm-p", "vm-p", "vm-q", "vm-q")
		h.NAT.Value = slices.Concat(h.NAT.Value, natOf(main+"-other_other-udn", node, "10.7.7.0/24", "rtoj-", 6),
			natOf(main+"-twin_primary-udn", node, "10.1.1.0/24", "rtoj-", 7), natOf(main+"-layer3_layer3-udn", node, "10.8.0.0/16", "rtos-", 8))
		s.Hosts[node] = h
		s.Controls[node] = seen("node "+node, "ip -d -j addr in a pod", []model.Link{{Index: 1, Name: "lo", MTU: 65536}, {Index: 2, Name: "eth0", Kind: "veth", MTU: 1400}})
	}
	pod(s, "client", "n1", "10.244.0.20", main+"/primary-udn", "10.1.1.6")
	pod(s, "echo", "n2", "10.244.1.20", main+"/primary-udn", "10.1.1.7")
	pod(s, "client-default", "n1", "10.244.0.21", "", "")
	pod(s, "echo-default", "n2", "10.244.1.21", "", "")
	pod(s, "client-other", "n2", "10.244.1.22", main+"-other/other-udn", "10.7.7.4")
	pod(s, "twin-a", "n1", "10.244.0.23", main+"-twin/primary-udn", "10.1.1.3")
	pod(s, "twin-b", "n2", "10.244.1.23", main+"-twin/primary-udn", "10.1.1.4")
	neighbours(s, main, primaryPairs, primaryVMs...)
	egress(t, s, "vm-p", "s2-vm-p", "n1")
	egress(t, s, "vm-q", "s2-vm-q", "n2")
	egress(t, s, "vm-r", "s2-vm-ps", "n1")
	isolationPaths(s)
	return model.Observation{Format: model.FormatVersion, Scenario: PrimaryUDN, Facts: composedFacts(), Stages: []model.Stage{s, composeRestarted(s), composeMigrated(s), composeDeleted(s)}}
}

// layered makes a layer 3 network of one.
func layered(w model.Read[model.Network]) model.Read[model.Network] {
	w.Value.Asked.Topology, w.Value.Made.Topology, w.Value.Asked.Persistent, w.Value.Made.Persistent = "layer3", "layer3", false, false
	return w
}

func isolationPaths(s model.Stage) {
	const listener, echo = "http://10.244.0.15:8090/", "http://10.244.1.21:8080/hostname"
	path(s, "pod/client-default>launcher/vm-p", "launcher/vm-p", "http", listener, refused)
	path(s, "node>launcher/vm-p", "launcher/vm-p", "http", listener, refused)
	path(s, "kubelet>launcher/vm-p", "launcher/vm-p", "http", listener, answer("launcher"))
	path(s, "vm-p>pod/echo-default", "pod/echo-default", "http", echo, refused)
	path(s, "pod/client-default>pod/echo-default", "pod/echo-default", "http", echo, answer("echo-default"))
	captures(s, "pod echo-default", "vm-p>pod/echo-default", "pod/client-default>pod/echo-default", "10.244.0.21", "10.244.1.21")
	path(s, "vm-p>vm/vm-o", "vm/vm-o", "http", "http://10.7.7.3:8080/hostname", refused)
	path(s, "pod/client-other>vm/vm-o", "vm/vm-o", "http", "http://10.7.7.3:8080/hostname", answer("vm-o"))
	captures(s, "launcher vm-o", "vm-p>vm/vm-o", "pod/client-other>vm/vm-o", "10.7.7.4", "10.7.7.3")
	path(s, "pod/twin-a>vm-unshared", "vm/vm-q", "http", "http://10.1.1.5:8080/hostname", refused)
	path(s, "pod/client>vm-unshared", "vm/vm-q", "http", "http://10.1.1.5:8080/hostname", answer("vm-q"))
	captures(s, "launcher vm-q", "pod/twin-a>vm-unshared", "pod/client>vm-unshared", "10.1.1.6", "10.1.1.5")
	path(s, "pod/twin-a>pod/twin-b", "pod/twin-b", "http", "http://10.1.1.4:8080/hostname", answer("twin-b"))
	path(s, "pod/client>shared", "vm/vm-p", "http", "http://10.1.1.3:8080/hostname", answer("vm-p"))
	path(s, "pod/twin-b>shared", "pod/twin-a", "http", "http://10.1.1.3:8080/hostname", answer("twin-a"))
	path(s, "pod/client-layer3>vm-l3", "vm/vm-l3", "tcp", "", func(p *model.Path) { p.Passed, p.Detail = false, "no address" })
}

func composeRestarted(steady model.Stage) model.Stage {
	return stageOf(model.Restarted, looked(steady.VMs["vm-p"]), looked(steady.VMs["vm-r"]), renewed(steady.VMs["vm-q"], "uid-2", "n1", "10.244.0.30"))
}

func composeMigrated(steady model.Stage) model.Stage {
	s := stageOf(model.Migrated, looked(steady.VMs["vm-p"]), renewed(steady.VMs["vm-r"], "uid-3", "n2", "10.244.1.31"), looked(steady.VMs["vm-q"]))
	s.Connections["pod/client>vm-r"] = seen("pod client", "socat", model.Connection{From: "pod/client", To: "vm/vm-r", Sent: 151, Answered: 150, LongestGap: 1.84})
	for vm, edge := range map[string]string{"vm-p": "192.168.77.11", "vm-r": "192.168.77.12"} {
		path(s, vm+">peer/outside", "peer/outside", "http", "http://"+outsidePeer+":8080/clientip", func(p *model.Path) {
			p.SourceSeen, p.SourcePort, p.ClientPort = edge, 41234, 40003
		})
	}
	return s
}

func composeDeleted(steady model.Stage) model.Stage {
	s := stageOf(model.Deleted, steady.VMs["vm-o"])
	s.Removal = seen("api", "get userdefinednetwork other-udn, for 15s", model.Removal{Network: "other/other-udn", There: true, Deleting: true,
		Finalizers: []string{networkFinalizer}, Waited: 15, Users: []string{"vmnet-pu-other/client-other", "vmnet-pu-other/" + steady.VMs["vm-o"].Pod.Value.Name}})
	s.Paths["pod/client-other>vm/vm-o"] = steady.Paths["pod/client-other>vm/vm-o"]
	return s
}

func composeSecondary(t *testing.T) model.Observation {
	t.Helper()
	const main = "vmnet-su"
	ps := observedVM(t, "s2-vm-ps", main, "vm-ps")
	ps.Spec.Interfaces = append(ps.Spec.Interfaces, model.InterfaceSpec{Name: "secondary-udn", Binding: "bridge", MAC: "02:86:5e:00:00:0a", Model: "virtio", Network: "secondary-udn"})
	ps.Guest.Leases.Value["eth1"] = model.Lease{IP: "10.2.2.1", Prefix: 24, MTU: 1400, Hostname: "vm-ps", Seconds: 86313600, Server: "169.254.75.11"}
	second := copied(t, ps, "10.2.2.1", "10.2.2.2", "02:86:5e:00:00:0a", "0a:58:0a:02:02:02", "vm-ps", "vm-pt")
	second.Spec.Interfaces[1].MAC = ""
	pt := attach(copied(t, observedVM(t, "s2-vm-q", main, "vm-pt"), "vm-q", "vm-pt"), second)
	po := observedVM(t, "s2-vm-p", main, "vm-po")
	for _, v := range []*model.VMView{&ps, &pt, &po} {
		v.IPAMClaims = map[string]model.Read[model.IPAMClaim]{"default": claimOf(*v, "default", primaryNetwork, udnInterface)}
		if len(v.Spec.Interfaces) > 1 {
			v.IPAMClaims["secondary-udn"] = claimOf(*v, "secondary-udn", "secondary-udn", secondDummy)
		}
	}
	s := stageOf(model.Steady, ps, pt, po)
	s.Networks[primaryNetwork] = network(t, primaryNetwork, main, primaryNetwork, "10.1.1.0/24", "5")
	s.Networks["secondary-udn"] = network(t, "secondary-udn", main, "secondary-udn", "10.2.2.0/24", "6")
	for _, node := range []string{"n1", "n2"} {
		s.Hosts[node] = composedNode(t, node, main, map[string][]string{"n1": {"vm-ps", "vm-po"}, "n2": {"vm-pt"}}[node], "vm-ps", "vm-ps", "vm-p", "vm-po", "vm-q", "vm-pt")
		s.Controls[node] = seen("node "+node, "ip -d -j addr in a pod", []model.Link{{Index: 1, Name: "lo", MTU: 65536}, {Index: 2, Name: "eth0", Kind: "veth", MTU: 1400}})
	}
	pod(s, "client", "n1", "10.244.0.20", main+"/primary-udn", "10.1.1.6")
	pod(s, "echo", "n2", "10.244.1.20", main+"/primary-udn", "10.1.1.7")
	neighbours(s, main, [][2]string{{"vm-ps", "vm-pt"}, {"vm-pt", "vm-ps"}, {"vm-ps", "vm-po"}, {"vm-po", "vm-ps"}}, secondaryVMs...)
	for _, pair := range secondaryMeetings.pairs {
		path(s, pair[0]+">"+pair[1]+"#secondary", "vm/"+pair[1], "ping", map[string]string{"vm-ps": "10.2.2.1", "vm-pt": "10.2.2.2"}[pair[1]], nil)
	}
	egress(t, s, "vm-ps", "s2-vm-ps", "n1")
	egress(t, s, "vm-pt", "s2-vm-q", "n2")
	egress(t, s, "vm-po", "s2-vm-p", "n1")
	path(s, "vm-ps>peer/outside#secondary", "peer/outside", "http", "http://"+outsidePeer+":8081/clientip", refused)
	s.Frames["vm-ps>peer/outside#secondary"] = seen("peer outside", "tcpdump", []model.Frame{})
	path(s, "vm-po>vm-ps#secondary", "vm/vm-ps", "http", "http://10.2.2.1:8080/hostname", refused)
	path(s, "vm-pt>vm-ps#secondary-http", "vm/vm-ps", "http", "http://10.2.2.1:8080/hostname", answer("vm-ps"))
	captures(s, "launcher vm-ps", "vm-po>vm-ps#secondary", "vm-pt>vm-ps#secondary-http", "10.2.2.2", "10.2.2.1")
	f := composedFacts()
	f.Features[model.FeatureIPAMExtension] = model.Presence{Present: true, Reason: "made up, so that the claim that needs it is judged"}
	return model.Observation{Format: model.FormatVersion, Scenario: SecondaryUDN, Facts: f,
		Stages: []model.Stage{s, stageOf(model.Restarted, looked(ps), renewed(pt, "uid-2", "n2", "10.244.1.30"), looked(po))}}
}
