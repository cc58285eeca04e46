package fault

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// World is what steps act on: a bed, a scenario that runs on it, and what the cluster says of itself.
type World struct {
	Bed     *bed.Bed
	Running *scenario.Running
	Facts   model.Facts

	// journal keeps what is needed to take steps back; nil for none.
	journal *journal
	// fault is the one whose steps are made.
	fault string
	// enterAt gives a place's runner; nil for the bed's own.
	enterAt func(spot) (bed.Runner, error)
	// taking are the spare VMs that take part in a stage, see TakePart.
	taking []string
}

// nameLabel is what the manifests put the VM's name into, on the VM's pod as well.
const nameLabel = "app.kubernetes.io/name"

// podPrefix begins the name of a pod of the scenario where a script may be seen from one: "pod/twin-a".
const podPrefix = "pod/"

// seat is the pod that a place is seen from: a VM's launcher, or a pod of the scenario.
func (w *World) seat(ctx context.Context, of string) (*corev1.Pod, error) {
	name, ok := strings.CutPrefix(of, podPrefix)
	if !ok {
		return w.launcher(ctx, of)
	}
	pod, err := w.Bed.Kube.CoreV1().Pods(w.Running.PodNamespace(name)).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("pod %s: %w", name, err)
	}
	return pod, nil
}

// launcher is the running virt-launcher pod of a VM: while one is on its way out, the other.
func (w *World) launcher(ctx context.Context, vm string) (*corev1.Pod, error) {
	namespace := w.Running.NamespaceOf(vm)
	pods, err := w.Bed.Kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{
		LabelSelector: kubevirtv1.AppLabel + "=virt-launcher," + nameLabel + "=" + vm})
	if err != nil {
		return nil, fmt.Errorf("launcher of %s: %w", vm, err)
	}
	for i, p := range pods.Items {
		if p.Status.Phase == corev1.PodRunning && p.DeletionTimestamp == nil {
			return &pods.Items[i], nil
		}
	}
	return nil, fmt.Errorf("launcher of %s: no running pod in %s", vm, namespace)
}

// instance is the UID of a VM's instance, which a migration leaves as it is.
func (w *World) instance(ctx context.Context, vm string) (string, error) {
	vmi, err := w.Bed.KubeVirt.VirtualMachineInstance(w.Running.NamespaceOf(vm)).Get(ctx, vm, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("VM %s: %w", vm, err)
	}
	return string(vmi.UID), nil
}

// mainGuests are the VMs of the main namespace that are no spares.
func (w *World) mainGuests() []model.VMSpec {
	return slices.DeleteFunc(slices.Clone(w.Running.Specs), func(s model.VMSpec) bool { return s.Group != "" || s.Spare })
}

// amongSpecs runs f while the scenario has of its spare VMs only those that take part.
func (w *World) amongSpecs(f func()) {
	all := w.Running.Specs
	defer func() { w.Running.Specs = all }()
	w.Running.Specs = slices.DeleteFunc(slices.Clone(all), func(s model.VMSpec) bool {
		return s.Spare && s.Group == "" && !slices.Contains(w.taking, s.Name)
	})
	f()
}
