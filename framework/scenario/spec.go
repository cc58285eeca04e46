package scenario

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/vmnet-project/vmnet/framework/model"
)

// componentLabel says what an object of a scenario is for; "spare" VMs exist for faults alone.
const (
	componentLabel = "app.kubernetes.io/component"
	spare          = "spare"
)

// SpecOf is what a VirtualMachine asks for, from its spec alone.
func SpecOf(vm *kubevirtv1.VirtualMachine) model.VMSpec {
	s := model.VMSpec{Namespace: vm.Namespace, Name: vm.Name, Hostname: guestName(vm), Spare: vm.Labels[componentLabel] == spare}
	if vm.Spec.Template == nil {
		return s
	}
	template := vm.Spec.Template.Spec
	networks := map[string]kubevirtv1.Network{}
	for _, n := range template.Networks {
		networks[n.Name] = n
	}
	for _, i := range template.Domain.Devices.Interfaces {
		spec := model.InterfaceSpec{Name: i.Name, Binding: binding(i), MAC: i.MacAddress, Model: i.Model}
		n := networks[i.Name]
		if n.Pod != nil {
			spec.VMNetworkCIDR = n.Pod.VMNetworkCIDR
		}
		if n.Multus != nil {
			spec.Network = n.Multus.NetworkName
		}
		s.Interfaces = append(s.Interfaces, spec)
	}
	return s
}

// guestName is KubeVirt's rule for the name that a guest gets: spec.hostname where there is one, else the VM's name up
// to its first dot, as far as a DNS label may be long (KubeVirt, pkg/network/dns: SanitizeHostname).
func guestName(vm *kubevirtv1.VirtualMachine) string {
	if vm.Spec.Template != nil && vm.Spec.Template.Spec.Hostname != "" {
		return vm.Spec.Template.Spec.Hostname
	}
	label, _, _ := strings.Cut(vm.Name, ".")
	return label[:min(len(label), validation.DNS1123LabelMaxLength)]
}

// binding names an interface's binding as a manifest does.
func binding(i kubevirtv1.Interface) string {
	switch {
	case i.Binding != nil:
		return i.Binding.Name
	case i.Masquerade != nil:
		return "masquerade"
	case i.Bridge != nil:
		return "bridge"
	case i.SRIOV != nil:
		return "sriov"
	case i.PasstBinding != nil:
		return "passt"
	}
	return ""
}
