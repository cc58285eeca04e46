package scenario

import (
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/manifests"
)

func TestManifestsAreWhatTheCodeNames(t *testing.T) {
	for name, d := range definitions {
		entries, err := fs.ReadDir(manifests.Scenarios, name)
		if err != nil {
			t.Fatal(err)
		}
		var there []string
		for _, e := range entries {
			there = append(there, e.Name())
		}
		named := d.all()
		slices.Sort(named)
		slices.Sort(there)
		if !slices.Equal(named, there) {
			t.Errorf("%s: the folder has %v, the code names %v", name, there, named)
		}
	}
}

func TestManifestsDecodeStrictly(t *testing.T) {
	macs := map[string]string{}
	for name, d := range definitions {
		objects, err := load(name, d.all()...)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			_, isSpace := o.(*corev1.Namespace)
			if !isSpace && o.GetObjectKind().GroupVersionKind() != CUDNKind && o.GetNamespace() == "" {
				t.Errorf("%s %s has no namespace: a user could not apply it", name, o.GetName())
			}
		}
		for _, vm := range virtualMachines(objects) {
			spec := SpecOf(vm)
			for _, i := range spec.Interfaces {
				if other := macs[i.MAC]; other != "" && i.MAC != "" {
					t.Errorf("%s and %s share MAC %s", other, vm.Name, i.MAC)
				}
				macs[i.MAC] = vm.Name
			}
			if vm.Spec.Template.ObjectMeta.Labels[nameLabel] != vm.Name {
				t.Errorf("%s: its pod cannot be found: label %s is missing", vm.Name, nameLabel)
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	cases := map[string]string{
		"an unknown field":   "apiVersion: kubevirt.io/v1\nkind: VirtualMachine\nmetadata: {name: a}\nspec: {running: true, tmplate: {}}\n",
		"a misplaced field":  "apiVersion: kubevirt.io/v1\nkind: VirtualMachine\nmetadata: {name: a}\nspec: {template: {spec: {domain: {devices: {interfaces: [{name: x, binding: {name: l2bridge, model: virtio}}]}}}}}\n",
		"an unknown kind":    "apiVersion: kubevirt.io/v1\nkind: VirtualMashine\nmetadata: {name: a}\n",
		"a key given twice":  "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\nmetadata: {name: b}\n",
		"what is no mapping": "- a\n",
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			if objects, err := decode([]byte(text)); err == nil {
				t.Errorf("decoded to %v", objects)
			}
		})
	}
}

func TestSpecOf(t *testing.T) {
	masquerade := func(mac, cidr, nic string) []model.InterfaceSpec {
		return []model.InterfaceSpec{{Name: "default", Binding: "masquerade", MAC: mac, Model: nic, VMNetworkCIDR: cidr}}
	}
	cases := map[string]model.VMSpec{ // by file
		"vm-a.yaml":   {Name: "vm-a", Hostname: "vm-a", Interfaces: masquerade("02:86:5e:00:00:07", "", "virtio")},
		"vm-b.yaml":   {Name: "vm-b", Hostname: "vm-b", Interfaces: masquerade("02:86:5e:00:00:10", "", "virtio")},
		"vm-c.yaml":   {Name: "vm-c", Hostname: "vm-c", Interfaces: masquerade("02:86:5e:00:00:11", "10.9.8.0/24", "virtio")},
		"spare.yaml":  {Name: "vm-spare", Hostname: "vm-spare", Interfaces: masquerade("02:86:5e:00:00:12", "", "virtio"), Spare: true},
		"e1000e.yaml": {Name: "vm-e1000e", Hostname: "vm-e1000e", Interfaces: masquerade("02:86:5e:00:00:33", "", "e1000e"), Spare: true},
	}
	for file, want := range cases {
		want.Namespace = "vmnet-cn"
		objects, err := load("cluster-network", file)
		if err != nil {
			t.Fatal(err)
		}
		if got := specsOf(objects, ""); !reflect.DeepEqual(got, []model.VMSpec{want}) {
			t.Errorf("%s: got %+v, want %+v", file, got, want)
		}
	}
}

func TestHostname(t *testing.T) {
	long := strings.Repeat("a", 70)
	for _, tc := range []struct{ name, set, want string }{
		{"vm-a", "", "vm-a"}, {"vm-a", "web", "web"}, {"vm-a.example", "", "vm-a"}, {long, "", long[:63]}, {"vm-a", "vm-a", "vm-a"},
	} {
		vm := &kubevirtv1.VirtualMachine{Spec: kubevirtv1.VirtualMachineSpec{Template: &kubevirtv1.VirtualMachineInstanceTemplateSpec{}}}
		vm.Name, vm.Spec.Template.Spec.Hostname = tc.name, tc.set
		if got := SpecOf(vm).Hostname; got != tc.want {
			t.Errorf("VM %s with spec.hostname %q: %q, want %q", tc.name, tc.set, got, tc.want)
		}
	}
}

func TestSpecOfOtherBindings(t *testing.T) {
	objects, err := decode([]byte(`apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: {name: vm, namespace: ns}
spec:
  template:
    spec:
      hostname: other
      domain: {devices: {interfaces: [{name: default, macAddress: "02:00:00:00:00:01", binding: {name: l2bridge}}, {name: vlan, model: virtio, bridge: {}}]}}
      networks: [{name: vlan, multus: {networkName: ns/nad}}, {name: default, pod: {}}]
`))
	if err != nil {
		t.Fatal(err)
	}
	want := model.VMSpec{Namespace: "ns", Name: "vm", Hostname: "other", Interfaces: []model.InterfaceSpec{
		{Name: "default", Binding: "l2bridge", MAC: "02:00:00:00:00:01"}, {Name: "vlan", Binding: "bridge", Model: "virtio", Network: "ns/nad"},
	}}
	if got := specsOf(objects, ""); !reflect.DeepEqual(got, []model.VMSpec{want}) {
		t.Errorf("got %+v", got)
	}
}

func find[T client.Object](t *testing.T, objects []client.Object, name string) T {
	t.Helper()
	for _, o := range objects {
		if typed, ok := o.(T); ok && o.GetName() == name {
			return typed
		}
	}
	t.Fatalf("no %T named %s", *new(T), name)
	return *new(T)
}

func TestAffinity(t *testing.T) {
	objects, err := load("cluster-network", definitions["cluster-network"].files...)
	if err != nil {
		t.Fatal(err)
	}
	b := find[*kubevirtv1.VirtualMachine](t, objects, "vm-b")
	anti := b.Spec.Template.Spec.Affinity.PodAntiAffinity
	if len(anti.RequiredDuringSchedulingIgnoredDuringExecution) != 1 {
		t.Error("vm-b must be required on another node than vm-a")
	}
	relax(objects)
	if len(anti.RequiredDuringSchedulingIgnoredDuringExecution) != 0 || len(anti.PreferredDuringSchedulingIgnoredDuringExecution) != 1 {
		t.Errorf("on one node it should only be preferred: %+v", anti)
	}
	c := find[*kubevirtv1.VirtualMachine](t, objects, "vm-c")
	if len(c.Spec.Template.Spec.Affinity.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution) != 1 {
		t.Error("vm-c must stay required on vm-a's node")
	}
}

func TestPublishedProfile(t *testing.T) {
	objects, err := load("cluster-network", definitions["cluster-network"].all()...)
	if err != nil {
		t.Fatal(err)
	}
	before := specsOf(objects, "")
	Published.change(objects)
	if !reflect.DeepEqual(specsOf(objects, ""), before) {
		t.Error("a guest's profile must not change what a VM asks of the network")
	}
	vm := find[*kubevirtv1.VirtualMachine](t, objects, "vm-a").Spec.Template.Spec
	if vm.Domain.Firmware != nil || vm.Domain.Devices.Disks[0].Name != "root" || len(vm.Volumes) != 2 {
		t.Errorf("vm-a does not boot from a disk: %+v", vm)
	}
	for _, o := range objects {
		if pod, ok := o.(*corev1.Pod); ok {
			c := pod.Spec.Containers[0]
			if c.Image != publishedPodImage || c.Command[0] != "/agnhost" || len(c.Command) < 2 {
				t.Errorf("pod %s: %s %v", pod.Name, c.Image, c.Command)
			}
		}
	}
}

func TestLabelsReachTheLauncher(t *testing.T) {
	objects, err := load("cluster-network", "vm-a.yaml", "services.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range objects {
		o, err := move{from: "vmnet-cn", to: "elsewhere"}.object(o)
		if err != nil {
			t.Fatal(err)
		}
		objects[i] = o
		label(o, map[string]string{instanceLabel: "x1"})
		if o.GetNamespace() != "elsewhere" || o.GetLabels()[instanceLabel] != "x1" {
			t.Errorf("%s: %s %v", o.GetName(), o.GetNamespace(), o.GetLabels())
		}
	}
	got := virtualMachines(objects)[0].Spec.Template.ObjectMeta.Labels
	if want := map[string]string{instanceLabel: "x1", nameLabel: "vm-a"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	service := find[*corev1.Service](t, objects, "vm-a")
	if !strings.HasPrefix(service.Spec.Selector[nameLabel], "vm-a") {
		t.Errorf("the service selects %v", service.Spec.Selector)
	}
}

func FuzzDecode(f *testing.F) {
	for name, d := range definitions {
		for _, file := range d.all() {
			raw, err := fs.ReadFile(manifests.Scenarios, name+"/"+file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		objects, err := decode(raw)
		if err != nil {
			return
		}
		for _, o := range objects {
			o, err := move{from: "vmnet-cn", to: "elsewhere"}.object(o)
			if err != nil {
				t.Fatal(err)
			}
			label(o, map[string]string{"a": "b"})
		}
		_ = specsOf(objects, "")
		Published.change(objects)
		relax(objects)
	})
}
