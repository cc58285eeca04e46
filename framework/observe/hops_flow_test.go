package observe

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// wire is a recorded capture.
func wire(t *testing.T, name string) []model.Frame {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "parse", "testdata", "wire", name))
	if err != nil {
		t.Fatal(err)
	}
	frames, err := parse.Frames(raw)
	if err != nil {
		t.Fatal(err)
	}
	return frames
}

// The flow is told by the far end's address and port, whatever became of the client's.
func TestFlowOnTheWire(t *testing.T) {
	for name, c := range map[string]struct {
		capture        string
		path           model.Path
		far            []string
		sent, answered bool
	}{
		"at the peer":          {"outside.pcap", model.Path{Kind: "http", Target: "http://192.168.77.200:8080/clientip"}, []string{"192.168.77.200"}, true, true},
		"of another port":      {"outside.pcap", model.Path{Kind: "http", Target: "http://192.168.77.200:9090/clientip"}, []string{"192.168.77.200"}, false, false},
		"of another address":   {"outside.pcap", model.Path{Kind: "http", Target: "http://192.0.2.9:8080/"}, []string{"192.0.2.9"}, false, false},
		"wherever it goes":     {"outside.pcap", model.Path{Kind: "http", Target: "http://192.168.77.200:8080/"}, nil, true, true},
		"under a VLAN tag":     {"trunk-n2.pcap", model.Path{Kind: "tcp", Target: "192.0.2.139:22"}, []string{"192.0.2.139"}, true, true},
		"the other protocol":   {"trunk-n2.pcap", model.Path{Kind: "udp", Target: "192.0.2.139:22"}, []string{"192.0.2.139"}, false, false},
		"a ping among the TCP": {"vlan1924.pcap", model.Path{Kind: "ping", Target: "192.0.2.139", Size: 60}, []string{"192.0.2.139"}, false, false},
	} {
		f, err := flowOf(c.path, "")
		if err != nil {
			t.Fatal(name, err)
		}
		sent, answered := false, false
		for _, m := range wire(t, c.capture) {
			if f.sent(m, c.far) && f.answered(m, c.far) {
				t.Errorf("%s: both ways at once: %+v", name, m)
			}
			sent, answered = sent || f.sent(m, c.far), answered || f.answered(m, c.far)
		}
		if sent != c.sent || answered != c.answered {
			t.Errorf("%s: sent %t, answered %t", name, sent, answered)
		}
	}
}

func TestPingIsToldBySize(t *testing.T) {
	whole, err := flowOf(model.Path{Kind: "ping", Target: "10.244.1.6", Size: 1400}, "")
	if err != nil {
		t.Fatal(err)
	}
	usual, _ := flowOf(model.Path{Kind: "ping", Target: "10.244.1.6"}, "")
	far := []string{"10.244.1.6"}
	there := model.Frame{Proto: "icmp", Src: "10.244.0.14", Dst: "10.244.1.6", Length: 1400}
	back := model.Frame{Proto: "icmp", Src: "10.244.1.6", Dst: "10.244.0.14", Length: 1400}
	tooBig := model.Frame{Proto: "icmp", Src: "10.244.1.6", Dst: "10.244.0.14", Length: 576}
	if !whole.sent(there, far) || whole.answered(there, far) || usual.sent(there, far) {
		t.Error("what is sent")
	}
	if !whole.answered(back, far) || whole.sent(back, far) || whole.answered(tooBig, far) {
		t.Error("what comes back")
	}
}

// A datagram is asked for by a small one: its size is the answer's.
func TestFlowOfDatagram(t *testing.T) {
	f, err := flowOf(model.Path{Kind: "udp", Target: "192.168.77.200:20001", Size: 1400}, "")
	if err != nil {
		t.Fatal(err)
	}
	far := []string{"192.168.77.200"}
	if !f.sent(model.Frame{Proto: "udp", Dst: far[0], DstPort: 20001, Length: 29}, far) ||
		!f.answered(model.Frame{Proto: "udp", Src: far[0], SrcPort: 20001, Length: 1400}, far) ||
		f.answered(model.Frame{Proto: "udp", Src: far[0], SrcPort: 20001, Length: 128}, far) {
		t.Error(f)
	}
}

func TestFlowOf(t *testing.T) {
	named, err := flowOf(model.Path{Kind: "http", Target: "http://echo.ns.svc.cluster.local:8080/hostname"}, "10.96.160.6")
	if err != nil || named.dialled != "10.96.160.6" || named.port != 8080 {
		t.Errorf("%+v, %v", named, err)
	}
	dns, err := flowOf(model.Path{Kind: "dns", Target: "echo.ns.svc.cluster.local"}, "")
	if err != nil || dns != (flow{proto: "udp", port: 53}) {
		t.Errorf("%+v, %v", dns, err)
	}
	for _, target := range []string{"vm-a", "", "http://%zz:1/"} {
		if _, err := flowOf(model.Path{Kind: "http", Target: target}, ""); err == nil {
			t.Errorf("%q is taken", target)
		}
	}
}

func TestFilter(t *testing.T) {
	for want, f := range map[string]string{
		"arp or icmp or (vlan and (arp or icmp))":               flow{proto: "icmp"}.filter(),
		"arp or udp port 53 or (vlan and (arp or udp port 53))": flow{proto: "udp", port: 53}.filter(),
	} {
		if f != want {
			t.Errorf("%q, want %q", f, want)
		}
	}
}

func TestAsks(t *testing.T) {
	next := []string{"192.0.2.1"}
	question := model.Frame{Proto: "arp", SrcMAC: "02:86:5e:00:00:14", DstMAC: broadcast, Src: "192.0.2.139", Dst: "192.0.2.1"}
	if !asks(question, next) {
		t.Error("a question for the next hop")
	}
	for name, change := range map[string]func(*model.Frame){
		"for another":        func(m *model.Frame) { m.Dst = "192.0.2.7" },
		"an answer to it":    func(m *model.Frame) { m.DstMAC = "02:00:00:00:00:01" },
		"the next hop's own": func(m *model.Frame) { m.Src = "192.0.2.1" },
		"no ARP":             func(m *model.Frame) { m.Proto = "icmp" },
	} {
		m := question
		change(&m)
		if asks(m, next) {
			t.Error(name)
		}
	}
}

func TestMicroflow(t *testing.T) {
	const begin = `inport == "ns_vm" && eth.src == 02:00:00:00:00:01 && eth.dst == `
	for want, m := range map[string]model.Frame{
		"0a:58:0a:f4:00:01 && ip4.src == 10.244.0.14 && ip4.dst == 192.168.77.200 && ip.ttl == 64 && tcp.src == 33001 && tcp.dst == 20000": {
			Proto: "tcp", DstMAC: "0a:58:0a:f4:00:01", Src: "10.244.0.14", Dst: "192.168.77.200", SrcPort: 33001, DstPort: 20000},
		"0a:58:0a:f4:00:01 && ip4.src == 10.244.0.14 && ip4.dst == 10.244.1.6 && ip.ttl == 64 && icmp4.type == 8 && icmp4.code == 0": {
			Proto: "icmp", DstMAC: "0a:58:0a:f4:00:01", Src: "10.244.0.14", Dst: "10.244.1.6"},
		broadcast + " && arp.op == 1 && arp.sha == 02:00:00:00:00:01 && arp.spa == 192.0.2.9 && arp.tpa == 192.0.2.1": {
			Proto: "arp", DstMAC: broadcast, Src: "192.0.2.9", Dst: "192.0.2.1"},
	} {
		m.SrcMAC = "02:00:00:00:00:01"
		if got, err := microflow("ns_vm", m); err != nil || got != begin+want {
			t.Errorf("%s, %v\nwant %s", got, err, begin+want)
		}
	}
	for _, m := range []model.Frame{{Proto: "tcp", Src: "fe80::1"}, {Proto: "sctp", Src: "10.0.0.1"}, {Proto: "tcp"}} {
		if got, err := microflow("p", m); err == nil {
			t.Errorf("%+v: %s", m, got)
		}
	}
}
