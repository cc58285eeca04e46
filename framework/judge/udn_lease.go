package judge

import (
	"slices"
	"strconv"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// dhcpLease is PU-23: what the guest was given, and the row of OVN's that it was given from.
func (s subject) dhcpLease() {
	i, ok := s.primary()
	if !ok {
		return
	}
	w, subnet, ok := i.subnet()
	if !ok {
		return
	}
	address, ok := i.allotted()
	if !ok {
		return
	}
	row, ok := s.dhcpOptions(subnet.String())
	if !ok {
		return
	}
	// The facts know in which subnets the cluster's DNS Service is; which address it has is OVN's word to the guest.
	dns := strings.FieldsFunc(row.Options["dns_server"], func(r rune) bool { return strings.ContainsRune("{}, ", r) })
	s.n.Check(s.what("DHCP options of OVN: dns_server"), s.hostSource(), "Services' addresses, in "+list(s.facts.ServiceSubnets), "the Service subnets", list(dns),
		len(dns) > 0 && !slices.ContainsFunc(dns, func(ip string) bool { return !inAny(s.facts.ServiceSubnets, ip) }))
	router, mtu, hostname := host(subnet, 1).Addr().String(), networkMTU(w, s.facts), s.Spec.Name
	for _, o := range []struct{ option, want, why string }{
		{"router", router, "first address of " + subnet.String()},
		{"mtu", strconv.Itoa(mtu), "MTU of network " + i.key + ", or else of the cluster network"},
		{"hostname", hostname, "the VM's name"},
		{"lease_time", strconv.Itoa(leaseSeconds), "OVN-Kubernetes"},
		{"server_id", leaseServer, "OVN-Kubernetes"},
	} {
		s.n.Equal(s.what("DHCP options of OVN: "+o.option), s.hostSource(), o.want, o.why, row.Options[o.option])
	}
	lease, from, ok := i.lease()
	if !ok {
		return
	}
	n := s.n
	n.Equal(s.what("lease: address"), from, address, "the pod-networks annotation", lease.IP+"/"+strconv.Itoa(lease.Prefix))
	n.Equal(s.what("lease: router"), from, router, "first address of "+subnet.String(), lease.Router)
	n.Set(s.what("lease: dns"), from, dns, "OVN's row", lease.DNS)
	n.Equal(s.what("lease: mtu"), from, mtu, "MTU of network "+i.key+", or else of the cluster network", lease.MTU)
	n.Equal(s.what("lease: hostname"), from, hostname, "the VM's name", lease.Hostname)
	n.Equal(s.what("lease: seconds"), from, leaseSeconds, "OVN-Kubernetes", lease.Seconds)
	n.Equal(s.what("lease: server"), from, leaseServer, "OVN-Kubernetes", lease.Server)
}

// hostSource is where OVN's rows of the VM's node were read.
func (s subject) hostSource() Source {
	r := s.stage.Hosts[s.Pod.Value.Node].DHCP
	return Source{Place: r.Place, Command: r.Command}
}

// dhcpOptions is OVN's row for the VM and subnet on its node; that there is none is a comparison that fails.
func (s subject) dhcpOptions(subnet string) (model.DHCPOptions, bool) {
	pod, _, ok := Need(s.n, s.what("pod"), s.Pod)
	if !ok {
		return model.DHCPOptions{}, false
	}
	rows, from, ok := Need(s.n, "DHCP options on node "+pod.Node, s.stage.Hosts[pod.Node].DHCP)
	if !ok {
		return model.DHCPOptions{}, false
	}
	owner := s.Spec.Namespace + "/" + s.name
	at := slices.IndexFunc(rows, func(r model.DHCPOptions) bool { return r.Owner == owner && r.CIDR == subnet })
	if at < 0 {
		var found []string
		for _, r := range rows {
			found = append(found, r.Owner+" "+r.CIDR)
		}
		s.n.Has("DHCP options on node "+pod.Node, from, owner+" "+subnet, "OVN's DHCP server serves the VM", found)
		return model.DHCPOptions{}, false
	}
	return rows[at], true
}
