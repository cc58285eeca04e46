package judge

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// Each rule holds against what a real cluster answered: testdata/observed is of namespace s2, nodes n1 and n2, with a
// primary network of ID 5, in shared gateway mode.
func TestOracleUDN(t *testing.T) {
	o := observed(t, "objects")
	var attachments answers
	decoded(t, o["nad"], &attachments)
	nad := parsed(t, parse.NAD, attachments[primaryNetwork])
	w := model.Network{NetworkName: nad.Name, ID: nad.ID, Asked: nad.Made}
	equal(t, "network", networkName("s2", primaryNetwork), nad.Name)
	subnet, err := subnetOf(w)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "MTU", 1400, networkMTU(w, composedFacts()))
	equal(t, "its own MTU", 1300, networkMTU(model.Network{Asked: model.NetworkSpec{MTU: 1300}}, composedFacts()))

	gateway, management, err := ownMasqueradeIPs(w, composedFacts())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"n1", "n2"} {
		a := observed(t, n)
		router := gatewayRouter(w.NetworkName, n)
		rows := parsed(t, parse.NAT, a["nat"], a["logical_router"])
		own := func(r model.NATRow) bool { return r.Router == router }
		equal(t, "masquerade IPs on "+router, list([]string{gateway.String(), management.String()}), list(externalIPs(rows, own)))
		leaving := func(r model.NATRow) bool {
			return own(r) && strings.Contains(r.Match, "outport") && r.LogicalIP == subnet.String()
		}
		shared, err := masqueraded("shared", gateway, management)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "what leaves "+router, shared.String(), list(externalIPs(rows, leaving)))
		byPort := func(r model.NATRow) bool { return own(r) && strings.Contains(r.Match, podMAC(host(subnet, 2).Addr())) }
		local, err := masqueraded("local", gateway, management)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "what leaves by the management port", local.String(), list(externalIPs(rows, byPort)))
		links := parsed(t, parse.Links, a["links"])
		if own := host(netip.MustParsePrefix("169.254.0.0/17"), hostMasquerade).String(); !slices.Contains(ipv4(links[0]), own) {
			t.Errorf("%s of node %s has %v, not %s", links[0].Name, n, ipv4(links[0]), own)
		}
		routes := parsed(t, parse.StaticRoutes, a["logical_router_static_route"], a["logical_router"])
		pods := netip.MustParsePrefix("10.244." + map[string]string{"n1": "0", "n2": "1"}[n] + ".0/24")
		next, _, err := egressNexthop("shared", pods, routes)
		if err != nil || !slices.ContainsFunc(routes, func(r model.OVNRoute) bool {
			return r.Router == clusterRouter && r.Policy == "src-ip" && r.Prefix == pods.String() && r.Nexthop == next
		}) {
			t.Errorf("node %s: %s, %v", n, next, err)
		}
		port, _, err := egressNexthop("local", pods, nil)
		if err != nil || !strings.HasPrefix(ipv4(links[1])[0], port+"/") {
			t.Errorf("node %s: management port %v, want %s, %v", n, ipv4(links[1]), port, err)
		}
		for _, r := range parsed(t, parse.DHCPOptions, a["dhcp_options"]) {
			if r.CIDR == subnet.String() {
				equal(t, r.Owner, fmt.Sprint(leaseSeconds, " ", leaseServer, " ", host(subnet, 1).Addr()), r.Options["lease_time"]+" "+r.Options["server_id"]+" "+r.Options["router"])
			}
		}
	}
	equal(t, "default network's router", "GR_n1", gatewayRouter("", "n1"))
	for _, mode := range []string{"", "routed"} {
		if _, err := masqueraded(mode, gateway, management); err == nil {
			t.Errorf("gateway mode %q has a masquerade IP", mode)
		}
		if _, _, err := egressNexthop(mode, subnet, nil); err == nil {
			t.Errorf("gateway mode %q has a next hop", mode)
		}
	}
	for _, id := range []string{"", "0", "-1", "x"} {
		if _, err := networkID(model.Network{ID: id}); err == nil {
			t.Errorf("%q is a network ID", id)
		}
	}
	equal(t, "room", 21, masqueradeRoom(5)) // .0 to .20
}

func TestOracleLauncher(t *testing.T) {
	primary := model.InterfaceSpec{Name: "default", Binding: l2Bridge}
	second := model.InterfaceSpec{Name: "secondary-udn", Binding: "bridge", MAC: "02:86:5e:00:00:0a", Network: "secondary-udn"}
	for file, interfaces := range map[string][]model.InterfaceSpec{"s2-vm-p": {primary}, "s2-vm-q": {primary}, "s2-vm-ps": {primary, second}} {
		a := observed(t, file)
		links := parsed(t, parse.Links, a["launcherLinks"])
		want, got := launcherNames(model.VMSpec{Interfaces: interfaces}), linkNames(links)
		slices.Sort(want)
		slices.Sort(got)
		equal(t, file+"'s links", list(want), list(got))
		p := parsed(t, parse.Pod, a["pod"])
		equal(t, file+"'s roles", roleLocked+" "+rolePrimary, p.Allotted[defaultNetwork].Role+" "+p.Allotted["s2/primary-udn"].Role)
		at, err := allottedPrefix(p, "s2/primary-udn")
		if err != nil {
			t.Fatal(err)
		}
		equal(t, file+"'s gateway", host(at, 1).Addr().String(), list(p.Allotted["s2/primary-udn"].Gateways))
		for _, l := range links {
			if l.Name == udnInterface {
				equal(t, file+"'s MAC", podMAC(at.Addr()), l.MAC)
			}
			if len(interfaces) > 1 && l.Name == bridgeName(podInterface(second)) {
				equal(t, file+"'s "+l.Name, serverAddress(1)+"/32", list(ipv4(l)))
				if misc := a.text(t, "guestMisc"); !strings.Contains(misc, "server "+serverAddress(1)) {
					t.Errorf("%s: no lease from %s: %s", file, serverAddress(1), misc)
				}
			}
		}
	}
	subnet := netip.MustParsePrefix("10.1.1.0/24")
	equal(t, "first on a primary network", "10.1.1.3", firstAllotted(subnet, rolePrimary).String())
	first := parsed(t, parse.Pod, observed(t, "s2-vm-p")["pod"])
	equal(t, "first on s2's", "10.1.1.3/24", first.Allotted["s2/primary-udn"].CIDRs[0])
	equal(t, "first on a secondary network", "10.2.2.1", firstAllotted(netip.MustParsePrefix("10.2.2.0/24"), roleSecondary).String())
	equal(t, "first on s2's secondary one", "10.2.2.1/24", parsed(t, parse.Pod, observed(t, "s2-vm-ps")["pod"]).Allotted["s2/secondary-udn"].CIDRs[0])
}

// A node that a guest's gateway leads to is found by the MAC that the guest holds for it.
func TestGatewayMAC(t *testing.T) {
	for file, node := range map[string]string{"s2-vm-p": "n1", "s2-vm-q": "n2", "s2-vm-ps": "n1"} {
		var rows []struct{ Dst, Lladdr string }
		if err := json.Unmarshal(observed(t, file)["guestNeighbours"], &rows); err != nil {
			t.Fatal(err)
		}
		o := composed(t, PrimaryUDN)
		s := members(&Notebook{}, o, model.Steady, []string{"vm-p"})[0]
		for _, r := range rows {
			if r.Dst == "10.1.1.1" {
				equal(t, file, node, s.routerWith(s.stage.Networks[primaryNetwork].Value, netip.MustParsePrefix("10.1.1.0/24"), "elsewhere", r.Lladdr))
			}
		}
	}
}
