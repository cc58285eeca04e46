package judge

import (
	"net/netip"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

func equal(t *testing.T, what string, want, got any) {
	t.Helper()
	if want != got {
		t.Errorf("%s: want %v, got %v", what, want, got)
	}
}

// The values are those of the slides, and those of shared observations of a real cluster.
func TestOracle(t *testing.T) {
	standard, err := guestSubnet(model.InterfaceSpec{Name: "default"})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "gateway", "10.0.2.1/24", host(standard, 1).String())
	equal(t, "guest", "10.0.2.2/24", host(standard, 2).String())
	own, err := guestSubnet(model.InterfaceSpec{VMNetworkCIDR: "10.9.8.0/28"})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "custom guest", "10.9.8.2/28", host(own, 2).String())
	if _, err := guestSubnet(model.InterfaceSpec{VMNetworkCIDR: "10.9.8"}); err == nil {
		t.Error("a vmNetworkCIDR without prefix is accepted")
	}

	equal(t, "pod MAC", "0a:58:0a:f4:00:0e", podMAC(netip.MustParseAddr("10.244.0.14")))
	equal(t, "logical port", "s5_virt-launcher-vm-c-2q4gn", logicalPort("s5", "virt-launcher-vm-c-2q4gn"))

	primary := podInterface(model.InterfaceSpec{Name: "default"})
	equal(t, "primary", "eth0 k6t-eth0 tap0", primary+" "+bridgeName(primary)+" "+tapName(primary))
	for network, hash := range map[string]string{"secondary-udn": "2eae7330186", "vlan-1924": podInterface(model.InterfaceSpec{Name: "vlan-1924", Network: "n"})[3:]} {
		pod := podInterface(model.InterfaceSpec{Name: network, Network: "ns/nad"})
		equal(t, network, "pod"+hash+" k6t-"+hash+" tap"+hash+" "+hash+"-nic", pod+" "+bridgeName(pod)+" "+tapName(pod)+" "+movedName(pod))
	}
	equal(t, "moved primary", "ovn-udn1-nic", movedName("ovn-udn1"))

	base := netip.MustParsePrefix("169.254.0.0/17")
	for id, want := range map[int]string{1: "169.254.0.11 169.254.0.12", 2: "169.254.0.13 169.254.0.14", 130: "169.254.1.13 169.254.1.14"} {
		gateway, management := masqueradeIPs(base, id)
		equal(t, "masquerade IPs", want, gateway.String()+" "+management.String())
	}
	equal(t, "service", "echo.s1.svc.cluster.local", serviceName(model.Service{Name: "echo", Namespace: "s1"}, "cluster.local"))
	equal(t, "metrics", [2]int{100, 101}, [2]int{routeMetric(0), routeMetric(1)})
}

func TestEndpoint(t *testing.T) {
	for target, want := range map[string]struct {
		host string
		port int
	}{
		"10.244.0.14":                         {"10.244.0.14", 0},
		"fd00::7":                             {"fd00::7", 0},
		"10.244.0.14:8080":                    {"10.244.0.14", 8080},
		"[fd00::7]:80":                        {"fd00::7", 80},
		"http://192.168.77.200:8080/clientip": {"192.168.77.200", 8080},
		"http://echo.s1.svc.cluster.local/x":  {"echo.s1.svc.cluster.local", 80},
		"http://[fd00::7]:8080/":              {"fd00::7", 8080},
		"echo.s1.svc.cluster.local":           {"echo.s1.svc.cluster.local", 0},
	} {
		host, port, err := endpoint(target)
		if err != nil || host != want.host || port != want.port {
			t.Errorf("%s: %s, %d, %v", target, host, port, err)
		}
	}
	for _, target := range []string{"", "http://", "http://a b/", ":80"} {
		if host, _, err := endpoint(target); err == nil {
			t.Errorf("%q is read as host %q", target, host)
		}
	}
}
