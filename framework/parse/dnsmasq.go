package parse

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
)

// ServedLeases reads dnsmasq's lease file, in its order: a line a lease, as "EXPIRES MAC IP HOSTNAME CLIENT-ID", with * for
// a name that is not known and 0 for a lease without end (dnsmasq, src/lease.c, lease_update_file). An empty file holds no
// lease. What follows the line "duid …" is DHCPv6's and left out.
func ServedLeases(text string) ([]model.ServedLease, error) {
	var leases []model.ServedLease
	for i, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if fields[0] == "duid" {
			break
		}
		l, err := servedLease(fields)
		if err != nil {
			return nil, fmt.Errorf("dnsmasq's leases: line %d: %w in %q", i+1, err, clip(line))
		}
		leases = append(leases, l)
	}
	return leases, nil
}

func servedLease(fields []string) (l model.ServedLease, err error) {
	const expires, mac, ip, hostname, all = 0, 1, 2, 3, 5
	if len(fields) != all {
		return l, fmt.Errorf("%d fields, want %d", len(fields), all)
	}
	seconds, err := strconv.ParseUint(fields[expires], 10, 32)
	if err != nil {
		return l, fmt.Errorf("expiry: %w", err)
	}
	if seconds > 0 {
		l.Expires = time.Unix(int64(seconds), 0).UTC() //nolint:gosec // of 32 bits
	}
	hardware, err := net.ParseMAC(fields[mac])
	if err != nil {
		return l, fmt.Errorf("MAC: %w", err) // another kind of hardware has its number before it
	}
	l.MAC = hardware.String()
	if l.IP, err = address(fields[ip]); err != nil {
		return l, fmt.Errorf("IP: %w", err)
	}
	if fields[hostname] != "*" {
		l.Hostname = fields[hostname]
	}
	return l, nil
}
