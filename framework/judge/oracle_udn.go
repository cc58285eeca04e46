package judge

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// What to expect on user-defined networks.

// udnInterface is the pod's interface on its primary user-defined network (OVN-Kubernetes, go-controller/pkg/cni/udn:
// UserDefinedPrimaryNetwork.InterfaceName); KubeVirt takes the pod network's interface from the default entry of Multus'
// status (pkg/network/multus: LookupPodPrimaryIfaceName).
const udnInterface = "ovn-udn1"

// l2Bridge is the binding plugin for VMs on primary user-defined networks: a managed tap, with the bridge binding's names.
const l2Bridge = "l2bridge"

// The roles of a network for a pod, in the pod-networks annotation (OVN-Kubernetes, go-controller/pkg/types: NetworkRole…).
const (
	rolePrimary   = "primary"
	roleSecondary = "secondary"
	// roleLocked is the default network's where a primary user-defined network takes its place.
	roleLocked = "infrastructure-locked"
)

// udnNames are the links of an interface on a user-defined network: the pod's veth by its new name, the bridge, the tap,
// and the dummy that keeps the pod interface's name and address (KubeVirt, pkg/network/setup/netpod: bridgeBindingSpec,
// managedTapSpec).
func udnNames(i model.InterfaceSpec) (veth, bridge, tap, dummy string) {
	pod := podInterface(i)
	return movedName(pod), bridgeName(pod), tapName(pod), pod
}

// launcherNames are all links of a VM's launcher.
func launcherNames(s model.VMSpec) []string {
	names := []string{"lo", clusterInterface}
	for _, i := range s.Interfaces {
		veth, bridge, tap, dummy := udnNames(i)
		if dummy == clusterInterface {
			names = append(names, bridge, tap)
		} else {
			names = append(names, veth, bridge, tap, dummy)
		}
	}
	return names
}

// serverAddress is what the bridge of an interface by the bridge binding carries, with /32, for the launcher's DHCP server:
// the interface's place among the spec's makes its end (KubeVirt, pkg/network/link: GetFakeBridgeIP).
func serverAddress(index int) string { return fmt.Sprintf("169.254.75.1%d", index) }

// firstAllotted is the first address that a layer 2 network gives to a pod: on a primary one the first host is the
// gateway's and the second the management port's (OVN-Kubernetes, go-controller/pkg/util: GetNodeGatewayIfAddr,
// GetNodeManagementIfAddr), on a secondary one all are pods'.
func firstAllotted(subnet netip.Prefix, role string) netip.Addr {
	if role == rolePrimary {
		return host(subnet, 3).Addr()
	}
	return host(subnet, 1).Addr()
}

// subnetOf is a network's IPv4 subnet, as it was asked for.
func subnetOf(n model.Network) (netip.Prefix, error) {
	for _, s := range n.Asked.Subnets {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return netip.Prefix{}, fmt.Errorf("subnet %q: %w", s, err)
		}
		if p.Addr().Is4() {
			return p.Masked(), nil
		}
	}
	return netip.Prefix{}, fmt.Errorf("no IPv4 subnet among %s", list(n.Asked.Subnets))
}

// networkMTU is a network's: its own where it asks for one, else the cluster network's (OVN-Kubernetes,
// go-controller/pkg/cni: PodAnnotation2PodInfo).
func networkMTU(n model.Network, f model.Facts) int { return cmp.Or(n.Asked.MTU, f.MTU) }

// networkName is the name in OVN-Kubernetes of what a UserDefinedNetwork makes (go-controller/pkg/util:
// GenerateUDNNetworkName).
func networkName(namespace, name string) string { return namespace + "_" + name }

// networkID is the number that the cluster manager gave to a network; 0 is the default network's.
func networkID(n model.Network) (int, error) {
	id, err := strconv.Atoi(n.ID)
	if err != nil || id < 1 {
		return 0, fmt.Errorf("network ID %s is no number from 1 on", text(n.ID))
	}
	return id, nil
}

// gatewayRouter is the router by which a network leaves a node; the network's name is empty for the default one
// (OVN-Kubernetes, go-controller/pkg/util: GetGatewayRouterFromNode, GetUserDefinedNetworkPrefix).
func gatewayRouter(network, node string) string {
	if network != "" {
		node = strings.NewReplacer("-", ".", "/", ".").Replace(network) + "_" + node
	}
	return "GR_" + node
}

// masqueraded is which of a network's two masquerade IPs its traffic leaves with: the gateway router's in shared gateway
// mode, the management port's in local gateway mode, where it goes by the node's kernel (OVN-Kubernetes,
// go-controller/pkg/ovn: Layer2UserDefinedNetworkController.addOrUpdateUDNClusterSubnetEgressSNAT).
func masqueraded(mode string, gateway, management netip.Addr) (netip.Addr, error) {
	switch mode {
	case "shared":
		return gateway, nil
	case "local":
		return management, nil
	}
	return netip.Addr{}, fmt.Errorf("gateway mode %s is neither shared nor local", text(mode))
}

// masqueradeRoom is how many addresses a masquerade subnet must have for networks with IDs up to this one.
func masqueradeRoom(highest int) int { return masqueradeReserved + 2*highest + 1 }

// clusterRouter is the default network's distributed router (OVN-Kubernetes, go-controller/pkg/types: OVNClusterRouter).
const clusterRouter = "ovn_cluster_router"

// What OVN's DHCP server tells a VM (OVN-Kubernetes, go-controller/pkg/kubevirt: dhcp.go, ComposeDHCPv4Options).
const (
	leaseSeconds = 3500
	leaseServer  = "169.254.1.1"
)

// networkFinalizer keeps a network as long as pods use it (OVN-Kubernetes,
// go-controller/pkg/clustermanager/userdefinednetwork/template: FinalizerUserDefinedNetwork).
const networkFinalizer = "k8s.ovn.org/user-defined-network-protection"

// hostMasquerade is the node's own place in the masquerade subnet, on its edge bridge (OVN-Kubernetes,
// go-controller/pkg/config: AllocateV4MasqueradeIPs, V4HostMasqueradeIP).
const hostMasquerade = 2

// egressNexthop is where the cluster router sends what a node's pods send out: in shared gateway mode to the node's gateway
// router, whose address in the join network the router has a route to; in local gateway mode to the node's management port,
// the second host of its pod subnet (OVN-Kubernetes, go-controller/pkg/ovn: GatewayManager.updateClusterRouterStaticRoutes,
// BaseNetworkController.syncNodeManagementPort).
func egressNexthop(mode string, podSubnet netip.Prefix, routes []model.OVNRoute) (nexthop, why string, err error) {
	switch mode {
	case "local":
		return host(podSubnet, 2).Addr().String(), "the node's management port, in local gateway mode", nil
	case "shared":
		for _, r := range routes {
			if r.Router == clusterRouter && r.Policy == "" && strings.TrimSuffix(r.Prefix, "/32") == r.Nexthop {
				return r.Nexthop, "the node's gateway router in the join network, in shared gateway mode", nil
			}
		}
		return "", "", fmt.Errorf("%s has no route without policy whose prefix is its next hop, as that to a gateway router in the join network", clusterRouter)
	}
	return "", "", fmt.Errorf("gateway mode %s is neither shared nor local", text(mode))
}

// inAny tells whether an address is in one of some subnets.
func inAny(subnets []string, address string) bool {
	ip, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(subnets, func(s string) bool {
		p, err := netip.ParsePrefix(s)
		return err == nil && p.Contains(ip)
	})
}
