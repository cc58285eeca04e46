package judge

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// What to expect, as functions of facts, spec and allotment. Each says whose rule it is.

// masqueradeBridgeMAC is the MAC of every masquerade bridge, so that a guest keeps its neighbour entry
// (KubeVirt, pkg/network/setup/netpod: StaticMasqueradeBridgeMAC).
const masqueradeBridgeMAC = "02:00:00:00:00:00"

// defaultGuestSubnet is the subnet of a masquerade interface without vmNetworkCIDR
// (KubeVirt, pkg/virt-launcher/virtwrap/api: DefaultVMCIDR).
const defaultGuestSubnet = "10.0.2.0/24"

// clusterInterface is the pod's interface on the cluster's default network (CNI's name for the first).
const clusterInterface = "eth0"

// defaultNetwork is the default network's name in the pod-networks annotation (OVN-Kubernetes, pkg/types).
const defaultNetwork = "default"

// guestSubnet is the subnet between bridge and guest of a masquerade interface.
func guestSubnet(i model.InterfaceSpec) (netip.Prefix, error) {
	cidr := i.VMNetworkCIDR
	if cidr == "" {
		cidr = defaultGuestSubnet
	}
	p, err := netip.ParsePrefix(cidr)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("interface %s: vmNetworkCIDR: %w", i.Name, err)
	}
	return p.Masked(), nil
}

// host gives the n-th host of a subnet with the subnet's prefix: KubeVirt's masquerade gives the first to the bridge,
// the guest's gateway, and the second to the guest (pkg/network/setup/netpod, vmNetworkCIDR).
func host(subnet netip.Prefix, n int) netip.Prefix {
	ip := subnet.Masked().Addr()
	for range n {
		ip = ip.Next()
	}
	return netip.PrefixFrom(ip, subnet.Bits())
}

// podMAC is the MAC that OVN-Kubernetes derives from an IPv4 address of a pod or router: 0a:58 and the address
// (go-controller/pkg/util: IPAddrToHWAddr).
func podMAC(ip netip.Addr) string {
	b := ip.As4()
	return fmt.Sprintf("0a:58:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3])
}

// podInterface is the name of a VM's pod interface: for the pod network eth0, or ovn-udn1 where a primary user-defined
// network takes its place, which is what l2bridge is for; else "pod" and the first eleven hex digits of SHA-256 of the
// network's name in the VM's spec (KubeVirt, pkg/network/namescheme).
func podInterface(i model.InterfaceSpec) string {
	switch {
	case i.Network == "" && i.Binding == l2Bridge:
		return udnInterface
	case i.Network == "":
		return clusterInterface
	}
	const digits = 11
	sum := sha256.Sum256([]byte(i.Name))
	return "pod" + hex.EncodeToString(sum[:])[:digits]
}

// bridgeName is the bridge between a pod interface and its tap (KubeVirt, pkg/network/link: GenerateBridgeName).
func bridgeName(podIface string) string { return "k6t-" + strings.TrimPrefix(podIface, "pod") }

// tapName is the tap behind a pod interface: tap0 for the primary, else named after it
// (KubeVirt, pkg/network/link: GenerateTapDeviceName).
func tapName(podIface string) string {
	if hash, ok := strings.CutPrefix(podIface, "pod"); ok {
		return "tap" + hash
	}
	return "tap0"
}

// movedName is what becomes of a pod's veth whose name a dummy takes over in the bridge bindings
// (KubeVirt, pkg/network/link: GenerateNewBridgedVmiInterfaceName).
func movedName(podIface string) string { return strings.TrimPrefix(podIface, "pod") + "-nic" }

// logicalPort is the name of a pod's logical port on the default network, and the iface-id of its OVS interface
// (OVN-Kubernetes, go-controller/pkg/util: GetLogicalPortName).
func logicalPort(namespace, pod string) string { return namespace + "_" + pod }

// routeMetric is the metric of the routes over a guest's n-th network device, counted from 0, in both guest profiles:
// NetworkManager gives the first Ethernet device 100 and each further one 1 more, and the small guest's DHCP client does
// the same.
func routeMetric(nic int) int { return 100 + nic }

// masqueradeIPs are the two addresses of the masquerade subnet that a primary network owns, by its ID: the gateway
// router's and the management port's (OVN-Kubernetes, go-controller/pkg/generator/udn: masquerade_ips.go;
// the first ten are the default network's and the node's).
func masqueradeIPs(subnet netip.Prefix, id int) (gateway, management netip.Addr) {
	ip := subnet.Masked().Addr()
	for range masqueradeReserved + 2*id - 1 {
		ip = ip.Next()
	}
	return ip, ip.Next()
}

const masqueradeReserved = 10

// serviceName is the name that the cluster's DNS knows a Service by (Kubernetes DNS specification, 2.3).
func serviceName(s model.Service, clusterDomain string) string {
	return s.Name + "." + s.Namespace + ".svc." + clusterDomain
}

// allottedIPv4 are the IPv4 addresses that a network gave to a pod.
func allottedIPv4(p model.Pod, network string) ([]netip.Addr, error) {
	prefixes, err := allottedPrefixes(p, network)
	ips := make([]netip.Addr, 0, len(prefixes))
	for _, c := range prefixes {
		ips = append(ips, c.Addr())
	}
	return ips, err
}

// allottedPrefix is the first of them, with its prefix.
func allottedPrefix(p model.Pod, network string) (netip.Prefix, error) {
	prefixes, err := allottedPrefixes(p, network)
	if err != nil {
		return netip.Prefix{}, err
	}
	return prefixes[0], nil
}

func allottedPrefixes(p model.Pod, network string) ([]netip.Prefix, error) {
	a, ok := p.Allotted[network]
	if !ok {
		return nil, fmt.Errorf("pod %s: the pod-networks annotation has no network %q", p.Name, network)
	}
	var prefixes []netip.Prefix
	for _, cidr := range a.CIDRs {
		c, err := netip.ParsePrefix(cidr)
		if err != nil {
			return nil, fmt.Errorf("pod %s: pod-networks annotation, network %s: %w", p.Name, network, err)
		}
		if c.Addr().Is4() {
			prefixes = append(prefixes, c)
		}
	}
	if len(prefixes) == 0 {
		return nil, fmt.Errorf("pod %s: pod-networks annotation, network %s: no IPv4 address among %s", p.Name, network, list(a.CIDRs))
	}
	return prefixes, nil
}
