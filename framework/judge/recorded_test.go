package judge

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// Until a whole observation of the scenario is recorded, one is put together here: launchers, guests, pods, VMIs, the
// hypervisor's NICs of vm-a and the capture are as recorded; vm-b's NICs, vm-c (vm-a's records with other addresses),
// the spare, logical ports, controls, Services and all paths are made up, and are marked so by their place.

const madeUp = "made up"

var when = time.Date(2026, 11, 24, 22, 10, 0, 0, time.UTC)

func read[T any](v T, place string) model.Read[T] {
	return model.Read[T]{Value: v, Place: place, Command: "recorded", At: when}
}

func file(t testing.TB, vm, name string, changes *strings.Replacer) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "parse", "testdata", vm, name))
	if err != nil {
		t.Fatal(err)
	}
	return changes.Replace(string(b))
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func recordedVM(t testing.TB, dir, name string, spec model.InterfaceSpec, changes *strings.Replacer) model.VMView {
	t.Helper()
	at := "launcher " + name
	v := model.VMView{
		Spec: model.VMSpec{Namespace: "s1", Name: name, Hostname: name, Interfaces: []model.InterfaceSpec{spec}},
		Pod:  read(must[model.Pod](t)(parse.Pod(file(t, dir, "pod.json", changes))), "api"),
		VMI:  read(must[model.VMI](t)(parse.VMI(file(t, dir, "vmi.json", changes))), "api"),
		Launcher: model.LauncherView{
			Links:  read(must[[]model.Link](t)(parse.Links(file(t, dir, "launcher-addr.json", changes))), at),
			Routes: read(must[[]model.Route](t)(parse.Routes(file(t, dir, "launcher-route.json", changes))), at),
			NICs:   read(must[[]model.NIC](t)(parse.Domain(strings.NewReplacer("02:86:5e:00:00:07", spec.MAC).Replace(file(t, "s1-vm-a", "domain.xml", changes)))), at),
		},
		Guest: model.GuestView{
			Links:    read(must[[]model.Link](t)(parse.Links(file(t, dir, "guest-addr.json", changes))), "guest "+name),
			Routes:   read(must[[]model.Route](t)(parse.Routes(file(t, dir, "guest-route.json", changes))), "guest "+name),
			NICs:     read([]model.GuestNIC{{Name: "eth0", MAC: spec.MAC, Driver: "virtio_net"}}, madeUp),
			Hostname: read(name, "guest "+name),
		},
	}
	port := "s1_" + v.Pod.Value.Name
	v.Port = read(model.LogicalPort{HostLink: "28b73eea709f3_3", IfaceID: port, Name: port, Chassis: v.Pod.Value.Node, Up: true}, madeUp)
	return v
}

func together(t testing.TB) model.Observation {
	t.Helper()
	none := strings.NewReplacer()
	stage := model.Stage{Name: model.Steady, VMs: map[string]model.VMView{
		"vm-a": recordedVM(t, "s1-vm-a", "vm-a", model.InterfaceSpec{Name: "default", Binding: "masquerade", MAC: "02:86:5e:00:00:07"}, none),
		"vm-b": recordedVM(t, "s1-vm-b", "vm-b", model.InterfaceSpec{Name: "default", Binding: "masquerade", MAC: "02:86:5e:00:00:10"}, none),
		"vm-c": recordedVM(t, "s1-vm-a", "vm-c", model.InterfaceSpec{Name: "default", Binding: "masquerade", MAC: "02:86:5e:00:00:11", VMNetworkCIDR: "10.9.8.0/24"},
			strings.NewReplacer("10.0.2.", "10.9.8.", "10.244.0.14", "10.244.0.24", "0a:58:0a:f4:00:0e", "0a:58:0a:f4:00:18", "02:86:5e:00:00:07", "02:86:5e:00:00:11", "vm-a", "vm-c")),
	}}
	spare := recordedVM(t, "s1-vm-b", "vm-spare", model.InterfaceSpec{Name: "default", Binding: "masquerade", MAC: "02:86:5e:00:00:12"},
		strings.NewReplacer("10.244.1.11", "10.244.1.21", "0a:58:0a:f4:01:0b", "0a:58:0a:f4:01:15", "02:86:5e:00:00:10", "02:86:5e:00:00:12", "vm-b", "vm-spare"))
	spare.Spec.Spare, spare.Guest = true, model.GuestView{}
	stage.VMs["vm-spare"] = spare
	lo := stage.VMs["vm-a"].Launcher.Links.Value[0]
	stage.Controls = map[string]model.Read[[]model.Link]{"n1": read([]model.Link{lo, {Name: "eth0", Kind: "veth"}}, madeUp), "n2": read([]model.Link{lo, {Name: "eth0", Kind: "veth"}}, madeUp)}
	stage.Services = map[string]model.Read[model.Service]{
		"echo": read(model.Service{Name: "echo", Namespace: "s1", ClusterIP: "10.96.44.7", Ports: []int{80}, Backends: []string{"echo"}}, madeUp),
		"vm-a": read(model.Service{Name: "vm-a", Namespace: "s1", ClusterIP: "10.96.44.8", Ports: []int{80}, Backends: []string{"vm-a"}}, madeUp),
	}
	capture := must[[]model.Frame](t)(parse.Frames([]byte(file(t, "wire", "outside.pcap", none))))
	stage.Paths, stage.Frames = map[string]model.Read[model.Path]{}, map[string]model.Read[[]model.Frame]{}
	path := func(name string, p model.Path) {
		p.From, p.To, _ = strings.Cut(name, ">")
		stage.Paths[name] = read(p, madeUp)
	}
	ip := map[string]string{}
	for name, v := range stage.VMs {
		ip[name] = netip.MustParsePrefix(v.Pod.Value.Allotted["default"].CIDRs[0]).Addr().String()
	}
	edge := map[string]string{"n1": "192.168.77.11", "n2": "192.168.77.12"}
	const name = "echo.s1.svc.cluster.local"
	for i, vm := range []string{"vm-a", "vm-b", "vm-c"} {
		path(vm+">pod/echo", model.Path{Kind: "http", Target: "http://10.244.0.5:8080/clientip", Passed: true, SourceSeen: ip[vm], SourcePort: 40000 + i})
		out := edge[stage.VMs[vm].Pod.Value.Node]
		path(vm+">peer/outside", model.Path{Kind: "http", Target: "http://192.168.77.200:8080/clientip", Passed: true, SourceSeen: out, SourcePort: int(capture[0].SrcPort)})
		flow := slices.Clone(capture[:8])
		for i := range flow {
			for _, a := range []*string{&flow[i].Src, &flow[i].Dst} {
				if *a == capture[0].Src {
					*a = out
				}
			}
		}
		stage.Frames[vm+">peer/outside"] = read(flow, "peer outside")
		path(vm+">dns/echo", model.Path{Kind: "dns", Target: name, Passed: true, Answer: "10.96.44.7"})
		path(vm+">service/echo", model.Path{Kind: "http", Target: "http://" + name + "/hostname", Passed: true, Answer: "echo"})
		path(vm+">pod/echo#df-mtu", model.Path{Kind: "ping", Target: "10.244.0.5", Passed: true, Size: 1400})
		path("pod/client>"+vm+"#df-mtu", model.Path{Kind: "ping", Target: ip[vm], Passed: true, Size: 1400})
		path("peer/outside>"+vm+"#df-mtu", model.Path{Kind: "udp", Target: out, Passed: true, Size: 1400})
		path("peer/outside>"+vm+"#df-mtu+1", model.Path{Kind: "udp", Target: out, Size: 1401, Detail: "nothing arrived"})
		path("api>"+vm, model.Path{Kind: "ssh", Target: vm, Passed: true, Answer: vm})
	}
	for _, pair := range [][2]string{{"vm-a", "vm-b"}, {"vm-b", "vm-a"}, {"vm-a", "vm-c"}, {"vm-c", "vm-a"}} {
		path(pair[0]+">"+pair[1], model.Path{Kind: "ping", Target: ip[pair[1]], Passed: true})
	}
	path("pod/client>service/vm-a", model.Path{Kind: "http", Target: "http://10.96.44.8:80/", Passed: true, Answer: "vm-a"})
	for when, pass := range map[string]bool{"vm-b#before": true, "vm-b#denied": false, "vm-b#allowed": true, "vm-a#during-deny": true} {
		path("pod/client>"+when, model.Path{Kind: "http", Target: fmt.Sprintf("http://%s:8080/", ip[when[:4]]), Passed: pass})
	}
	node := func(n string, i int) model.Node {
		return model.Node{Name: n, InternalIP: edge[n], PodSubnet: fmt.Sprintf("10.244.%d.0/24", i), EdgeIPs: []string{edge[n]}, EdgeBridge: "breth0", Zone: n}
	}
	there := model.Presence{Present: true, Reason: madeUp}
	return model.Observation{Format: model.FormatVersion, Scenario: ClusterNetwork, Stages: []model.Stage{stage}, Facts: model.Facts{
		At: when, Versions: map[string]string{"kubevirt": "v1.7.0"}, ClusterSubnets: []string{"10.244.0.0/16"}, ServiceSubnets: []string{"10.96.0.0/16"},
		MTU: 1400, GatewayMode: "shared", MasqueradeSubnet: "169.254.0.0/17", ClusterDomain: "cluster.local", Emulation: true,
		Nodes:    []model.Node{node("n1", 0), node("n2", 1)},
		Features: map[model.Feature]model.Presence{model.FeatureOutside: there, model.FeatureTwoNodes: there, model.FeatureClusterDNS: there, model.FeatureUDN: there},
	}}
}
