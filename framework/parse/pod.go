package parse

import (
	"fmt"

	"github.com/vmnet-project/vmnet/framework/model"
)

// PodNetworks is the annotation in which OVN-Kubernetes says what it gave to a pod
// (go-controller/pkg/util/pod_annotation.go, OvnPodAnnotationName).
const PodNetworks = "k8s.ovn.org/pod-networks"

// Pod reads a pod object as the API prints it in JSON, with its pod-networks annotation.
// A pod without that annotation has nothing allotted, which is no error here.
func Pod(text string) (model.Pod, error) {
	var p struct {
		Kind     string `json:"kind"`
		Metadata struct {
			Name        string            `json:"name"`
			UID         string            `json:"uid"`
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec struct {
			NodeName string `json:"nodeName"`
		} `json:"spec"`
		Status struct {
			PodIP  string `json:"podIP"`
			PodIPs []struct {
				IP string `json:"ip"`
			} `json:"podIPs"`
		} `json:"status"`
	}
	if err := decode(text, &p); err != nil {
		return model.Pod{}, fmt.Errorf("pod: %w", err)
	}
	if p.Metadata.Name == "" || (p.Kind != "Pod" && p.Kind != "") {
		return model.Pod{}, fmt.Errorf("pod: this is a %q named %q", p.Kind, p.Metadata.Name)
	}
	m := model.Pod{Name: p.Metadata.Name, UID: p.Metadata.UID, Node: p.Spec.NodeName, Allotted: map[string]model.Allotment{}}
	for _, ip := range p.Status.PodIPs {
		m.IPs = append(m.IPs, ip.IP)
	}
	if len(m.IPs) == 0 && p.Status.PodIP != "" {
		m.IPs = []string{p.Status.PodIP}
	}
	if text, ok := p.Metadata.Annotations[PodNetworks]; ok {
		a, err := Allotments(text)
		if err != nil {
			return model.Pod{}, fmt.Errorf("pod %s: %w", m.Name, err)
		}
		m.Allotted = a
	}
	return m, nil
}

// Allotments reads the value of a pod-networks annotation, by network: "default", "namespace/nad".
func Allotments(text string) (map[string]model.Allotment, error) {
	var nets map[string]struct {
		Addresses []string `json:"ip_addresses"`
		Address   string   `json:"ip_address"`
		MAC       string   `json:"mac_address"`
		Gateways  []string `json:"gateway_ips"`
		Gateway   string   `json:"gateway_ip"`
		Role      string   `json:"role"`
	}
	if err := decode(text, &nets); err != nil {
		return nil, fmt.Errorf("annotation %s: %w", PodNetworks, err)
	}
	m := make(map[string]model.Allotment, len(nets))
	for name, n := range nets {
		a := model.Allotment{CIDRs: n.Addresses, MAC: n.MAC, Gateways: n.Gateways, Role: n.Role}
		if len(a.CIDRs) == 0 && n.Address != "" {
			a.CIDRs = []string{n.Address}
		}
		if len(a.Gateways) == 0 && n.Gateway != "" {
			a.Gateways = []string{n.Gateway}
		}
		m[name] = a
	}
	return m, nil
}

// VMI reads a VirtualMachineInstance's status as the API prints it in JSON; of its conditions those that are not True.
func VMI(text string) (model.VMI, error) {
	var v struct {
		Kind     string `json:"kind"`
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
		Status struct {
			Phase      string `json:"phase"`
			NodeName   string `json:"nodeName"`
			Interfaces []struct {
				Name         string   `json:"name"`
				MAC          string   `json:"mac"`
				IP           string   `json:"ipAddress"`
				IPs          []string `json:"ipAddresses"`
				PodInterface string   `json:"podInterfaceName"`
			} `json:"interfaces"`
			Conditions []model.VMICondition `json:"conditions"`
		} `json:"status"`
	}
	if err := decode(text, &v); err != nil {
		return model.VMI{}, fmt.Errorf("vmi: %w", err)
	}
	if v.Metadata.Name == "" || (v.Kind != "VirtualMachineInstance" && v.Kind != "") {
		return model.VMI{}, fmt.Errorf("vmi: this is a %q named %q", v.Kind, v.Metadata.Name)
	}
	m := model.VMI{Phase: v.Status.Phase, Node: v.Status.NodeName}
	for _, i := range v.Status.Interfaces {
		m.Interfaces = append(m.Interfaces, model.VMIInterface{Name: i.Name, MAC: i.MAC, IP: i.IP, IPs: i.IPs, PodInterface: i.PodInterface})
	}
	for _, c := range v.Status.Conditions {
		if c.Status != "True" {
			m.Conditions = append(m.Conditions, c)
		}
	}
	return m, nil
}
