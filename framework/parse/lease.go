package parse

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// leaseNames are the names of what a DHCP server gives: udhcpc's and, in their stead, NetworkManager's
// (src/libnm-core-aux-intern: nm-dhcp options by their RFC 2132 names).
var leaseNames = map[string]string{
	"ip_address": "ip", "subnet_mask": "mask", "routers": "router", "domain_name_servers": "dns", "interface_mtu": "mtu",
	"dhcp_lease_time": "lease", "host_name": "hostname", "dhcp_server_identifier": "serverid",
}

// Leases reads what a guest's DHCP clients were given, as lines NAME=VALUE, a NIC's after the line nic=NAME. Names are
// those of udhcpc's hooks or NetworkManager's. A NIC without address has no lease.
func Leases(text string) (map[string]model.Lease, error) {
	leases := map[string]model.Lease{}
	nic := ""
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		k, v, ok := strings.Cut(line, "=")
		switch {
		case line == "":
			continue
		case !ok:
			return nil, fmt.Errorf("leases: %q is not NAME=VALUE", clip(line))
		case k == "nic":
			nic = v
			continue
		case nic == "":
			return nil, fmt.Errorf("leases: %q before any nic=NAME", clip(line))
		}
		l := leases[nic]
		if err := leaseField(&l, k, strings.TrimSpace(v)); err != nil {
			return nil, fmt.Errorf("leases: %s: %s=%s: %w", nic, k, clip(v), err)
		}
		leases[nic] = l
	}
	for name, l := range leases {
		if l.IP == "" {
			delete(leases, name)
		}
	}
	return leases, nil
}

func leaseField(l *model.Lease, name, value string) (err error) {
	if n, ok := leaseNames[name]; ok {
		name = n
	}
	switch name {
	case "ip":
		l.IP, err = address(value)
	case "mask":
		l.Prefix, err = prefixLength(value)
	case "router":
		l.Router, _, _ = strings.Cut(value, " ") // further ones are for when the first is gone
	case "dns":
		l.DNS = strings.Fields(value)
	case "mtu":
		l.MTU, err = strconv.Atoi(value)
	case "lease":
		l.Seconds, err = strconv.Atoi(value)
	case "hostname":
		l.Hostname = value
	case "serverid":
		l.Server = value
	}
	return err
}

// prefixLength reads a mask as bits or in dots.
func prefixLength(s string) (int, error) {
	const most = 32
	if n, err := strconv.Atoi(s); err == nil {
		if n < 0 || n > most {
			return 0, errors.New("no prefix length")
		}
		return n, nil
	}
	ip, err := netip.ParseAddr(s)
	if err != nil || !ip.Is4() {
		return 0, errors.New("neither a prefix length nor a mask")
	}
	bits := ip.As4()
	ones, size := net.IPMask(bits[:]).Size()
	if size == 0 {
		return 0, errors.New("a mask with holes")
	}
	return ones, nil
}
