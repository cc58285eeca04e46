package scenario

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

// UDNKind and the others are the kinds that manifests use of OVN-Kubernetes and of the network plumbing group.
var (
	UDNKind   = schema.GroupVersionKind{Group: "k8s.ovn.org", Version: "v1", Kind: "UserDefinedNetwork"}
	CUDNKind  = schema.GroupVersionKind{Group: "k8s.ovn.org", Version: "v1", Kind: "ClusterUserDefinedNetwork"}
	NADKind   = schema.GroupVersionKind{Group: "k8s.cni.cncf.io", Version: "v1", Kind: "NetworkAttachmentDefinition"}
	ClaimKind = schema.GroupVersionKind{Group: "k8s.cni.cncf.io", Version: "v1alpha1", Kind: "IPAMClaim"}
)

// PrimaryLabel is what a namespace has from its creation on if its primary network is a user-defined one.
const PrimaryLabel = "k8s.ovn.org/primary-user-defined-network"

// document is a manifest of a kind whose Go types we do without: its spec says what may stand there.
type document[S any] struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              S `json:"spec"`
}

// forms gives each of these kinds something to decode into, so that a misspelt field is refused.
var forms = map[schema.GroupVersionKind]func() any{
	UDNKind:   func() any { return &document[udnSpec]{} },
	CUDNKind:  func() any { return &document[cudnSpec]{} },
	NADKind:   func() any { return &document[nadSpec]{} },
	ClaimKind: func() any { return &claim{} },
}

// claim is an IPAMClaim. One that names addresses in its status gets them: to OVN-Kubernetes it is as one that had them
// before (go-controller/pkg/allocator/pod: allocatePodAnnotationWithRollback).
type claim struct {
	document[struct {
		Network   string `json:"network"`
		Interface string `json:"interface"`
	}] `json:",inline"`
	Status struct {
		IPs []string `json:"ips"`
	} `json:"status,omitzero"`
}

// The fields of a network's spec (OVN-Kubernetes, go-controller/pkg/crd/userdefinednetwork/v1).
type (
	udnSpec struct {
		Topology string  `json:"topology"`
		Layer2   *layer2 `json:"layer2,omitempty"`
		Layer3   *layer3 `json:"layer3,omitempty"`
		// Localnet is for networks of the whole cluster alone; check says so of others.
		Localnet *localnet `json:"localnet,omitempty"`
	}
	cudnSpec struct {
		NamespaceSelector metav1.LabelSelector `json:"namespaceSelector"`
		Network           udnSpec              `json:"network"`
	}
	layer2 struct {
		Role                  string   `json:"role"`
		MTU                   int      `json:"mtu,omitempty"`
		Subnets               []string `json:"subnets,omitempty"`
		IPAM                  ipam     `json:"ipam,omitzero"`
		JoinSubnets           []string `json:"joinSubnets,omitempty"`
		DefaultGatewayIPs     []string `json:"defaultGatewayIPs,omitempty"`
		ReservedSubnets       []string `json:"reservedSubnets,omitempty"`
		InfrastructureSubnets []string `json:"infrastructureSubnets,omitempty"`
	}
	layer3 struct {
		Role    string `json:"role"`
		MTU     int    `json:"mtu,omitempty"`
		Subnets []struct {
			CIDR       string `json:"cidr"`
			HostSubnet int    `json:"hostSubnet,omitempty"`
		} `json:"subnets,omitempty"`
		JoinSubnets []string `json:"joinSubnets,omitempty"`
	}
	localnet struct {
		Role                string   `json:"role"`
		PhysicalNetworkName string   `json:"physicalNetworkName"`
		MTU                 int      `json:"mtu,omitempty"`
		Subnets             []string `json:"subnets,omitempty"`
		ExcludeSubnets      []string `json:"excludeSubnets,omitempty"`
		IPAM                ipam     `json:"ipam,omitzero"`
		VLAN                *struct {
			Mode   string `json:"mode"`
			Access struct {
				ID int `json:"id"`
			} `json:"access,omitzero"`
		} `json:"vlan,omitempty"`
	}
	ipam struct {
		Mode      string `json:"mode,omitempty"`
		Lifecycle string `json:"lifecycle,omitempty"`
	}
)

const persistent = "Persistent"

// LinkHash is what KubeVirt names a VM's links on another network than the pod's own after: the first eleven hex digits of
// SHA-256 of the network's name in the VM's spec (KubeVirt, pkg/network/namescheme).
func LinkHash(network string) string {
	const digits = 11
	sum := sha256.Sum256([]byte(network))
	return hex.EncodeToString(sum[:])[:digits]
}

// decodeForeign decodes a document of one of these kinds, and says whether it is one.
func decodeForeign(text []byte) (client.Object, bool, error) {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(text, &kind); err != nil {
		return nil, false, nil //nolint:nilerr // the other decoder says it better
	}
	form, ok := forms[kind.GroupVersionKind()]
	if !ok {
		return nil, false, nil
	}
	if err := yaml.UnmarshalStrict(text, form()); err != nil {
		return nil, true, err
	}
	object := &unstructured.Unstructured{}
	return object, true, yaml.Unmarshal(text, object)
}

// NetworkRef is a network of a scenario, as its manifest asks for it.
type NetworkRef struct {
	// Key names it in observations: its name in the manifest, behind its group's where it has one: "primary-udn",
	// "other/other-udn".
	Key string
	// Group and Namespace are empty for a network of the whole cluster.
	Group, Namespace, Name string
	Asked                  model.NetworkSpec
	// Cluster is true for a ClusterUserDefinedNetwork; Selected are then the namespaces that it names.
	Cluster  bool
	Selected []string
	// Attachment is true for a NetworkAttachmentDefinition of the user's own; callsItself is then its netAttachDefName.
	Attachment  bool
	callsItself string
}

// AttachedIn are the namespaces that have a NetworkAttachmentDefinition of the network.
func (n NetworkRef) AttachedIn() []string {
	if n.Cluster {
		return n.Selected
	}
	return []string{n.Namespace}
}

// networksOf are the networks among a run's objects; main is the main namespace's name.
func networksOf(objects []client.Object, main, run string) ([]NetworkRef, error) {
	var found []NetworkRef
	for _, o := range objects {
		u, ok := o.(*unstructured.Unstructured)
		if !ok || !isNetwork(u.GroupVersionKind()) {
			continue
		}
		n := NetworkRef{Name: u.GetName(), Key: u.GetName(), Namespace: u.GetNamespace(), Group: groupOf(u.GetNamespace(), main)}
		var err error
		switch u.GroupVersionKind() {
		case CUDNKind:
			n.Cluster, n.Key = true, strings.TrimSuffix(n.Name, "-"+run)
			n.Asked, n.Selected, err = askedOfCluster(u)
		case NADKind:
			n.Attachment = true
			n.Asked, n.callsItself, err = askedOfAttachment(u)
		default:
			n.Asked, err = askedOf(u)
		}
		if n.Group != "" {
			n.Key = n.Group + "/" + n.Name
		}
		if err != nil {
			return nil, &bed.InputError{What: "network " + n.Key, Err: err}
		}
		found = append(found, n)
	}
	return found, nil
}

func isNetwork(kind schema.GroupVersionKind) bool {
	return kind == UDNKind || kind == CUDNKind || kind == NADKind
}

func askedOf(u *unstructured.Unstructured) (model.NetworkSpec, error) {
	var d document[udnSpec]
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &d)
	return d.Spec.asked(), cmp.Or(err, d.Spec.checkNamespaced())
}

// askedOfCluster also gives the namespaces that the selector names by the label that each has.
func askedOfCluster(u *unstructured.Unstructured) (asked model.NetworkSpec, spaces []string, err error) {
	var d document[cudnSpec]
	err = runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &d)
	if name := d.Spec.NamespaceSelector.MatchLabels[corev1.LabelMetadataName]; name != "" {
		spaces = append(spaces, name)
	}
	for _, e := range d.Spec.NamespaceSelector.MatchExpressions {
		if e.Key == corev1.LabelMetadataName && e.Operator == metav1.LabelSelectorOpIn {
			spaces = append(spaces, e.Values...)
		}
	}
	return d.Spec.Network.asked(), spaces, cmp.Or(err, d.Spec.Network.check())
}

// asked puts a spec into the words that the network's NetworkAttachmentDefinition repeats it in: topology and role in
// lower case, a Layer3 subnet with the nodes' share behind it, as 10.8.0.0/16/24 (OVN-Kubernetes,
// pkg/clustermanager/userdefinednetwork/template: renderCNINetworkConfig, layer3SubnetsString).
func (s udnSpec) asked() model.NetworkSpec {
	n := model.NetworkSpec{Topology: strings.ToLower(s.Topology)}
	switch {
	case s.Layer2 != nil:
		n.Role, n.MTU, n.Subnets, n.Persistent = s.Layer2.Role, s.Layer2.MTU, s.Layer2.Subnets, s.Layer2.IPAM.Lifecycle == persistent
	case s.Layer3 != nil:
		n.Role, n.MTU = s.Layer3.Role, s.Layer3.MTU
		for _, subnet := range s.Layer3.Subnets {
			text := subnet.CIDR
			if subnet.HostSubnet > 0 {
				text = fmt.Sprintf("%s/%d", text, subnet.HostSubnet)
			}
			n.Subnets = append(n.Subnets, text)
		}
	case s.Localnet != nil:
		l := s.Localnet
		n.Role, n.MTU, n.Subnets, n.Persistent = l.Role, l.MTU, l.Subnets, l.IPAM.Lifecycle == persistent
		n.PhysicalNetwork = l.PhysicalNetworkName
		if l.VLAN != nil {
			n.VLAN = l.VLAN.Access.ID
		}
	}
	n.Role = strings.ToLower(n.Role)
	return n
}
