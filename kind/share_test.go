package kind

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/vmnet-project/vmnet/manifests"
)

// On one core a pod's request is its weight, and what all ask for must leave room for VMs beside the control plane.
func TestSharesOfOneCore(t *testing.T) {
	const kubevirt, vms, vm = 25 + operatorShare, 6, 101 // millicores of KubeVirt's pods; VMs at once on the control plane, and what each asks for
	all := func(dir string) []*unstructured.Unstructured {
		objects, err := folder(manifests.Components, dir, values)
		if err != nil {
			t.Fatal(err)
		}
		return objects
	}
	sum := int64(kubevirt + vms*vm)
	for _, s := range shares {
		sum += int64(s.millicores)
	}
	for _, dir := range []string{"ovn-kubernetes", "multus"} {
		for _, o := range all(dir) {
			var containers []corev1.Container
			switch w := strict(t, o).(type) {
			case *appsv1.DaemonSet:
				containers = w.Spec.Template.Spec.Containers
			case *appsv1.Deployment:
				containers = w.Spec.Template.Spec.Containers
			}
			for _, c := range containers {
				if c.Resources.Requests.Cpu().IsZero() {
					t.Errorf("%s of %s asks for no share of the core", c.Name, o.GetName())
				}
				sum += c.Resources.Requests.Cpu().MilliValue()
			}
		}
	}
	if sum > 1000 {
		t.Errorf("a node of one core is asked for %dm", sum)
	}
}

// Each file is one that kubeadm takes: a target that it has, and a container of the same name.
func TestSharePatches(t *testing.T) {
	files := sharePatches()
	if len(files) != 2*len(shares) {
		t.Fatalf("%d names and contents for %d pods", len(files), len(shares))
	}
	for i := 0; i < len(files); i += 2 {
		target, rest, _ := strings.Cut(files[i], "+")
		if rest != "strategic.json" || !slices.Contains([]string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"}, target) {
			t.Errorf("kubeadm does not take a patch named %s", files[i])
		}
		var pod corev1.Pod
		if err := yaml.UnmarshalStrict([]byte(files[i+1]), &pod); err != nil {
			t.Fatal(err)
		}
		c := pod.Spec.Containers
		if len(c) != 1 || c[0].Name != target || c[0].Resources.Requests.Cpu().MilliValue() == 0 || c[0].LivenessProbe.FailureThreshold != patience {
			t.Errorf("%s: %s", files[i], files[i+1])
		}
	}
}
