package scenario

import (
	"context"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/transport"
)

// jumpPod is the pod beside the VMs of a namespace by which they are reached; in a group it is called after that, too.
const jumpPod = "client"

// ways lead into a VM, the first one first. The API server's port-forward reaches what is on the cluster's network, and
// the pod beside the VM is for when it does not; nothing but that pod reaches a VM on a primary user-defined network
// (kubevirt#18399).
func (r *Running) ways(vm string) []transport.Dialer {
	r.mu.Lock()
	defer r.mu.Unlock()
	var spec model.VMSpec
	for _, s := range r.Specs {
		if s.Name == vm {
			spec = s
		}
	}
	pod := jumpPod
	if spec.Group != "" {
		pod += "-" + spec.Group
	}
	var ways []transport.Dialer
	if len(spec.Interfaces) == 0 || onClusterNetwork(spec.Interfaces[0]) {
		ways = append(ways, transport.PortForward{Client: r.bed.KubeVirt})
	}
	if space, ok := r.pods[pod]; ok {
		ways = append(ways, transport.JumpPod(r.bed.KubeVirt, r.bed.Pod(space, pod, "")))
	}
	return ways
}

func onClusterNetwork(i model.InterfaceSpec) bool {
	return i.Network == "" && i.Binding == "masquerade"
}

// Connect makes a new connection to a VM's inside by the API server's port-forward, whatever way Guest takes: that this one
// is open now is shown only by a connection made now. The caller closes it.
func (r *Running) Connect(ctx context.Context, vm string) (*transport.Guest, error) {
	return transport.Connect(ctx, transport.PortForward{Client: r.bed.KubeVirt}, r.NamespaceOf(vm), vm, *r.identity)
}

// WayInto is the way into a VM of a scenario that was left up, as its own namespace shows it.
func WayInto(ctx context.Context, b *bed.Bed, namespace, vm string) (transport.Dialer, error) {
	vmi, err := b.KubeVirt.VirtualMachineInstance(namespace).Get(ctx, vm, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("VM %s: %w", vm, err)
	}
	if i := vmi.Spec.Domain.Devices.Interfaces; len(i) == 0 || i[0].Masquerade != nil {
		return transport.PortForward{Client: b.KubeVirt}, nil
	}
	pods, err := b.Kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("the pod beside VM %s: %w", vm, err)
	}
	for _, p := range pods.Items {
		if p.Name == jumpPod || strings.HasPrefix(p.Name, jumpPod+"-") {
			return transport.JumpPod(b.KubeVirt, b.Pod(namespace, p.Name, "")), nil
		}
	}
	return nil, fmt.Errorf("VM %s is on a network of its own, and no pod %s is on it to go through", vm, jumpPod)
}
