package parse

import (
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

func TestConntrack(t *testing.T) {
	entries, err := Conntrack(recorded(t, "wire/conntrack-egress-n1.txt"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "entries", 20, len(entries))
	const peer = "192.168.77.200"
	same(t, "at the network's router", model.Conntrack{Proto: "tcp", Zone: 27,
		Original: model.Tuple{Src: "10.1.1.4", Dst: peer, SrcPort: 51322, DstPort: 8080},
		Reply:    model.Tuple{Src: peer, Dst: "169.254.0.19", SrcPort: 8080, DstPort: 35701}}, entries[2])
	same(t, "at the node edge", model.Conntrack{Proto: "tcp", Mark: 8, Zone: 64000,
		Original: model.Tuple{Src: "169.254.0.19", Dst: peer, SrcPort: 35701, DstPort: 8080},
		Reply:    model.Tuple{Src: peer, Dst: "192.168.77.11", SrcPort: 8080, DstPort: 35701}}, entries[14])
	same(t, "without a zone", 0, entries[3].Zone)

	entries, err = Conntrack(recorded(t, "n1/conntrack.txt") +
		"ipv4     2 icmp     1 29 src=10.1.1.3 dst=10.1.1.5 type=8 code=0 id=5 src=10.1.1.5 dst=10.1.1.3 type=0 code=0 id=5 mark=0 zone=41 use=1\n" +
		"conntrack v1.4.8 (conntrack-tools): 4 flow entries have been shown.\n")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "nobody replied", model.Conntrack{Proto: "udp",
		Original: model.Tuple{Src: "192.168.77.11", Dst: "192.168.77.12", SrcPort: 16627, DstPort: 6081},
		Reply:    model.Tuple{Src: "192.168.77.12", Dst: "192.168.77.11", SrcPort: 6081, DstPort: 16627}}, entries[2])
	same(t, "a ping", model.Conntrack{Proto: "icmp", Zone: 41,
		Original: model.Tuple{Src: "10.1.1.3", Dst: "10.1.1.5"}, Reply: model.Tuple{Src: "10.1.1.5", Dst: "10.1.1.3"}}, entries[3])
	none, err := Conntrack("")
	if err != nil || len(none) != 0 {
		t.Errorf("no entry: %v, %v", none, err)
	}
	for text, words := range map[string]string{
		"tcp 6 5 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2": "line 1: no two tuples",
		"\nsrc=10.0.0.1 dst=10.0.0.2":                       "line 2: no protocol",
		"tcp 6 5 sport=1":                                   "sport before src",
		"tcp 6 5 src=10.0.0 dst=10.0.0.2":                   "src:",
		"tcp 6 5 src=10.0.0.1 dst=10.0.0.2 sport=70000":     "sport:",
		"tcp src=10.0.0.1 dst=10.0.0.2 src=10.0.0.1 dst=10.0.0.2 src=10.0.0.1 dst=10.0.0.2": "more than two",
	} {
		_, err := Conntrack(text)
		refuses(t, words, err)
	}
}

func TestNAT(t *testing.T) {
	rows, err := NAT(recorded(t, "n1/nb-nat.json") + recorded(t, "n1/nb-logical_router.json"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "rows", 6, len(rows))
	same(t, "to the node edge", model.NATRow{UUID: "1e99ea50-d4f2-4bdb-b86f-2a655b8a5f6e", Router: "GR_s2_primary.udn_n1", Network: "s2_primary-udn",
		Type: "snat", LogicalIP: "10.1.1.0/24", ExternalIP: "169.254.0.19", Match: `outport == "rtoe-GR_s2_primary.udn_n1"`}, rows[0])
	same(t, "to the management port", model.NATRow{UUID: "ca1d1b99-5d4f-4c87-b049-c378148cea01", Router: "GR_s2_primary.udn_n1", Network: "s2_primary-udn",
		Type: "snat", LogicalIP: "10.1.1.0/24", ExternalIP: "169.254.0.20", LogicalPort: "rtoj-GR_s2_primary.udn_n1", Match: "eth.dst == 0a:58:0a:01:01:02"}, rows[1])
	same(t, "default network's", []string{"GR_n1", "", "192.168.77.11"}, []string{rows[5].Router, rows[5].Network, rows[5].ExternalIP})

	routers := `{"headings":["name","nat"],"data":[["r",["set",[]]]]}`
	lost, err := NAT(`{"headings":["_uuid","type","external_ip","logical_ip"],"data":[[["uuid","u"],"snat","192.0.2.1","10.0.0.0/8"]]}` + routers)
	if err != nil || len(lost) != 1 || lost[0].Router != "" {
		t.Errorf("a rule without router: %+v, %v", lost, err)
	}
	for text, words := range map[string]string{
		"":                                "there are 0, want 2",
		recorded(t, "n1/nb-nat.json"):     "there are 1, want 2",
		recorded(t, "n1/nb-nat.json")[1:]: "ovsdb table 1",
		`{"headings":["_uuid"],"data":[[["uuid","u"]]]}` + routers:             "row 1 has no column type",
		`{"headings":["_uuid"],"data":[]}{"headings":["name"],"data":[["r"]]}`: "routers: row 1 has no column nat",
	} {
		_, err := NAT(text)
		refuses(t, words, err)
	}
}

func TestStaticRoutes(t *testing.T) {
	routes, err := StaticRoutes(recorded(t, "n1/nb-logical_router_static_route.json") + recorded(t, "n1/nb-logical_router.json"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "rows", 11, len(routes))
	same(t, "default", model.OVNRoute{Router: "GR_s2_primary.udn_n1", Prefix: "0.0.0.0/0", Nexthop: "192.168.77.1", Port: "rtoe-GR_s2_primary.udn_n1"}, routes[2])
	same(t, "by source", model.OVNRoute{Router: "ovn_cluster_router", Prefix: "10.244.0.0/24", Nexthop: "100.64.0.2", Policy: "src-ip"}, routes[8])
	_, err = StaticRoutes(recorded(t, "n1/nb-nat.json") + recorded(t, "n1/nb-logical_router.json"))
	refuses(t, "no column ip_prefix", err)
}

func TestDHCPOptions(t *testing.T) {
	rows, err := DHCPOptions(recorded(t, "n1/nb-dhcp_options.json"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "rows", 5, len(rows))
	same(t, "vm-p's", model.DHCPOptions{Owner: "s2/vm-p", CIDR: "10.1.1.0/24", Options: map[string]string{
		"dns_server": "10.96.0.10", "hostname": "vm-p", "lease_time": "3500", "mtu": "1400", "router": "10.1.1.1",
		"server_id": "169.254.1.1", "server_mac": "0a:58:a9:fe:01:01"}}, rows[0])
	_, err = DHCPOptions(`{"headings":["cidr"],"data":[["10.1.1.0/24"]]}`)
	refuses(t, "no column options", err)
	_, err = DHCPOptions("")
	refuses(t, "empty answer", err)
}

func TestNeighbours(t *testing.T) {
	got, err := Neighbours(recorded(t, "s2-vm-p/guest-neigh.json"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "neighbours", []model.Neighbour{{IP: "10.1.1.1", MAC: "0a:58:64:41:00:02", Dev: "eth0", State: "REACHABLE"},
		{IP: "10.1.1.6", MAC: "0a:58:0a:01:01:06", Dev: "eth0", State: "REACHABLE"}}, got)
	got, err = Neighbours(`[{},{"dst":"fe80::1","dev":"eth0","state":["FAILED"]}]`)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "one that failed", []model.Neighbour{{IP: "fe80::1", Dev: "eth0", State: "FAILED"}}, got)
	for text, words := range map[string]string{"": "empty answer", `[{"dst":"x","dev":"eth0"}]`: "row 1: dst"} {
		_, err := Neighbours(text)
		refuses(t, words, err)
	}
}

// The first as udhcpc's hook of the small guest writes it, the second as NetworkManager names the same.
func TestLeases(t *testing.T) {
	got, err := Leases("nic=eth0\nip=10.1.1.3\nmask=24\nrouter=10.1.1.1\ndns=10.96.0.10\nmtu=1400\nlease=3500\nhostname=vm-p\nserverid=169.254.1.1\n" +
		"nic=eth1\nip=10.2.2.1\nmask=255.255.255.0\ndns=10.96.0.10 192.0.2.53\nlease=86313600\ndomain=cluster.local\nserverid=169.254.75.11\nnic=lo\n")
	if err != nil {
		t.Fatal(err)
	}
	first := model.Lease{IP: "10.1.1.3", Prefix: 24, Router: "10.1.1.1", DNS: []string{"10.96.0.10"}, MTU: 1400, Seconds: 3500, Hostname: "vm-p", Server: "169.254.1.1"}
	same(t, "leases", map[string]model.Lease{"eth0": first,
		"eth1": {IP: "10.2.2.1", Prefix: 24, DNS: []string{"10.96.0.10", "192.0.2.53"}, Seconds: 86313600, Server: "169.254.75.11"}}, got)

	got, err = Leases("nic=enp1s0\ndhcp_lease_time=3500\ndhcp_server_identifier=169.254.1.1\ndomain_name_servers=10.96.0.10\nexpiry=1795700000\n" +
		"host_name=vm-p\ninterface_mtu=1400\nip_address=10.1.1.3\nrouters=10.1.1.1\nsubnet_mask=255.255.255.0\nnic=lo\n")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "NetworkManager's", map[string]model.Lease{"enp1s0": first}, got)
	for text, words := range map[string]string{
		"ip=10.1.1.3":                    "before any nic=",
		"nic=eth0\nhello":                "is not NAME=VALUE",
		"nic=eth0\nip=10.1.1":            "eth0: ip=10.1.1",
		"nic=eth0\nmask=33":              "no prefix length",
		"nic=eth0\nmask=255.0.255.0":     "a mask with holes",
		"nic=eth0\nmask=x":               "neither",
		"nic=eth0\nlease=a while\nnic=x": "lease=a while",
	} {
		_, err := Leases(text)
		refuses(t, words, err)
	}
}

func TestConntrackNew(t *testing.T) {
	const (
		plain  = "    [NEW] tcp      6 120 SYN_SENT src=172.18.0.3 dst=172.18.0.2 sport=55864 dport=80 [UNREPLIED] src=172.18.0.2 dst=172.18.0.3 sport=80 dport=55864\n"
		zoned  = "    [NEW] tcp      6 120 SYN_SENT src=172.18.0.3 dst=172.18.0.2 sport=55864 dport=80 [UNREPLIED] src=172.18.0.2 dst=172.18.0.3 sport=80 dport=55864 mark=2 zone=64000\n"
		before = "    [NEW] tcp      6 120 SYN_SENT src=172.18.0.3 dst=172.18.0.2 sport=55864 dport=80 [UNREPLIED] src=172.18.0.2 dst=169.254.0.17 sport=80 dport=1024 zone=64000\n"
	)
	entries, err := ConntrackNew(before + plain + zoned)
	if err != nil {
		t.Fatal(err)
	}
	way := model.Tuple{Src: "172.18.0.3", Dst: "172.18.0.2", SrcPort: 55864, DstPort: 80}
	back := model.Tuple{Src: "172.18.0.2", Dst: "172.18.0.3", SrcPort: 80, DstPort: 55864}
	same(t, "what began anew is there once", []model.Conntrack{
		{Proto: "tcp", Original: way, Reply: back}, {Proto: "tcp", Zone: 64000, Mark: 2, Original: way, Reply: back}}, entries)
	all, err := ConntrackNew(recorded(t, "wire/conntrack-events.txt"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "two connections, each at pod, switch, router and node edge", 8, len(all))
	none, err := ConntrackNew("")
	if err != nil || len(none) != 0 {
		t.Errorf("nothing began: %v, %v", none, err)
	}
	_, err = ConntrackNew(plain + "[DESTROY] tcp 6 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1\n")
	refuses(t, "line 2: no [NEW]", err)
}

func FuzzConntrackNew(f *testing.F) {
	fuzz(f, ConntrackNew, "[NEW] tcp 6 9 SYN_SENT src=10.1.1.3 dst=10.1.1.5 sport=1 dport=2 src=10.1.1.5 dst=10.1.1.3 sport=2 dport=1 zone=4")
}

func FuzzConntrack(f *testing.F) {
	fuzz(f, Conntrack, recorded(f, "n1/conntrack.txt"), "icmp 1 29 src=10.1.1.3 dst=10.1.1.5 src=10.1.1.5 dst=10.1.1.3 mark=0")
}

// The seeds are short, for the fuzzer minimises what it finds: one row, and the router that has it.
const fuzzRouter = `{"data":[["r",["uuid","u"],["set",[]]]],"headings":["name","nat","static_routes"]}`

func FuzzNAT(f *testing.F) {
	fuzz(f, NAT, `{"data":[[["uuid","u"],"10.1.1.0/24","snat","169.254.0.11"]],"headings":["_uuid","logical_ip","type","external_ip"]}`+fuzzRouter)
}

func FuzzStaticRoutes(f *testing.F) {
	fuzz(f, StaticRoutes, `{"data":[[["uuid","u"],"0.0.0.0/0","192.0.2.1"]],"headings":["_uuid","ip_prefix","nexthop"]}`+fuzzRouter)
}

func FuzzDHCPOptions(f *testing.F) {
	fuzz(f, DHCPOptions, `{"data":[["10.1.1.0/24",["map",[["mtu","1400"]]]]],"headings":["cidr","options"]}`)
}

func FuzzNeighbours(f *testing.F) { fuzz(f, Neighbours, short(f, "s2-vm-p/guest-neigh.json")) }

func FuzzLeases(f *testing.F) {
	fuzz(f, Leases, "nic=eth0\nip=10.1.1.3\nmask=24\nrouter=10.1.1.1\n", "nic=eth0\nsubnet_mask=255.255.255.0\n")
}
