package observe

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// recordedLinks and recordedRoutes are of the places that the parsers are tested on.
func recordedLinks(t *testing.T, name string) []model.Link {
	t.Helper()
	links, err := parse.Links(recordedText(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return links
}

func recordedText(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "parse", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestBehind(t *testing.T) {
	host := recordedLinks(t, "n1/addr.json")
	localnet := look{links: recordedLinks(t, "s4-vm-l/launcher-addr.json")} // on another node
	udn := look{links: recordedLinks(t, "s2-vm-ps/launcher-addr.json"), host: host, nics: []model.NIC{
		{ID: "hostua-default", MAC: "0a:58:0a:01:01:04", Tap: "tap0"}, {ID: "ua-secondary-udn", MAC: "02:86:5e:00:00:0a", Tap: "tap2eae7330186"}}}
	for name, c := range map[string]struct {
		got, want ports
	}{
		"masquerade":      {localnet.behind(&model.NIC{Tap: "tap0"}, "eth0"), ports{tap: "tap0", bridge: "k6t-eth0", pod: "eth0"}},
		"bridge":          {localnet.behind(&model.NIC{Tap: "tap16711a0a730"}, "eth0"), ports{tap: "tap16711a0a730", bridge: "k6t-16711a0a730", pod: "16711a0a730-nic"}},
		"primary UDN":     {udn.behind(udn.nicFor("default"), "eth0"), ports{"tap0", "k6t-ovn-udn1", "ovn-udn1-nic", "20cd1cebef12c_3", "ovs-system"}},
		"secondary UDN":   {udn.behind(udn.nicWith("02:86:5E:00:00:0A"), "eth0"), ports{"tap2eae7330186", "k6t-2eae7330186", "2eae7330186-nic", "20cd1cebef12c_4", "ovs-system"}},
		"a pod's own":     {udn.behind(nil, "eth0"), ports{pod: "eth0", host: "20cd1cebef12c09", master: "ovs-system"}},
		"no tap is known": {udn.behind(&model.NIC{}, "eth0"), ports{pod: "eth0", host: "20cd1cebef12c09", master: "ovs-system"}},
	} {
		if c.got != c.want {
			t.Errorf("%s: %+v, want %+v", name, c.got, c.want)
		}
	}
	if udn.nicFor("other") != nil || udn.nicWith("") != nil {
		t.Error("a NIC that nobody has")
	}
}

func TestToward(t *testing.T) {
	routes, err := parse.Routes(recordedText(t, "s4-vm-l/guest-route.json"))
	if err != nil {
		t.Fatal(err)
	}
	v := model.VMView{Guest: model.GuestView{Routes: seen(routes)}}
	for address, want := range map[string]string{"192.0.2.1": "eth1", "192.168.77.200": "eth0", "10.0.2.1": "eth0", "": "eth0"} {
		if got := toward(v, address); got != want {
			t.Errorf("%s goes by %q, want %s", address, got, want)
		}
	}
	if got := toward(model.VMView{}, "192.0.2.1"); got != "" {
		t.Errorf("without routes: %q", got)
	}
}

func TestReadBridges(t *testing.T) {
	got, err := readBridges("mapping physnet breth0\nport breth0 eth0 \nport breth0 breth0 internal\nport breth0 patch-breth0_n2-to-br-int patch\n" +
		"mapping trunk br-phys\nport br-phys eth1 system\nport br-phys br-phys internal\n")
	want := bridges{mappings: map[string]string{"physnet": "breth0", "trunk": "br-phys"},
		physical: map[string][]string{"breth0": {"eth0"}, "br-phys": {"eth1"}}, patched: map[string]bool{"breth0": true, "br-phys": false}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if none, err := readBridges(""); err != nil || len(none.mappings) > 0 {
		t.Errorf("none: %+v, %v", none, err)
	}
	if _, err := readBridges("ovs-vsctl: no bridge named br-x"); err == nil {
		t.Error("an error message is taken")
	}
	s := switching{bridges: seen(want)}
	if link, err := s.physicalOf("br-phys"); err != nil || link != "eth1" {
		t.Errorf("%s, %v", link, err)
	}
	if _, err := s.physicalOf("br-none"); err == nil {
		t.Error("a bridge without links")
	}
	if _, err := (switching{}).physicalOf("br-phys"); err == nil {
		t.Error("nobody looked")
	}
}
