package scenario

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// leaseTime outlives every run, as dnsmasq has it.
const leaseTime = "12h"

// routerless are the VMs that get no router from DHCP, by name: the other ones do.
var routerless = []string{"vm-m", "vm-d"}

// dhcpConfigOf is dnsmasq's configuration: addresses of the half of the subnet that the peer is not in, the peer as router,
// no DNS.
func dhcpConfigOf(p bed.VLANPeer, link, folder string) (string, error) {
	first, last, err := dhcpRange(p)
	if err != nil {
		return "", err
	}
	mask := net.IP(net.CIDRMask(p.Prefix, 32)).String()
	return strings.Join([]string{
		"port=0", // no DNS
		"interface=" + link, "except-interface=lo", "bind-interfaces",
		"no-ping", // a client waits for three seconds while it looks whether an address is free
		"dhcp-authoritative", "log-dhcp",
		"dhcp-range=" + first.String() + "," + last.String() + "," + mask + "," + leaseTime,
		"dhcp-option=option:router," + p.Address,
		"dhcp-option=tag:" + routerlessTag + ",option:router", // empty: not sent
		"dhcp-hostsfile=" + folder + "/" + DHCPHosts,
		"dhcp-leasefile=" + folder + "/" + DHCPLeases,
		"",
	}, "\n"), nil
}

const routerlessTag = "norouter"

// dhcpHosts are the MACs that get no router.
func dhcpHosts(macs []string) string {
	var b strings.Builder
	for _, mac := range macs {
		b.WriteString(mac + ",set:" + routerlessTag + "\n")
	}
	return b.String()
}

// dhcpRange is the half of the VLAN's subnet that the peer's address is not in, without the subnet's own and its broadcast.
func dhcpRange(p bed.VLANPeer) (first, last netip.Addr, err error) {
	subnet, ok := p.Subnet()
	if !ok {
		return first, last, fmt.Errorf("%s/%d is no IPv4 subnet", p.Address, p.Prefix)
	}
	own, err := netip.ParseAddr(p.Address)
	if err != nil {
		return first, last, err
	}
	size := uint32(1) << (32 - p.Prefix)
	start := number(subnet.Addr())
	middle := start + size/2
	if number(own) >= middle {
		return address(start + 1), address(middle - 1), nil
	}
	return address(middle), address(start + size - 2), nil
}

func number(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func address(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

// routerlessMACs are the MACs of routerless' NICs, by the manifests of all scenarios on the physical side, whose server is
// theirs together.
func routerlessMACs() ([]string, error) {
	var macs []string
	for _, name := range Names() {
		d := definitions[name]
		if !d.physical {
			continue
		}
		objects, err := load(name, append([]string{d.namespaces}, d.deployed(true)...)...)
		if err != nil {
			return nil, err
		}
		macs = append(macs, routerlessOf(objects)...)
	}
	slices.Sort(macs)
	return slices.Compact(macs), nil
}

func routerlessOf(objects []client.Object) []string {
	var macs []string
	for _, vm := range virtualMachines(objects) {
		if !slices.Contains(routerless, vm.Name) {
			continue
		}
		for _, i := range vm.Spec.Template.Spec.Domain.Devices.Interfaces {
			if i.MacAddress != "" {
				macs = append(macs, strings.ToLower(i.MacAddress))
			}
		}
	}
	return macs
}
