package kind

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/vmnet-project/vmnet/manifests"
)

var values = map[string]string{
	"STACK_IMAGE": "vmnet.test/stack:dev", "API_SERVER_HOST": "vmnet-control-plane", "GATEWAY": "172.18.0.1", "EMULATION": "true",
}

// strict decodes an object into its Go type; a field that the type lacks is an error.
func strict(t *testing.T, o *unstructured.Unstructured) runtime.Object {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientscheme.AddToScheme, kubevirtv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	decoded, _, err := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer().Decode(text, nil, nil)
	if err != nil {
		t.Fatalf("%s %s: %v", o.GetKind(), o.GetName(), err)
	}
	return decoded
}

func TestComponentsDecode(t *testing.T) {
	folders, err := fs.ReadDir(manifests.Components, ".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range folders {
		names = append(names, f.Name())
		all, err := folder(manifests.Components, f.Name(), values)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range all {
			strict(t, o)
		}
	}
	for _, want := range []string{"kubevirt", "multus", "ovn-kubernetes"} {
		if !slices.Contains(names, want) {
			t.Errorf("no manifests of %s", want)
		}
	}
}

// A placeholder without a value must not reach the cluster.
func TestEveryPlaceholderNeedsItsValue(t *testing.T) {
	for missing := range values {
		some := map[string]string{}
		for name, value := range values {
			if name != missing {
				some[name] = value
			}
		}
		var failed int
		for _, dir := range []string{"ovn-kubernetes", "multus", "kubevirt"} {
			if _, err := folder(manifests.Components, dir, some); err != nil && strings.Contains(err.Error(), missing) {
				failed++
			}
		}
		if failed == 0 {
			t.Errorf("%s is in no manifest", missing)
		}
	}
}

// The settings that claims are judged by, as the processes get them.
func TestOVNKubernetesSettings(t *testing.T) {
	all, err := folder(manifests.Components, "ovn-kubernetes", values)
	if err != nil {
		t.Fatal(err)
	}
	args := map[string][]string{}
	for _, o := range all {
		switch w := strict(t, o).(type) {
		case *appsv1.DaemonSet:
			for _, c := range w.Spec.Template.Spec.Containers {
				args[c.Name] = c.Args
			}
		case *appsv1.Deployment:
			for _, c := range w.Spec.Template.Spec.Containers {
				args[c.Name] = c.Args
			}
		}
	}
	both := []string{
		"--enable-interconnect", "--enable-multi-network", "--enable-network-segmentation",
		"--cluster-subnets=" + PodSubnet + "/24", "--k8s-service-cidr=" + ServiceSubnet,
		"--gateway-v4-masquerade-subnet=169.254.0.0/17", "--k8s-apiserver=https://vmnet-control-plane:6443",
	}
	for container, want := range map[string][]string{
		"ovnkube-cluster-manager": append([]string{"--enable-persistent-ips", "--init-cluster-manager=$(NODE_NAME)"}, both...),
		"ovnkube-controller": append([]string{"--zone=$(NODE_NAME)", "--init-node=$(NODE_NAME)", "--init-ovnkube-controller=$(NODE_NAME)",
			"--gateway-mode=shared", "--gateway-interface=eth0", "--gateway-nexthop=172.18.0.1", "--mtu=1400"}, both...),
	} {
		for _, arg := range want {
			if !slices.Contains(args[container], arg) {
				t.Errorf("%s: no %s in %q", container, arg, args[container])
			}
		}
	}
}

func TestKubeVirtSettings(t *testing.T) {
	for _, emulation := range []string{"true", "false"} {
		all, err := folder(manifests.Components, "kubevirt", map[string]string{"EMULATION": emulation})
		if err != nil {
			t.Fatal(err)
		}
		kv, ok := strict(t, all[0]).(*kubevirtv1.KubeVirt)
		if !ok {
			t.Fatalf("%T", all[0])
		}
		if got := kv.Spec.Configuration.DeveloperConfiguration.UseEmulation; got != (emulation == "true") {
			t.Errorf("emulation %s: %v", emulation, got)
		}
		binding := kv.Spec.Configuration.NetworkConfiguration.Binding["l2bridge"]
		if binding.DomainAttachmentType != kubevirtv1.ManagedTap || binding.Migration == nil {
			t.Errorf("l2bridge: %+v", binding)
		}
	}
}

func TestRender(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{in: "a: ${GATEWAY}", want: "a: 172.18.0.1"},
		{in: `sh -c 'for db in a; do echo ${db} $NODE $(NODE) "$@"; done'`, want: `sh -c 'for db in a; do echo ${db} $NODE $(NODE) "$@"; done'`},
		{in: "${NOBODY} ${GATEWAY}", err: "no value for NOBODY"},
	} {
		got, err := render(c.in, values)
		if c.err != "" && (err == nil || err.Error() != c.err) || c.err == "" && (err != nil || got != c.want) {
			t.Errorf("%s: %q, %v", c.in, got, err)
		}
	}
}

func TestObjects(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       int
		fails      bool
	}{
		{name: "two and a comment", text: "# first\n---\nkind: A\napiVersion: v1\nmetadata: {name: a}\n---\nkind: B\napiVersion: v1\nmetadata: {name: b}\n", want: 2},
		{name: "empty", text: "---\n---\n", want: 0},
		{name: "no name", text: "kind: A\napiVersion: v1\n", fails: true},
		{name: "no object", text: "- a\n", fails: true},
		{name: "no YAML", text: "a: b: c", fails: true},
	} {
		got, err := objects(c.text)
		if (err != nil) != c.fails || len(got) != c.want {
			t.Errorf("%s: %d objects, %v", c.name, len(got), err)
		}
	}
}

func FuzzObjects(f *testing.F) {
	f.Add("kind: A\napiVersion: v1\nmetadata: {name: a}\n")
	f.Add("---\n---\n[]")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := objects(text)
		if err != nil {
			return
		}
		for _, o := range all {
			if o.GetKind() == "" || o.GetName() == "" {
				t.Errorf("an object without kind or name from %q", text)
			}
		}
	})
}

// The order in which Source applies: definitions before what they define, KubeVirt's operator before its CR.
func TestSourceObjects(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := (Source{Manifests: dir}).Check(t.Context()); err == nil {
		t.Error("an empty directory passes for generated manifests")
	}
	write("crds/nad.yaml", "kind: CustomResourceDefinition\napiVersion: apiextensions.k8s.io/v1\nmetadata: {name: nad}\n")
	write("kubevirt-operator.yaml", `kind: Deployment
apiVersion: apps/v1
metadata: {name: virt-operator, namespace: kubevirt}
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: virt-operator
        livenessProbe: {initialDelaySeconds: 5, timeoutSeconds: 10}
`)
	s := Source{Manifests: dir}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	network, kubevirt, err := s.objects(values)
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Concat(network, kubevirt)
	var order []string
	for _, o := range all {
		order = append(order, o.GetKind()+"/"+o.GetName())
	}
	last := -1
	for _, name := range []string{"CustomResourceDefinition/nad", "Namespace/ovn-kubernetes", "DaemonSet/ovnkube-node", "DaemonSet/kube-multus-ds", "Deployment/virt-operator", "KubeVirt/kubevirt"} {
		i := slices.Index(order, name)
		if i <= last {
			t.Errorf("%s is at %d, not after %d: %q", name, i, last, order)
		}
		last = i
	}
	operator, ok := strict(t, all[slices.Index(order, "Deployment/virt-operator")]).(*appsv1.Deployment)
	if !ok {
		t.Fatal("virt-operator is no Deployment")
	}
	container := operator.Spec.Template.Spec.Containers[0]
	probe, share := container.LivenessProbe, container.Resources.Requests.Cpu().MilliValue()
	if *operator.Spec.Replicas != 1 || probe.InitialDelaySeconds != 300 || probe.TimeoutSeconds != 10 || share != operatorShare {
		t.Errorf("%d replicas, probe %+v, CPU %dm", *operator.Spec.Replicas, probe, share)
	}
}
