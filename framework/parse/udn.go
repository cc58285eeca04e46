package parse

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// What OVN-Kubernetes writes beside its objects (go-controller/pkg/types: NetworkIDAnnotation;
// go-controller/pkg/util/node_annotations.go).
const (
	networkIDAnnotation     = "k8s.ovn.org/network-id"
	GatewayConfigAnnotation = "k8s.ovn.org/l3-gateway-config"
)

// object is what all API objects have.
type object struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name        string            `json:"name"`
		Namespace   string            `json:"namespace"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
}

func (o object) check(what string, kinds ...string) error {
	for _, k := range kinds {
		if o.Kind == k && o.Metadata.Name != "" {
			return nil
		}
	}
	return fmt.Errorf("%s: this is a %q named %q", what, o.Kind, o.Metadata.Name)
}

// layer is what the topologies' specs of a UserDefinedNetwork have in common.
type layer struct {
	Role    string          `json:"role"`
	Subnets json.RawMessage `json:"subnets"`
	MTU     int             `json:"mtu"`
	IPAM    struct {
		Lifecycle string `json:"lifecycle"`
	} `json:"ipam"`
}

// udnSpec is the spec of a UserDefinedNetwork (OVN-Kubernetes, go-controller/pkg/crd/userdefinednetwork/v1).
type udnSpec struct {
	Topology string `json:"topology"`
	Layer2   *layer `json:"layer2"`
	Layer3   *layer `json:"layer3"`
	Localnet *layer `json:"localnet"`
}

// UDN reads a UserDefinedNetwork or ClusterUserDefinedNetwork as the API prints it in JSON: what was asked for and what
// the condition NetworkCreated says; Made, NetworkName and ID are the NetworkAttachmentDefinition's, see NAD. A layer 3
// network's subnet with its share for each node is written as in that, CIDR/BITS.
func UDN(text string) (model.Network, error) {
	var u struct {
		object
		Spec struct {
			udnSpec
			Network udnSpec `json:"network"`
		} `json:"spec"`
		Status struct {
			Conditions []struct {
				Type    string `json:"type"`
				Status  string `json:"status"`
				Reason  string `json:"reason"`
				Message string `json:"message"`
			} `json:"conditions"`
		} `json:"status"`
	}
	if err := decode(text, &u); err != nil {
		return model.Network{}, fmt.Errorf("network: %w", err)
	}
	if err := u.check("network", "UserDefinedNetwork", "ClusterUserDefinedNetwork"); err != nil {
		return model.Network{}, err
	}
	spec := u.Spec.udnSpec
	if u.Kind == "ClusterUserDefinedNetwork" {
		spec = u.Spec.Network
	}
	n := model.Network{Namespace: u.Metadata.Namespace, Name: u.Metadata.Name}
	var err error
	if n.Asked, err = spec.asked(); err != nil {
		return model.Network{}, fmt.Errorf("network %s: %w", n.Name, err)
	}
	for _, c := range u.Status.Conditions {
		if c.Type == "NetworkCreated" {
			n.Created, n.Reason = c.Status, strings.Trim(c.Reason+": "+c.Message, ": ")
		}
	}
	return n, nil
}

// inUse is what OVN-Kubernetes says of a network that is to be deleted (go-controller, clustermanager/userdefinednetwork:
// deleteNAD).
var inUse = regexp.MustCompile(`network in use by the following pods: \[([^\]]*)\]`)

// Users are the pods, as namespace/name, that a network's condition says its deletion waits for; none where it says none.
func Users(reason string) []string {
	if m := inUse.FindStringSubmatch(reason); m != nil {
		return strings.Fields(m[1])
	}
	return nil
}

func (s udnSpec) asked() (model.NetworkSpec, error) {
	n := model.NetworkSpec{Topology: strings.ToLower(s.Topology)}
	l := map[string]*layer{"layer2": s.Layer2, "layer3": s.Layer3, "localnet": s.Localnet}[n.Topology]
	if l == nil {
		return n, fmt.Errorf("topology %q without its part of the spec", s.Topology)
	}
	n.Role, n.MTU, n.Persistent = strings.ToLower(l.Role), l.MTU, l.IPAM.Lifecycle == "Persistent"
	if len(l.Subnets) == 0 {
		return n, nil
	}
	if err := json.Unmarshal(l.Subnets, &n.Subnets); err == nil {
		return n, nil
	}
	n.Subnets = nil
	var shared []struct {
		CIDR string `json:"cidr"`
		Host int    `json:"hostSubnet"`
	}
	if err := json.Unmarshal(l.Subnets, &shared); err != nil {
		return n, fmt.Errorf("subnets: %w", err)
	}
	for _, sub := range shared {
		cidr := sub.CIDR
		if sub.Host != 0 {
			cidr = fmt.Sprintf("%s/%d", cidr, sub.Host)
		}
		n.Subnets = append(n.Subnets, cidr)
	}
	return n, nil
}

// Attachment is what a NetworkAttachmentDefinition of OVN-Kubernetes says.
type Attachment struct {
	Made model.NetworkSpec
	// Name is the network's, ID its number; empty where OVN-Kubernetes gave none.
	Name, ID string
}

// NAD reads a NetworkAttachmentDefinition as the API prints it in JSON: OVN-Kubernetes' configuration in spec.config
// (go-controller/pkg/cni/types: NetConf) and the network's ID beside it.
func NAD(text string) (Attachment, error) {
	var d struct {
		object
		Spec struct {
			Config string `json:"config"`
		} `json:"spec"`
	}
	if err := decode(text, &d); err != nil {
		return Attachment{}, fmt.Errorf("attachment: %w", err)
	}
	if err := d.check("attachment", "NetworkAttachmentDefinition"); err != nil {
		return Attachment{}, err
	}
	var c struct {
		Name       string `json:"name"`
		Topology   string `json:"topology"`
		Role       string `json:"role"`
		Subnets    string `json:"subnets"`
		MTU        int    `json:"mtu"`
		Persistent bool   `json:"allowPersistentIPs"`
	}
	if err := decode(d.Spec.Config, &c); err != nil {
		return Attachment{}, fmt.Errorf("attachment %s: config: %w", d.Metadata.Name, err)
	}
	a := Attachment{Name: c.Name, ID: d.Metadata.Annotations[networkIDAnnotation], Made: model.NetworkSpec{
		Topology: strings.ToLower(c.Topology), Role: strings.ToLower(c.Role), MTU: c.MTU, Persistent: c.Persistent}}
	for _, s := range strings.Split(c.Subnets, ",") {
		if s = strings.TrimSpace(s); s != "" {
			a.Made.Subnets = append(a.Made.Subnets, s)
		}
	}
	return a, nil
}

// IPAMClaim reads an IPAMClaim as the API prints it in JSON; who made it is not in it.
func IPAMClaim(text string) (model.IPAMClaim, error) {
	var c struct {
		object
		Spec struct {
			Network   string `json:"network"`
			Interface string `json:"interface"`
		} `json:"spec"`
		Status struct {
			IPs []string `json:"ips"`
		} `json:"status"`
	}
	if err := decode(text, &c); err != nil {
		return model.IPAMClaim{}, fmt.Errorf("claim: %w", err)
	}
	if err := c.check("claim", "IPAMClaim"); err != nil {
		return model.IPAMClaim{}, err
	}
	return model.IPAMClaim{Name: c.Metadata.Name, Network: c.Spec.Network, Interface: c.Spec.Interface, IPs: c.Status.IPs}, nil
}

// GatewayMode reads the value of a node's annotation k8s.ovn.org/l3-gateway-config: the mode of the default network's
// gateway there, "shared" or "local".
func GatewayMode(annotation string) (string, error) {
	var networks map[string]struct {
		Mode string `json:"mode"`
	}
	if err := decode(annotation, &networks); err != nil {
		return "", fmt.Errorf("annotation %s: %w", GatewayConfigAnnotation, err)
	}
	if networks["default"].Mode == "" {
		return "", fmt.Errorf("annotation %s: no mode of the default network in %q", GatewayConfigAnnotation, clip(annotation))
	}
	return networks["default"].Mode, nil
}
