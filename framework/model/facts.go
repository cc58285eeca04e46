package model

import "time"

// Facts is what the cluster says of itself: its settings, never what is judged. They are discovered from the
// API and from the settings of the platform's own processes, the same with nothing but a kubeconfig.
type Facts struct {
	At time.Time `json:"at"`
	// Versions by component: "kubernetes", "kubevirt", "ovn-kubernetes", "multus".
	Versions map[string]string `json:"versions"`
	// ClusterSubnets are the default network's, as CIDRs.
	ClusterSubnets []string `json:"clusterSubnets"`
	ServiceSubnets []string `json:"serviceSubnets"`
	// MTU of the cluster's default network, in bytes.
	MTU int `json:"mtu"`
	// GatewayMode is "shared" or "local" (routingViaHost).
	GatewayMode string `json:"gatewayMode"`
	// MasqueradeSubnet is OVN-Kubernetes' IPv4 masquerade subnet in force, as CIDR.
	MasqueradeSubnet string `json:"masqueradeSubnet"`
	// ClusterDomain is the DNS domain of Services, as "cluster.local".
	ClusterDomain string `json:"clusterDomain"`
	// Emulation is true where KubeVirt runs guests without KVM.
	Emulation bool   `json:"emulation"`
	Nodes     []Node `json:"nodes"`
	// Features by name; an absent key means that nobody looked.
	Features map[Feature]Presence `json:"features"`
	// Sources says where each fact was read, by the fact's JSON name.
	Sources map[string]string `json:"sources"`
}

// Node is one node as OVN-Kubernetes' annotations and the API describe it.
type Node struct {
	Name       string `json:"name"`
	InternalIP string `json:"internalIP"`
	// PodSubnet is the node's share of the default network (k8s.ovn.org/node-subnets), as CIDR.
	PodSubnet string `json:"podSubnet"`
	// EdgeIPs are the addresses that traffic leaves the node with (k8s.ovn.org/l3-gateway-config), without prefix.
	EdgeIPs []string `json:"edgeIPs"`
	// EdgeBridge is the OVS bridge that holds them: breth0 on kind, br-ex on OpenShift.
	EdgeBridge string `json:"edgeBridge"`
	// BridgeMappings are the OVS bridges behind physical networks, by the network's name (ovn-bridge-mappings).
	BridgeMappings map[string]string `json:"bridgeMappings,omitempty"`
	// Zone is OVN-Kubernetes' interconnect zone.
	Zone string `json:"zone"`
}

// Feature is something that a cluster may lack, by the name that claims use in Needs.
type Feature string

// The features that claims may need.
const (
	// FeatureOutside is a peer outside the cluster, on the nodes' network, without routes to pods.
	FeatureOutside Feature = "outside-peer"
	// FeaturePhysical is the physical side: hosts on VLANs behind the nodes' second NIC.
	FeaturePhysical Feature = "physical-side"
	// FeatureCNVBridge is the plugin cnv-bridge on the nodes.
	FeatureCNVBridge Feature = "cnv-bridge"
	// FeatureTwoNodes is a second node that VMs can run on.
	FeatureTwoNodes Feature = "two-nodes"
	// FeatureUDN is network segmentation with its CRDs.
	FeatureUDN Feature = "udn"
	// FeatureL2Bridge is the l2bridge binding, registered in the KubeVirt CR.
	FeatureL2Bridge Feature = "l2bridge"
	// FeatureIPAMExtension is KubeVirt's IPAM extension, which makes IPAMClaims.
	FeatureIPAMExtension Feature = "ipam-extension"
	// FeatureClusterDNS is a cluster DNS Service.
	FeatureClusterDNS Feature = "cluster-dns"
)

// Presence says whether a feature is there, and why not.
type Presence struct {
	Present bool   `json:"present"`
	Reason  string `json:"reason"`
}

// Node returns the node of that name.
func (f Facts) Node(name string) (Node, bool) {
	for _, n := range f.Nodes {
		if n.Name == name {
			return n, true
		}
	}
	return Node{}, false
}
