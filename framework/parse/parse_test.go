package parse

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

func recorded(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if !reflect.DeepEqual(want, got) {
		t.Errorf("%s:\nwant %+v\ngot  %+v", what, want, got)
	}
}

// refuses checks that an error is returned and that it names the thing.
func refuses(t *testing.T, words string, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("want an error with %q, got %v", words, err)
	}
}

func TestLinks(t *testing.T) {
	links, err := Links(recorded(t, "s1-vm-a/launcher-addr.json"))
	if err != nil {
		t.Fatal(err)
	}
	up := []string{"BROADCAST", "MULTICAST", "UP", "LOWER_UP"}
	same(t, "eth0", model.Link{
		Index: 2, Name: "eth0", Kind: "veth", MAC: "0a:58:0a:f4:00:0e", MTU: 1400, Flags: up, State: "UP", PeerIndex: 27,
		Addresses: []model.Address{
			{Family: "inet", CIDR: "10.244.0.14/24", Scope: "global"},
			{Family: "inet6", CIDR: "fe80::858:aff:fef4:e/64", Scope: "link"},
		},
	}, links[1])
	same(t, "tap0 kind, master", []string{"tun", "k6t-eth0"}, []string{links[3].Kind, links[3].Master})

	secondary, err := Links(recorded(t, "s2-vm-ps/launcher-addr.json"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range secondary {
		names = append(names, l.Name)
	}
	same(t, "links of s2-vm-ps", "lo eth0 ovn-udn1-nic 2eae7330186-nic k6t-ovn-udn1 tap0 ovn-udn1 k6t-2eae7330186 tap2eae7330186 pod2eae7330186", strings.Join(names, " "))

	filtered, err := Links(`[{},{"ifindex":2,"ifname":"eth0"}]`)
	if err != nil || len(filtered) != 1 {
		t.Errorf("a filtered list: %v, %v", filtered, err)
	}
	for text, words := range map[string]string{
		"":                   "empty answer",
		"Cannot find device": "Cannot find device",
		`[{"ifindex":7}]`:    "link 1 has no ifname",
		`[{"ifname":"eth0","addr_info":[{"local":"10.0.2","prefixlen":24}]}]`:    `link eth0: address "10.0.2"`,
		`[{"ifname":"eth0","addr_info":[{"local":"10.0.2.2","prefixlen":124}]}]`: "prefix length 124",
	} {
		_, err := Links(text)
		refuses(t, words, err)
	}
}

func TestRoutes(t *testing.T) {
	routes, err := Routes(recorded(t, "s1-vm-a/guest-route.json"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "default", model.Route{Family: "inet", Table: "main", Dst: "default", Via: "10.0.2.1", Dev: "eth0", Proto: "dhcp", Scope: "global", Src: "10.0.2.2", Metric: 100}, routes[0])
	same(t, "connected", model.Route{Family: "inet", Table: "main", Dst: "10.0.2.0/24", Dev: "eth0", Proto: "kernel", Scope: "link", Src: "10.0.2.2", Metric: 100}, routes[1])
	same(t, "local", model.Route{Family: "inet", Table: "local", Type: "local", Dst: "10.0.2.2/32", Dev: "eth0", Proto: "kernel", Scope: "host", Src: "10.0.2.2"}, routes[2])
	same(t, "last", model.Route{Family: "inet6", Table: "local", Type: "multicast", Dst: "ff00::/8", Dev: "eth0", Proto: "kernel", Scope: "global", Metric: 256}, routes[8])
	same(t, "rows", 9, len(routes))

	for text, want := range map[string][]model.Route{
		`[]`: {},
		`[{"dst":"default","gateway":"10.0.2.1","dev":"eth0","flags":[]}]`:               {{Family: "inet", Table: "main", Dst: "default", Via: "10.0.2.1", Dev: "eth0"}},
		`[{"type":"unreachable","dst":"default","dev":"lo","metric":4,"pref":"medium"}]`: {{Family: "inet6", Table: "main", Type: "unreachable", Dst: "default", Dev: "lo", Metric: 4}},
		`[{"dst":"default","nexthops":[{"gateway":"10.0.2.1","dev":"a"},{"gateway":"10.0.3.1","dev":"b"}]}]`: {
			{Family: "inet", Table: "main", Dst: "default", Via: "10.0.2.1", Dev: "a"}, {Family: "inet", Table: "main", Dst: "default", Via: "10.0.3.1", Dev: "b"}},
		`[{"dst":"192.0.2.7","via":{"family":"inet6","host":"fe80::1"},"dev":"eth0"}]`: {{Family: "inet", Table: "main", Dst: "192.0.2.7/32", Via: "fe80::1", Dev: "eth0"}},
	} {
		got, err := Routes(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		same(t, text, want, got)
	}
	for text, words := range map[string]string{
		" ":                                "empty answer",
		`[{"dst":"default"},{"dev":"x"}]`:  "row 2 has no dst",
		`[{"dst":"10.0.2.0/33"}]`:          `"10.0.2.0/33"`,
		`[{"dst":"default","metric":"x"}]`: "row 1",
	} {
		_, err := Routes(text)
		refuses(t, words, err)
	}
}

func TestPod(t *testing.T) {
	pod, err := Pod(recorded(t, "s1-vm-a/pod.json"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "pod", model.Pod{
		Name: "virt-launcher-vm-a-sb5jb", UID: "64279349-e776-459d-9234-7e6b65a24a77", Node: "n1", IPs: []string{"10.244.0.14"},
		Allotted: map[string]model.Allotment{"default": {CIDRs: []string{"10.244.0.14/24"}, MAC: "0a:58:0a:f4:00:0e", Gateways: []string{"10.244.0.1"}, Role: "primary"}},
	}, pod)

	udn, err := Pod(recorded(t, "s2-vm-ps/pod.json"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "roles", []string{"infrastructure-locked", "primary", "secondary"},
		[]string{udn.Allotted["default"].Role, udn.Allotted["s2/primary-udn"].Role, udn.Allotted["s2/secondary-udn"].Role})

	for text, words := range map[string]string{
		"":                  "empty answer",
		`{"kind":"Status"}`: `"Status"`,
		`{"metadata":{"name":"p","annotations":{"k8s.ovn.org/pod-networks":"{"}}}`: "pod p: annotation k8s.ovn.org/pod-networks",
	} {
		_, err := Pod(text)
		refuses(t, words, err)
	}
}

func TestVMI(t *testing.T) {
	vmi, err := VMI(recorded(t, "s1-vm-a/vmi.json"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "vmi", model.VMI{Phase: "Running", Node: "n1", Interfaces: []model.VMIInterface{
		{Name: "default", MAC: "02:86:5e:00:00:07", IP: "10.244.0.14", IPs: []string{"10.244.0.14"}, PodInterface: "eth0"}}}, vmi)
	_, err = VMI(recorded(t, "s1-vm-a/pod.json"))
	refuses(t, `"Pod"`, err)
	vmi, err = VMI(`{"metadata":{"name":"x"},"status":{"conditions":[{"type":"Ready","status":"True"},{"type":"Synchronized","status":"False","reason":"R","message":"m"}]}}`)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "conditions", []model.VMICondition{{Type: "Synchronized", Status: "False", Reason: "R", Message: "m"}}, vmi.Conditions)
}

func TestDomainAndQEMU(t *testing.T) {
	nics, err := Domain(recorded(t, "s2-vm-ps/domain.xml"))
	if err != nil {
		t.Fatal(err)
	}
	want := []model.NIC{
		{Device: "virtio-net-pci-non-transitional", ID: "hostua-default", MAC: "0a:58:0a:01:01:04", Tap: "tap0"},
		{Device: "virtio-net-pci-non-transitional", ID: "hostua-secondary-udn", MAC: "02:86:5e:00:00:0a", Tap: "tap2eae7330186"},
	}
	same(t, "domain", want, nics)

	qemu, err := QEMU(recorded(t, "qemu-cmdline.txt"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "qemu", []QEMUNIC{{NIC: model.NIC{Device: "virtio-net-pci-non-transitional", ID: "hostua-default", MAC: "02:86:5e:00:00:10"}, FDs: []int{19}}}, qemu)
	nul, err := QEMU(strings.ReplaceAll(recorded(t, "qemu-cmdline.txt"), "\n", "\x00"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "separated by NUL", qemu, nul)

	old, err := QEMU("qemu\n-netdev\ntap,fds=21:22,id=hostua-default\n-device\ne1000e,netdev=hostua-default,id=ua-default,mac=02:86:5E:00:00:07\n-device\nvirtio-rng-pci\n-netdev\ntap,ifname=tap7,id=n7\n-device\nvirtio-net-pci,netdev=n7,mac=02:00:00:00:00:07")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "key=value", []QEMUNIC{
		{NIC: model.NIC{Device: "e1000e", ID: "hostua-default", MAC: "02:86:5e:00:00:07"}, FDs: []int{21, 22}},
		{NIC: model.NIC{Device: "virtio-net-pci", ID: "n7", MAC: "02:00:00:00:00:07", Tap: "tap7"}},
	}, old)

	_, err = QEMU("\x00")
	refuses(t, "empty answer", err)
	_, err = QEMU("qemu\x00-device\x00{\"driver\":")
	refuses(t, "-device", err)
	for text, words := range map[string]string{"": "empty answer", "<domain>": "domain", "<pool/>": "<pool>", "<domain><name>v</name><devices><interface/></devices></domain>": "domain v: interface 1 has no mac"} {
		_, err := Domain(text)
		refuses(t, words, err)
	}
}

func TestTapOfFD(t *testing.T) {
	name, err := TapOfFD("pos:\t0\nflags:\t0104002\nmnt_id:\t24\nino:\t151\niff:\ttap0\n")
	if err != nil || name != "tap0" {
		t.Errorf("got %q, %v", name, err)
	}
	_, err = TapOfFD("pos:\t0\nflags:\t02\n")
	refuses(t, "not a tap", err)
}

func TestTable(t *testing.T) {
	ports, err := Table(recorded(t, "n1/nb-logical_switch_port.json"))
	if err != nil {
		t.Fatal(err)
	}
	p := ports[0]
	same(t, "uuid", "92dc1bc0-e6a0-464c-a90d-45a063fb0f59", p.UUID())
	same(t, "name", "s5_virt-launcher-vm-c-2q4gn", p.Text("name"))
	same(t, "addresses", []string{"0a:58:0a:f4:00:11 10.244.0.17"}, p.Texts("addresses"))
	same(t, "empty set", []string{}, p.Texts("tag"))
	same(t, "no such column", []string(nil), p.Texts("colour"))
	same(t, "map", map[string]string{"namespace": "s5", "pod": "true"}, p.Map("external_ids"))
	same(t, "up", true, p.Bool("up"))

	ovs, err := Table(recorded(t, "n1/ovs-config.json"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "mappings", "physnet:breth0,trunk:br-phys", ovs[0].Map("external_ids")["ovn-bridge-mappings"])
	same(t, "bridges", 3, len(ovs[0].Texts("bridges")))
	n, ok := ovs[0].Int("cur_cfg")
	same(t, "cur_cfg", []any{40, true}, []any{n, ok})

	for text, words := range map[string]string{
		"":                                      "empty answer",
		"{}":                                    "no headings",
		`{"headings":["a"],"data":[["x","y"]]}`: "row 1 has 2 cells",
		`{"headings":["a","b"],"data":[["x",["map",[["k"]]]]]}`: "row 1, column b",
		`{"headings":["a"],"data":[[["bag",[]]]]}`:              "column a",
		`{"headings":["a"],"data":[[null]]}`:                    "column a",
	} {
		_, err := Table(text)
		refuses(t, words, err)
	}
}

func TestClient(t *testing.T) {
	for text, want := range map[string]string{
		recorded(t, "s1-vm-a/egress.txt"): "192.168.77.11:37674",
		"[fd00::7]:80\n":                  "[fd00::7]:80",
		"[::ffff:10.244.0.14]:40312":      "10.244.0.14:40312",
	} {
		got, err := Client(text)
		if err != nil || got.String() != want {
			t.Errorf("%q: want %s, got %s, %v", text, want, got, err)
		}
	}
	for _, text := range []string{"", "10.244.0.14", "10.244.0.14:http", "404 page not found"} {
		_, err := Client(text)
		refuses(t, "is not address:port", err)
	}
}

func TestFlagsAndConfig(t *testing.T) {
	flags, err := Flags("/usr/bin/ovnkube\x00--init-node\x00n1\x00--cluster-subnets=10.244.0.0/16/24\x00-gateway-mode\x00shared\x00--enable-multi-network\x00--mtu\x001400\x00--allow-no-uplink\x00")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "flags", map[string]string{"init-node": "n1", "cluster-subnets": "10.244.0.0/16/24", "gateway-mode": "shared", "enable-multi-network": "true", "mtu": "1400", "allow-no-uplink": "true"}, flags)
	_, err = Flags("")
	refuses(t, "empty answer", err)

	config, err := Config("[default]\nmtu=1400\n[gateway]\nmode=shared\nv4-masquerade-subnet=\"169.254.0.0/17\"\n[ovnkubernetesfeature]\nenable-multi-network\n")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "config", map[string]string{"default.mtu": "1400", "gateway.mode": "shared", "gateway.v4-masquerade-subnet": "169.254.0.0/17", "ovnkubernetesfeature.enable-multi-network": "true"}, config)
	_, err = Config("[gateway\nmode=shared")
	refuses(t, "configuration", err)
}

func TestFrames(t *testing.T) {
	outside, err := Frames([]byte(recorded(t, "wire/outside.pcap")))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "frames at the outside peer", 19, len(outside))
	same(t, "outside", model.Frame{
		SrcMAC: "52:54:00:4d:00:02", DstMAC: "3e:e0:63:87:eb:30", Src: "192.168.77.12", Dst: "192.168.77.200",
		Proto: "tcp", SrcPort: 33450, DstPort: 8080, Length: 60, DontFragment: true}, outside[0])
	trunk, err := Frames([]byte(recorded(t, "wire/trunk-n2.pcap")))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range trunk {
		same(t, fmt.Sprintf("tags of frame %d on the trunk", i+1), []int{1924}, f.VLANs)
	}
	vlan, err := Frames([]byte(recorded(t, "wire/vlan1924.pcap")))
	if err != nil {
		t.Fatal(err)
	}
	protos := map[string]int{}
	for _, f := range vlan {
		if f.VLANs != nil {
			t.Errorf("a tag behind the access port: %+v", f)
		}
		protos[f.Proto]++
	}
	same(t, "protocols on the VLAN", map[string]int{"icmp": 4, "tcp": 53}, protos)
	cut := []byte(recorded(t, "wire/outside.pcap"))
	short, err := Frames(cut[:len(cut)-10])
	if err != nil {
		t.Fatal(err)
	}
	same(t, "frames of a file cut in its last record", 18, len(short))
	_, err = Frames(nil)
	refuses(t, "empty answer", err)
	_, err = Frames([]byte("tcpdump: eth9: No such device exists"))
	refuses(t, "not a pcap file", err)
}
