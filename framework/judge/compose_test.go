package judge

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// The scenarios of user-defined networks were observed on a real cluster before there was an observer for them:
// testdata/observed holds what tools and the API answered then of three VMs, two nodes and their objects, without the
// fields that nobody reads. Here these answers are put in the places where an observer puts them, and what nobody recorded
// (attempts, captures, other networks, stages) is made up around them. The folder's name says so.

var update = flag.Bool("update", false, "write the composed observations anew")

func TestComposed(t *testing.T) {
	for name, compose := range map[string]func(*testing.T) model.Observation{"composed/primaryudn.json": composePrimary, "composed/secondaryudn.json": composeSecondary,
		"composed/localnet.json": composeLocalnet, "composed/linuxbridge.json": composeLinuxBridge} {
		file := filepath.Join("testdata", name)
		o := compose(t)
		if *update {
			body, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, append(body, '\n'), 0o644); err != nil { //nolint:gosec // it is no secret
				t.Fatal(err)
			}
		}
		if !reflect.DeepEqual(stored(t, load(t, file)), stored(t, o)) {
			t.Errorf("%s is not what the answers of testdata/observed give; run the test with -update", name)
		}
	}
}

// when is the time of all looks.
var when = time.Date(2026, 11, 24, 22, 30, 0, 0, time.UTC)

func seen[T any](place, command string, value T) model.Read[T] {
	return model.Read[T]{Value: value, Place: place, Command: command, At: when}
}

// answers are what one place said, by what was asked.
type answers map[string]json.RawMessage

// observed reads them, with names replaced.
func observed(t *testing.T, name string, replace ...string) answers {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", "observed", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var a answers
	if err := json.Unmarshal([]byte(strings.NewReplacer(replace...).Replace(string(body))), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// text is an answer that was no JSON.
func (a answers) text(t *testing.T, what string) string {
	t.Helper()
	var s string
	if err := json.Unmarshal(a[what], &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func parsed[T any](t *testing.T, read func(string) (T, error), texts ...json.RawMessage) T {
	t.Helper()
	var all []string
	for _, text := range texts {
		all = append(all, string(text))
	}
	v, err := read(strings.Join(all, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// observedVM is a VM as three places answered, under another name and namespace.
func observedVM(t *testing.T, file, namespace, name string) model.VMView {
	t.Helper()
	where, was, _ := strings.Cut(file, "-")
	a := observed(t, file, where+"/", namespace+"/", `"`+was+`"`, `"`+name+`"`, "launcher-"+was+"-", "launcher-"+name+"-")
	v := model.VMView{Spec: model.VMSpec{Namespace: namespace, Name: name, Hostname: name, Interfaces: []model.InterfaceSpec{{Name: "default", Binding: l2Bridge, Model: "virtio"}}}}
	v.Pod = seen("api", "get pod", parsed(t, parse.Pod, a["pod"]))
	v.VMI = seen("api", "list vmi", parsed(t, parse.VMI, a["vmi"]))
	v.Launcher.Links = seen("launcher "+name, "ip -d -j addr", parsed(t, parse.Links, a["launcherLinks"]))
	v.Launcher.Routes = seen("launcher "+name, "ip -j -d route show table all", parsed(t, parse.Routes, a["launcherRoutes"]))
	v.Launcher.NICs = seen("launcher "+name, "virsh dumpxml", qemuNICs(t, a.text(t, "qemu")))
	v.Guest.Links = seen("guest "+name, "ip -d -j addr", parsed(t, parse.Links, a["guestLinks"]))
	v.Guest.Routes = seen("guest "+name, "ip -j -d route show table all", parsed(t, parse.Routes, a["guestRoutes"]))
	v.Guest.Neighbours = seen("guest "+name, "ip -j neigh", parsed(t, parse.Neighbours, a["guestNeighbours"]))
	v.Guest.Hostname = seen("guest "+name, "hostname", name)
	leases, drivers := map[string]model.Lease{}, []model.GuestNIC{}
	for _, l := range besideLo(v.Guest.Links.Value) {
		ip, _, _ := strings.Cut(ipv4(l)[0], "/")
		leases[l.Name] = model.Lease{IP: ip, Prefix: 24, Router: "10.1.1.1", DNS: []string{"10.96.0.10"}, MTU: 1400, Hostname: name, Seconds: leaseSeconds, Server: leaseServer}
		drivers = append(drivers, model.GuestNIC{Name: l.Name, MAC: l.MAC, Driver: "virtio_net"})
	}
	v.Guest.Leases, v.Guest.NICs = seen("guest "+name, "cat /run/lease.*", leases), seen("guest "+name, "driver links", drivers)
	return v
}

// qemuNICs reads the devices of the command line; the taps, which QEMU knows as open files, are named in their order.
func qemuNICs(t *testing.T, text string) []model.NIC {
	t.Helper()
	var nics []model.NIC
	for _, line := range strings.Split(text, "\n") {
		var d struct{ Driver, Netdev, MAC string }
		if !strings.HasPrefix(line, "{") {
			continue
		}
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		nics = append(nics, model.NIC{Device: d.Driver, ID: d.Netdev, MAC: d.MAC, Tap: []string{"tap0", secondTap}[len(nics)]})
	}
	return nics
}

// copied is a VM with texts replaced everywhere.
func copied(t *testing.T, v model.VMView, replace ...string) model.VMView {
	t.Helper()
	var c model.VMView
	if err := json.Unmarshal([]byte(strings.NewReplacer(replace...).Replace(stored(t, v))), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// ofSecond tells whether a link, NIC or route is of the interface on the secondary network.
func ofSecond(name string) bool {
	return strings.Contains(name, "2eae7330186") || name == "eth1" || strings.HasPrefix(name, "10.2.2.")
}

// detach takes the secondary network from a VM.
func detach(v model.VMView) model.VMView {
	links := func(l model.Link) bool { return ofSecond(l.Name) }
	v.Launcher.Links.Value = slices.DeleteFunc(slices.Clone(v.Launcher.Links.Value), links)
	v.Guest.Links.Value = slices.DeleteFunc(slices.Clone(v.Guest.Links.Value), links)
	v.Guest.Routes.Value = slices.DeleteFunc(slices.Clone(v.Guest.Routes.Value), func(r model.Route) bool { return ofSecond(r.Dst) })
	v.Launcher.NICs.Value, v.Guest.NICs.Value, v.VMI.Value.Interfaces = v.Launcher.NICs.Value[:1], v.Guest.NICs.Value[:1], v.VMI.Value.Interfaces[:1]
	v.Pod.Value.Allotted = maps.Clone(v.Pod.Value.Allotted)
	delete(v.Pod.Value.Allotted, v.Spec.Namespace+"/secondary-udn")
	delete(v.Guest.Leases.Value, "eth1")
	v.Spec.Interfaces = v.Spec.Interfaces[:1]
	return v
}

// attach gives a VM another's interface on the secondary network.
func attach(v, second model.VMView) model.VMView {
	for _, l := range second.Launcher.Links.Value {
		if ofSecond(l.Name) {
			v.Launcher.Links.Value = append(v.Launcher.Links.Value, l)
		}
	}
	for _, r := range second.Guest.Routes.Value {
		if ofSecond(r.Dst) {
			v.Guest.Routes.Value = append(v.Guest.Routes.Value, r)
		}
	}
	const key = "/secondary-udn"
	v.Guest.Links.Value = append(v.Guest.Links.Value, second.Guest.Links.Value[2])
	v.Launcher.NICs.Value = append(v.Launcher.NICs.Value, second.Launcher.NICs.Value[1])
	v.Guest.NICs.Value = append(v.Guest.NICs.Value, second.Guest.NICs.Value[1])
	v.VMI.Value.Interfaces = append(v.VMI.Value.Interfaces, second.VMI.Value.Interfaces[1])
	v.Pod.Value.Allotted[v.Spec.Namespace+key] = second.Pod.Value.Allotted[second.Spec.Namespace+key]
	v.Guest.Leases.Value["eth1"] = second.Guest.Leases.Value["eth1"]
	v.Spec.Interfaces = append(v.Spec.Interfaces, second.Spec.Interfaces[1])
	return v
}

// renewed is a VM as another instance, with what a stage looks at.
func renewed(v model.VMView, uid, node, eth0 string) model.VMView {
	v.Pod.Value.Name, v.Pod.Value.UID, v.Pod.Value.Node, v.Pod.Value.IPs = v.Pod.Value.Name+uid, uid, node, []string{eth0}
	v.Pod.Value.Allotted = maps.Clone(v.Pod.Value.Allotted)
	locked := v.Pod.Value.Allotted[defaultNetwork]
	locked.CIDRs = []string{eth0 + "/24"}
	v.Pod.Value.Allotted[defaultNetwork] = locked
	v.VMI.Value.Node = node
	return looked(v)
}

func looked(v model.VMView) model.VMView {
	v.Launcher, v.Port = model.LauncherView{}, model.Read[model.LogicalPort]{}
	v.Guest = model.GuestView{Links: v.Guest.Links, Routes: v.Guest.Routes, Neighbours: v.Guest.Neighbours, Leases: v.Guest.Leases}
	return v
}

// claimOf is a VM's IPAMClaim on a network.
func claimOf(v model.VMView, spec, network, podInterface string) model.Read[model.IPAMClaim] {
	cidrs := v.Pod.Value.Allotted[v.Spec.Namespace+"/"+network].CIDRs
	return seen("api", "get ipamclaim", model.IPAMClaim{Name: v.Spec.Name + "." + spec, Network: v.Spec.Namespace + "_" + network,
		Interface: podInterface, IPs: slices.Clone(cidrs), By: "vmnet"})
}
