package kind

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/vmnet-project/vmnet/manifests"
)

// On one core a pod's request is its weight: OVN-Kubernetes has more of it than a VM, a VM more than the least, and what
// all ask for leaves room for half of the scenarios' VMs beside the control plane.
func TestSharesOfOneCore(t *testing.T) {
	const kubernetes, kubevirt, vms = 650, 35, 6 // millicores of kubeadm's pods, and of KubeVirt's; VMs at once
	const least = 28                             // in millicores, what weighs 2: 1 + (28·1.024 − 2)·9999/262142
	all := func(dir string) []*unstructured.Unstructured {
		objects, err := folder(manifests.Components, dir, values)
		if err != nil {
			t.Fatal(err)
		}
		return objects
	}
	kv, ok := strict(t, all("kubevirt")[0]).(*kubevirtv1.KubeVirt)
	if !ok {
		t.Fatalf("%T", all("kubevirt")[0])
	}
	vm := 1000 / int64(kv.Spec.Configuration.DeveloperConfiguration.CPUAllocationRatio)
	if vm < least {
		t.Errorf("a VM asks for %dm", vm)
	}
	sum := kubernetes + kubevirt + vms*vm
	for _, dir := range []string{"ovn-kubernetes", "multus"} {
		for _, o := range all(dir) {
			var containers []corev1.Container
			switch w := strict(t, o).(type) {
			case *appsv1.DaemonSet:
				containers = w.Spec.Template.Spec.Containers
			case *appsv1.Deployment:
				containers = w.Spec.Template.Spec.Containers
			}
			pod := int64(0)
			for _, c := range containers {
				if c.Resources.Requests.Cpu().IsZero() {
					t.Errorf("%s of %s asks for no share of the core", c.Name, o.GetName())
				}
				pod += c.Resources.Requests.Cpu().MilliValue()
			}
			if o.GetName() == "ovnkube-node" && pod < 2*vm {
				t.Errorf("%s asks for %dm, a VM for %dm", o.GetName(), pod, vm)
			}
			sum += pod
		}
	}
	if sum > 1000 {
		t.Errorf("a node of one core is asked for %dm", sum)
	}
}
