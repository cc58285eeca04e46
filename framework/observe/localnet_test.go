package observe

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// vlanVMs are the scenario's VMs: MAC and address on the VLAN, group and network.
var vlanVMs = [][5]string{
	{"vm-c", "02:86:5e:00:00:16", "192.0.2.141", "cudn", "cudn-vlan-1924-run7"}, {"vm-d", "02:86:5e:00:00:1a", "192.0.2.143", "cudn", "cudn-vlan-1924-run7"},
	{"vm-l", "02:86:5e:00:00:14", "192.0.2.139", "", "demo-vlan-1924"}, {"vm-m", "02:86:5e:00:00:18", "192.0.2.142", "", "demo-vlan-1924"},
	{"vm-spare", "02:86:5e:00:00:1c", "", "", "demo-vlan-1924"},
}

// onVLAN is an observer that has read API, guests and leases, on a bed with hosts on two VLANs.
func onVLAN(t *testing.T) *observer {
	t.Helper()
	b := &bed.Bed{Underlay: &bed.Underlay{Physical: &bed.Physical{Network: "trunk", Peers: []bed.VLANPeer{
		{HostSpec: bed.HostSpec{Name: "vlan-1924", Address: "192.0.2.1", Interface: "eth0"}, VLAN: 1924, Prefix: 24, DHCP: true},
		{HostSpec: bed.HostSpec{Name: "vlan-1925", Address: "198.51.100.1", Interface: "eth0"}, VLAN: 1925, Prefix: 25}}}}}
	r := &scenario.Running{Scenario: localnet, Namespace: "vmnet-ln"}
	var leases []model.ServedLease
	for _, v := range vlanVMs {
		r.Specs = append(r.Specs, model.VMSpec{Name: v[0], Group: v[3], Spare: v[0] == "vm-spare",
			Interfaces: []model.InterfaceSpec{{Name: "default", Binding: "masquerade"}, {Name: "nic-vlan-1924", MAC: v[1], Network: v[4]}}})
		if v[2] != "" {
			leases = append(leases, model.ServedLease{MAC: v[1], IP: v[2]})
		}
	}
	o := newObserver(b, r, model.Facts{}, model.Steady, nil)
	for _, v := range vlanVMs {
		o.view(v[0], func(w *model.VMView) {
			w.Guest.Links = seen([]model.Link{{Name: "lo"}, {Name: "eth0", MAC: "02:86:5e:00:00:01"}, {Name: "eth1", MAC: v[1]}})
		})
	}
	asked := model.NetworkSpec{Topology: "localnet", PhysicalNetwork: "trunk", VLAN: 1924}
	o.stage.Networks["demo-vlan-1924"] = seen(model.Network{Name: "demo-vlan-1924", Asked: asked})
	o.stage.Networks["cudn-vlan-1924"] = seen(model.Network{Name: "cudn-vlan-1924-run7", Asked: asked})
	o.stage.Physical.Leases = seen(leases)
	return o
}

// outsideOf is a peer outside that has ports for all guests.
func outsideOf(o *observer) *peer {
	p := &peer{host: elsewhere{}, ports: map[string]peerPorts{}, listeners: map[string]int{}}
	for _, s := range o.guestSpecs() {
		p.ports[s.Name] = o.peerPorts(s.Name)
		p.listeners[outsidePath(s.Name)] = p.ports[s.Name].tcp
	}
	return p
}

func TestProbesOnTheVLAN(t *testing.T) {
	o := onVLAN(t)
	var got, shown []string
	for _, one := range o.vlanProbes(o.stage.VMs["vm-c"].Spec, outsideOf(o)) {
		if one.impossible != nil {
			t.Errorf("%s: %v", one.name, one.impossible)
		}
		got = append(got, fmt.Sprintf("%s to %s, %d", one.name, one.path.Target, one.ends))
		shown = append(shown, regexp.MustCompile(` --local-port .*`).ReplaceAllString(one.ask.show, ""))
		if one.name != "vm-c>peer/outside" && (one.by != "eth1" || !strings.Contains(one.ask.text(), "eth1")) {
			t.Errorf("%s does not leave by the VLAN's NIC: %q", one.name, one.ask.text())
		}
		if out, err := exec.Command("sh", "-n", "-c", guestPrelude+probePrelude+fmt.Sprintf(awaitAddresses, "02:86:5e:00:00:16")+one.ask.text()).CombinedOutput(); err != nil { //nolint:noctx // a test
			t.Errorf("%s: %s", one.name, out)
		}
	}
	want := []string{"vm-c>peer/vlan-1924 to http://192.0.2.1:8080/clientip, 0", "vm-c>peer/vlan-1924#arp to 192.0.2.1, 2",
		"vm-c>peer/vlan-1925#arp to 198.51.100.1, 1", "vm-c>vm-l#vlan to 192.0.2.139, 0", "vm-c>vm-d#vlan to 192.0.2.143, 0",
		fmt.Sprintf("vm-c>peer/outside to http://192.0.2.1:%d/clientip, 0", o.peerPorts("vm-c").tcp)}
	if !slices.Equal(got, want) {
		t.Errorf("%q,\nwant %q", got, want)
	}
	want = []string{"curl --interface eth1 -sS --max-time 20", "arping -D -I eth1 -c 3 -w 3 192.0.2.1", "arping -D -I eth1 -c 3 -w 3 198.51.100.1",
		"ping -I eth1 -n -c 3 -i 0.2 -W 5 192.0.2.139", "ping -I eth1 -n -c 3 -i 0.2 -W 5 192.0.2.143", "curl -sS --max-time 20"}
	if !slices.Equal(shown, want) {
		t.Errorf("%q,\nwant %q", shown, want)
	}
	// without the NIC or the far end's lease nothing is tried
	o.stage.Physical.Leases = failed[[]model.ServedLease]("peer vlan-1924", "cat", context.Canceled)
	o.view("vm-d", func(v *model.VMView) { v.Guest.Links.Value[2].MAC = "02:86:5e:00:00:99" })
	for vm, want := range map[string]string{"vm-c": "vm-c>vm-l#vlan vm-c>vm-d#vlan", "vm-d": "vm-d>peer/vlan-1924 vm-d>peer/vlan-1924#arp vm-d>peer/vlan-1925#arp vm-d>vm-c#vlan"} {
		var not []string
		for _, one := range o.vlanProbes(o.stage.VMs[vm].Spec, outsideOf(o)) {
			if one.impossible != nil {
				not = append(not, one.name)
			}
		}
		if strings.Join(not, " ") != want {
			t.Errorf("%s: not tried are %q, want %s", vm, not, want)
		}
	}
}

// Every attempt and capture that a claim reads is one that is made.
func TestAllThatIsJudgedOfTheVLANIsAskedFor(t *testing.T) {
	o := onVLAN(t)
	p := outsideOf(o)
	made := map[string]bool{}
	for _, s := range o.guestSpecs() {
		for _, one := range o.vlanProbes(s, p) {
			made["paths "+one.name] = true
		}
		made["frames "+outsidePath(s.Name)] = true
	}
	for _, h := range o.vlanHosts() {
		h.stop(context.Background(), o)
		made["peers "+h.spec.Name] = true
	}
	for name := range o.stage.Frames {
		made["frames "+name] = true
	}
	of := regexp.MustCompile(`^stages\[steady\]\.(?:physical\.)?(paths|frames|peers)\[([^\]+*]+)\]`)
	found := 0
	for _, c := range judge.All() {
		for _, read := range c.Reads {
			if m := of.FindStringSubmatch(read); c.Scenario == localnet && m != nil {
				found++
				if !made[m[1]+" "+m[2]] {
					t.Errorf("%s reads %s, which nobody makes", c.ID, read)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no claim reads an attempt")
	}
	for path, r := range o.stage.Frames {
		if r.Failure() == nil || !strings.HasPrefix(r.Place, "peer vlan-192") || r.Command == "" {
			t.Errorf("a capture that did not begin: %s: %+v", path, r)
		}
	}
	for name, h := range o.stage.Physical.Peers {
		if h.VLAN == 0 || h.Address == "" || h.Prefix == 0 || h.Neighbours.Failure() == nil {
			t.Errorf("%s: %+v", name, h)
		}
	}
}

// What both arpings said, of an address that is there and of one that is not; the words of one that could not try.
func TestARPAnswers(t *testing.T) {
	const to = "ARPING 192.0.2.1 from 0.0.0.0 eth1\n"
	for name, c := range map[string]struct {
		a              answer
		passed, failed bool
	}{
		"iputils, answered": {answer{code: 1, stdout: to + "Unicast reply from 192.0.2.1 [82:6E:9D:12:91:12]  0.599ms\nSent 1 probes (1 broadcast(s))\nReceived 1 response(s)\n"}, true, false},
		"iputils, silence":  {answer{stdout: to + "Sent 3 probes (3 broadcast(s))\nReceived 0 response(s)\n"}, false, false},
		"busybox, answered": {answer{code: 1, stdout: to + "Unicast reply from 192.0.2.1 [82:6e:9d:12:91:12] 0.006ms\nSent 1 probe(s) (0 broadcast(s))\n" +
			"Received 1 response(s) (0 request(s), 0 broadcast(s))\n"}, true, false},
		"busybox, silence": {answer{stdout: to + "Sent 3 probe(s) (0 broadcast(s))\nReceived 0 response(s) (0 request(s), 0 broadcast(s))\n"}, false, false},
		"no such NIC":      {answer{code: 2, stderr: "arping: Device eth1 not available."}, false, true},
		"nothing was sent": {answer{code: 1, stdout: to + "Sent 0 probe(s) (0 broadcast(s))\n", stderr: "arping: sendto: Network is down"}, false, true},
	} {
		var p model.Path
		if err := asked(&p, c.a); p.Passed != c.passed || (err != nil) != c.failed || p.Detail == "" {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func TestMappings(t *testing.T) {
	const table = `{"data":[[["map",[["hostname","n2"],["ovn-bridge-mappings","physnet:breth0,trunk:br-trunk"]]]]],"headings":["external_ids"]}`
	if got, err := mappings(table); err != nil || len(got) != 2 || got["trunk"] != "br-trunk" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := mappings(`{"data":[],"headings":["external_ids"]}`); err == nil {
		t.Error("no row is no mapping that was read")
	}
}

func TestVLANThatDidNotComeBack(t *testing.T) {
	o := onVLAN(t)
	o.didNotCome(model.Restarted, context.DeadlineExceeded)
	if o.stage.Physical.Leases.Err == "" || o.stage.VMs["vm-d"].Guest.Links.Failure() == nil {
		t.Errorf("%+v", o.stage.Physical)
	}
	// and a bed that has no server says so
	o.bed.Underlay.Physical.Peers[0].DHCP = false
	if o.served(context.Background()); o.stage.Physical.Leases.Err != errNoServer.Error() {
		t.Errorf("%+v", o.stage.Physical.Leases)
	}
}

// A NetworkAttachmentDefinition of the user's own is the network itself; one of the whole cluster has its in the namespaces
// that it selects.
func TestNetworksOfBothForms(t *testing.T) {
	nad := `{"kind":"NetworkAttachmentDefinition","apiVersion":"k8s.cni.cncf.io/v1","metadata":{"name":"demo-vlan-1924","namespace":"vmnet-ln","annotations":{"k8s.ovn.org/network-id":"7"}},
		"spec":{"config":"{\"cniVersion\":\"0.4.0\",\"name\":\"demo-vlan-1924\",\"type\":\"ovn-k8s-cni-overlay\",\"topology\":\"localnet\",\"vlanID\":1924,\"ipam\":{}}"}}`
	asked := model.NetworkSpec{Topology: "localnet", VLAN: 1924}
	ref := scenario.NetworkRef{Key: "demo-vlan-1924", Namespace: "vmnet-ln", Name: "demo-vlan-1924", Asked: asked, Attachment: true}
	o := onVLAN(t)
	o.bed.Objects = objects{have: map[string]string{"NetworkAttachmentDefinition": nad}}
	r := o.network(context.Background(), ref)
	if w := r.Value; r.Failure() != nil || w.Asked.VLAN != 1924 || w.Made.Topology != "localnet" || w.NetworkName != "demo-vlan-1924" || w.ID != "7" || r.Raw == "" {
		t.Errorf("%+v", r)
	}
	o.bed.Objects = objects{}
	if r := o.network(context.Background(), ref); r.Failure() == nil {
		t.Errorf("one that is not there: %+v", r)
	}
}
