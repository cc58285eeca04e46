package scenario

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

// ref is a network by its key, in a run.
func ref(t *testing.T, r *Running, objects []client.Object, key string) NetworkRef {
	t.Helper()
	all, err := networksOf(objects, r.Namespace, r.RunID)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(n NetworkRef) bool { return n.Key == key })
	if i < 0 {
		t.Fatalf("no network %s among %+v", key, all)
	}
	return all[i]
}

func TestAskedOfAttachments(t *testing.T) {
	const overlay = "ovn-k8s-cni-overlay"
	for scenario, want := range map[string]map[string]model.NetworkSpec{
		"localnet": {
			"demo-vlan-1924": {Topology: "localnet", Role: "secondary", PhysicalNetwork: "trunk", VLAN: 1924, Plugins: []string{overlay}},
			"cudn-vlan-1924": {Topology: "localnet", Role: "secondary", PhysicalNetwork: "trunk", VLAN: 1924},
			"unmapped":       {Topology: "localnet", Role: "secondary", PhysicalNetwork: "vmnet-unmapped", VLAN: 1924, Plugins: []string{overlay}},
			"misnamed":       {Topology: "localnet", Role: "secondary", PhysicalNetwork: "trunk", VLAN: 1924, Plugins: []string{overlay}},
		},
		"linux-bridge": {
			"plain":   {Topology: "bridge", Role: "secondary", Bridge: "vmnet-br0", Plugins: []string{"bridge"}},
			"access":  {Topology: "bridge", Role: "secondary", Bridge: "vmnet-br0", VLAN: 1924, Plugins: []string{"bridge"}},
			"tagging": {Topology: "bridge", Role: "secondary", Bridge: "vmnet-br0", Trunk: []int{1924}, Plugins: []string{"bridge"}},
			"tuned": {Topology: "bridge", Role: "secondary", Bridge: "vmnet-br0", Plugins: []string{"bridge", "tuning"},
				Sysctls: map[string]string{"net.ipv4.conf.IFNAME.drop_gratuitous_arp": "1"}},
			"cnv": {Topology: "bridge", Role: "secondary", Bridge: "vmnet-br0", Plugins: []string{"cnv-bridge"}},
		},
	} {
		r, objects := placed(t, scenario)
		got := map[string]model.NetworkSpec{}
		all, err := networksOf(objects, r.Namespace, r.RunID)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range all {
			got[n.Key] = n.Asked
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v\nwant %+v", scenario, got, want)
		}
	}
}

func TestTrunk(t *testing.T) {
	var c nadConfig
	if err := json.Unmarshal([]byte(`{"type":"bridge","bridge":"b","vlanTrunk":[{"minID":10,"maxID":12},{"id":7},{"id":11}]}`), &c); err != nil {
		t.Fatal(err)
	}
	if got := c.asked().Trunk; !slices.Equal(got, []int{7, 10, 11, 12}) {
		t.Errorf("%v", got)
	}
}

// What is the whole cluster's has another name in each run, and what refers to it has it, too.
func TestClusterWideNames(t *testing.T) {
	r, objects := placed(t, "localnet")
	c := ref(t, r, objects, "cudn-vlan-1924")
	if c.Name != "cudn-vlan-1924-x1" || !c.Cluster || c.Namespace != "" || !slices.Equal(c.AttachedIn(), []string{"vmnet-ln-x1-cudn"}) {
		t.Errorf("%+v", c)
	}
	n := ref(t, r, objects, "demo-vlan-1924")
	if n.Name != "demo-vlan-1924" || !n.Attachment || n.callsItself != "vmnet-ln-x1/demo-vlan-1924" || !slices.Equal(n.AttachedIn(), []string{"vmnet-ln-x1"}) {
		t.Errorf("%+v", n)
	}
	for _, scenario := range []string{"localnet", "linux-bridge"} {
		r, objects := placed(t, scenario)
		seen := map[string]bool{}
		for _, o := range objects {
			u, ok := o.(*unstructured.Unstructured)
			if !ok || u.GroupVersionKind() != NADKind {
				continue
			}
			config, err := configOf(u)
			if err != nil || !strings.HasSuffix(config.Name, "-x1") || seen[config.Name] {
				t.Errorf("%s %s: its network is called %q: %v", r.Scenario, u.GetName(), config.Name, err)
			}
			seen[config.Name] = true
		}
	}
}

// Each NIC of a VM is on a network that there is in its namespace.
func TestNetworksOfVMs(t *testing.T) {
	for _, scenario := range []string{"localnet", "linux-bridge"} {
		r, objects := placed(t, scenario)
		all, err := networksOf(objects, r.Namespace, r.RunID)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range r.specsOf(objects) {
			for _, i := range s.Interfaces {
				there := slices.ContainsFunc(all, func(n NetworkRef) bool { return n.Name == i.Network && slices.Contains(n.AttachedIn(), s.Namespace) })
				if i.Network != "" && !there {
					t.Errorf("%s: %s in %s is on %q, which is not there", s.Name, i.Name, s.Namespace, i.Network)
				}
			}
		}
	}
}

func TestRefusedNetworksAreWrong(t *testing.T) {
	r, objects := placed(t, "localnet")
	for network, spoil := range map[string]func(*definition){
		Unmapped: func(d *definition) { d.unmapped = "" },
		Misnamed: func(d *definition) { d.misnamed = "" },
	} {
		if pod := named(objects, RefusedPod(network)); pod == nil || pod.GetAnnotations()["k8s.v1.cni.cncf.io/networks"] != network {
			t.Errorf("no pod is on %s: %v", network, pod)
		}
		r.definition = definitions["localnet"]
		spoil(&r.definition)
		if err := r.check(objects); err == nil || !strings.Contains(err.Error(), "network "+network+": ") {
			t.Errorf("%s is not wrong: %v", network, err)
		}
	}
}

// Each wrong manifest has one line that names the network, before anything is made.
func TestWrongLocalnets(t *testing.T) {
	edit := func(from, to string) func(*testing.T, *Running, []client.Object) []client.Object {
		return func(t *testing.T, _ *Running, o []client.Object) []client.Object { return edited(t, o, from, to) }
	}
	for name, c := range map[string]struct {
		scenario string
		spoil    func(*testing.T, *Running, []client.Object) []client.Object
		says     string
	}{
		"a VLAN out of range": {"localnet", edit(`\"vlanID\":1924`, `\"vlanID\":4095`), "network demo-vlan-1924: VLAN 4095 does not exist: use 1 to 4094"},
		"VLAN 0":              {"localnet", edit(`\"vlanID\":1924`, `\"vlanID\":0`), "network demo-vlan-1924: VLAN 0 does not exist"},
		"a negative VLAN":     {"linux-bridge", edit(`\"vlan\":1924`, `\"vlan\":-1`), "network access: VLAN -1 does not exist"},
		"a trunk out of range": {"linux-bridge", edit(`\"id\":1924`, `\"minID\":1,\"maxID\":5000`),
			"network tagging: VLAN 5000 does not exist"},
		"a VLAN out of range, of the whole cluster": {"localnet", edit(`"id":1924`, `"id":4096`), "network cudn-vlan-1924: VLAN 4096 does not exist"},
		"an access VLAN without ID":                 {"localnet", edit(`"access":{"id":1924},`, ``), "network cudn-vlan-1924: VLAN 0 does not exist"},
		"a physical network that nobody maps": {"localnet", edit(`\"physicalNetworkName\":\"trunk\"`, `\"physicalNetworkName\":\"other\"`),
			"network demo-vlan-1924: no node's bridge mappings name the physical network other (they name: physnet), and underlay.yaml has none"},
		"a physical network left to the network's name": {"localnet", edit(`\"physicalNetworkName\":\"trunk\",`, ``),
			"network demo-vlan-1924: no node's bridge mappings name the physical network demo-vlan-1924-x1"},
		"no physical side": {"localnet", func(_ *testing.T, r *Running, o []client.Object) []client.Object {
			r.bed, r.facts.Nodes = &bed.Bed{}, nil
			return o
		}, "name the physical network trunk (they name: none)"},
		"a bridge that is said to be there, and is not": {"localnet", func(_ *testing.T, r *Running, o []client.Object) []client.Object {
			r.bed.Underlay.Physical.Interface = ""
			return o
		}, "no node's bridge mappings name the physical network trunk (they name: physnet)"},
		"another's name": {"localnet", edit(`vmnet-ln-x1/demo-vlan-1924`, `vmnet-ln-x1/demo`),
			`network demo-vlan-1924: its config's netAttachDefName is "vmnet-ln-x1/demo": it must be its own, vmnet-ln-x1/demo-vlan-1924`},
		"no name": {"localnet", edit(`\"netAttachDefName\":\"vmnet-ln-x1/demo-vlan-1924\",`, ``), `network demo-vlan-1924: its config's netAttachDefName is ""`},
		"no physical network": {"localnet", edit(`"physicalNetworkName":"trunk"`, `"mtu":1400`),
			"network cudn-vlan-1924: network.localnet.physicalNetworkName is missing"},
		"nothing of the topology": {"localnet", edit(`"localnet":{`, `"layer2":{`), "network cudn-vlan-1924: its topology is Localnet, and it has no network.localnet"},
		"a localnet of a namespace": {"localnet", func(t *testing.T, r *Running, o []client.Object) []client.Object {
			objects, err := decode([]byte("apiVersion: k8s.ovn.org/v1\nkind: UserDefinedNetwork\nmetadata: {name: local, namespace: vmnet-ln-x1}\n" +
				"spec: {topology: Localnet, localnet: {role: Secondary, physicalNetworkName: trunk}}\n"))
			if err != nil {
				t.Fatal(err)
			}
			return append(o, objects...)
		}, "network local: a UserDefinedNetwork has no topology Localnet: use a ClusterUserDefinedNetwork"},
		"a config that is not JSON": {"localnet", edit(`{\"cniVersion\":\"0.4.0\"`, `cniVersion`), "network demo-vlan-1924: its spec.config is not the JSON of a CNI configuration"},
		"a config that is no object": {"localnet", func(t *testing.T, _ *Running, o []client.Object) []client.Object {
			u, ok := named(o, "demo-vlan-1924").(*unstructured.Unstructured)
			if !ok || unstructured.SetNestedField(u.Object, "[]", "spec", "config") != nil {
				t.Fatal("no attachment")
			}
			return o
		}, "network demo-vlan-1924: its spec.config is not the JSON of a CNI configuration"},
		"an unknown type":     {"linux-bridge", edit(`\"type\":\"bridge\",\"vlan\"`, `\"type\":\"brigde\",\"vlan\"`), `network access: its config has type "brigde": use ovn-k8s-cni-overlay, bridge, `},
		"an unknown topology": {"localnet", edit(`\"topology\":\"localnet\"`, `\"topology\":\"lokalnet\"`), `network demo-vlan-1924: its config has topology "lokalnet"`},
		"a bridge without name": {"linux-bridge", edit(`\"bridge\":\"vmnet-br0\",\"cniVersion\":\"1.0.0\",\"ipam\":{},\"name\":\"access-x1\"`, `\"name\":\"access-x1\"`),
			"network access: its config names no bridge"},
		"no networks of the whole cluster": {"localnet", func(_ *testing.T, r *Running, o []client.Object) []client.Object {
			r.facts.Features[model.FeatureUDN] = model.Presence{Reason: "segmentation is off"}
			return o
		}, "network cudn-vlan-1924: the cluster has no user-defined networks: segmentation is off"},
	} {
		t.Run(name, func(t *testing.T) {
			r, objects := placed(t, c.scenario)
			err := r.check(c.spoil(t, r, objects))
			var input *bed.InputError
			if !errors.As(err, &input) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAttachmentsNeedNoSegmentation(t *testing.T) {
	r, objects := placed(t, "linux-bridge")
	r.facts.Features[model.FeatureUDN] = model.Presence{Reason: "segmentation is off"}
	if err := r.check(objects); err != nil {
		t.Error(err)
	}
}

func TestMappedByTheUser(t *testing.T) {
	r, objects := placed(t, "localnet")
	r.bed.Underlay.Physical.Interface = ""
	r.facts.Nodes = append(r.facts.Nodes, model.Node{Name: "n2", BridgeMappings: map[string]string{"trunk": "br-trunk"}})
	if err := r.check(objects); err != nil {
		t.Error(err)
	}
}

func TestFitToTheUnderlay(t *testing.T) {
	for scenario, keys := range map[string][]string{"localnet": {"demo-vlan-1924", "cudn-vlan-1924", Unmapped}, "linux-bridge": {"access", "tagging"}} {
		r, objects := placed(t, scenario)
		r.bed.Underlay.Physical = &bed.Physical{Network: "lab", Interface: "eno2", Peers: []bed.VLANPeer{{VLAN: 20}, {VLAN: 30, DHCP: true}}}
		if err := r.fit(objects); err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			asked := ref(t, r, objects, key).Asked
			ids := append(asked.Trunk, asked.VLAN)
			if !slices.Contains(ids, 30) || slices.Contains(ids, 1924) {
				t.Errorf("%s %s: %+v", scenario, key, asked)
			}
			if want := map[string]string{"demo-vlan-1924": "lab", "cudn-vlan-1924": "lab", Unmapped: "vmnet-unmapped"}[key]; asked.PhysicalNetwork != want {
				t.Errorf("%s %s: physical network %q, want %q", scenario, key, asked.PhysicalNetwork, want)
			}
		}
		if err := r.check(objects); err != nil {
			t.Error(err)
		}
	}
}

// Two VMs a form and two a node, one of each form; none is kept off by one that may come first.
func TestSpreadOfLocalnetVMs(t *testing.T) {
	_, objects := placed(t, "localnet")
	for vm, want := range map[string]struct{ off, with string }{"vm-l": {}, "vm-m": {off: "vm-l"}, "vm-c": {with: "vm-l"}, "vm-d": {with: "vm-m"}} {
		o := find[*kubevirtv1.VirtualMachine](t, objects, vm)
		if off, with := required(t, o, true), required(t, o, false); off != want.off || with != want.with {
			t.Errorf("%s keeps off %q, and to %q", vm, off, with)
		}
		if want.with == "" {
			continue
		}
		to := o.Spec.Template.Spec.Affinity.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution[0]
		if !slices.Equal(to.Namespaces, []string{"vmnet-ln-x1"}) {
			t.Errorf("%s looks for %s in %v", vm, want.with, to.Namespaces)
		}
	}
}

// required is the VM that a VM must be with, or away from.
func required(t *testing.T, vm *kubevirtv1.VirtualMachine, away bool) string {
	t.Helper()
	affinity := vm.Spec.Template.Spec.Affinity
	switch {
	case affinity == nil:
	case away && affinity.PodAntiAffinity != nil:
		return affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution[0].LabelSelector.MatchLabels[nameLabel]
	case !away && affinity.PodAffinity != nil:
		return affinity.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution[0].LabelSelector.MatchLabels[nameLabel]
	}
	return ""
}

func TestOptionalFiles(t *testing.T) {
	d := definitions["linux-bridge"]
	with := model.Facts{Features: map[model.Feature]model.Presence{model.FeatureCNVBridge: {Present: true}}}
	if slices.Contains(d.on(model.Facts{}, true), "cnv-bridge.yaml") || !slices.Contains(d.on(with, false), "cnv-bridge.yaml") {
		t.Error("cnv-bridge.yaml is for where the plugin is")
	}
}

func TestAttachmentIsTakenUp(t *testing.T) {
	r, objects := placed(t, "localnet")
	demo := ref(t, r, objects, "demo-vlan-1924")
	o := &unstructured.Unstructured{Object: map[string]any{}}
	if status, said := demo.created(o); status != "" || !strings.Contains(said, networkID) {
		t.Errorf("%q %q", status, said)
	}
	o.SetAnnotations(map[string]string{networkID: "7"})
	if status, _ := demo.created(o); status != "True" {
		t.Errorf("%q", status)
	}
	r, objects = placed(t, "linux-bridge")
	if status, _ := ref(t, r, objects, "plain").created(&unstructured.Unstructured{Object: map[string]any{}}); status != "True" {
		t.Errorf("nobody takes up a bridge's: %q", status)
	}
}

func TestPodsThatFollow(t *testing.T) {
	_, objects := placed(t, "linux-bridge")
	if !follows(find[*corev1.Pod](t, objects, "neighbour")) || follows(find[*corev1.Pod](t, objects, "client")) {
		t.Error("neighbour follows vm-b1, client nobody")
	}
}
