package scenario

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

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
	UDNKind:  func() any { return &document[udnSpec]{} },
	CUDNKind: func() any { return &document[cudnSpec]{} },
	NADKind: func() any {
		return &document[struct {
			Config string `json:"config"`
		}]{}
	},
	ClaimKind: func() any {
		return &document[struct {
			Network   string `json:"network"`
			Interface string `json:"interface"`
		}]{}
	},
}

// The fields of a network's spec (OVN-Kubernetes, go-controller/pkg/crd/userdefinednetwork/v1).
type (
	udnSpec struct {
		Topology string  `json:"topology"`
		Layer2   *layer2 `json:"layer2,omitempty"`
		Layer3   *layer3 `json:"layer3,omitempty"`
	}
	cudnSpec struct {
		NamespaceSelector metav1.LabelSelector `json:"namespaceSelector"`
		Network           struct {
			udnSpec  `json:",inline"`
			Localnet *localnet `json:"localnet,omitempty"`
		} `json:"network"`
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
		VLAN                struct {
			Mode   string `json:"mode"`
			Access struct {
				ID int `json:"id"`
			} `json:"access,omitzero"`
		} `json:"vlan,omitzero"`
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

// NetworkRef is a user-defined network of a scenario, as its manifest asks for it.
type NetworkRef struct {
	// Key names it in observations: its name, behind its group's where it has one: "primary-udn", "other/other-udn".
	Key string
	// Group and Namespace are empty for a network of the whole cluster.
	Group, Namespace, Name string
	Asked                  model.NetworkSpec
	// Cluster is true for a ClusterUserDefinedNetwork.
	Cluster bool
}

// networksOf are the user-defined networks among objects; main is the main namespace's name.
func networksOf(objects []client.Object, main string) ([]NetworkRef, error) {
	var found []NetworkRef
	for _, o := range objects {
		u, ok := o.(*unstructured.Unstructured)
		if !ok || u.GroupVersionKind() != UDNKind && u.GroupVersionKind() != CUDNKind {
			continue
		}
		n := NetworkRef{Name: u.GetName(), Key: u.GetName(), Cluster: u.GroupVersionKind() == CUDNKind}
		var err error
		if n.Cluster {
			n.Asked, err = askedOfCluster(u)
		} else {
			n.Namespace, n.Group = u.GetNamespace(), groupOf(u.GetNamespace(), main)
			n.Asked, err = askedOf(u)
		}
		if err != nil {
			return nil, fmt.Errorf("network %s: %w", n.Name, err)
		}
		if n.Group != "" {
			n.Key = n.Group + "/" + n.Name
		}
		found = append(found, n)
	}
	return found, nil
}

func askedOf(u *unstructured.Unstructured) (model.NetworkSpec, error) {
	var d document[udnSpec]
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &d)
	return d.Spec.asked(nil), err
}

func askedOfCluster(u *unstructured.Unstructured) (model.NetworkSpec, error) {
	var d document[cudnSpec]
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &d)
	return d.Spec.Network.asked(d.Spec.Network.Localnet), err
}

// asked puts a spec into the words that the network's NetworkAttachmentDefinition repeats it in: topology and role in
// lower case, a Layer3 subnet with the nodes' share behind it, as 10.8.0.0/16/24 (OVN-Kubernetes,
// pkg/clustermanager/userdefinednetwork/template: renderCNINetworkConfig, layer3SubnetsString).
func (s udnSpec) asked(l *localnet) model.NetworkSpec {
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
	case l != nil:
		n.Role, n.MTU, n.Subnets, n.Persistent = l.Role, l.MTU, l.Subnets, l.IPAM.Lifecycle == persistent
	}
	n.Role = strings.ToLower(n.Role)
	return n
}
