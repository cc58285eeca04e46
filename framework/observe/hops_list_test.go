package observe

import (
	"errors"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// A ping from vm-l to the peer on its VLAN, as frames.
var (
	pinged84 = model.Frame{Proto: "icmp", SrcMAC: "02:86:5e:00:00:14", DstMAC: "02:42:00:00:00:01", Src: "192.0.2.139", Dst: "192.0.2.1", Length: 84}
	ponged84 = model.Frame{Proto: "icmp", Src: "192.0.2.1", Dst: "192.0.2.139", Length: 84}
	question = model.Frame{Proto: "arp", SrcMAC: "02:86:5e:00:00:14", DstMAC: broadcast, Src: "192.0.2.139", Dst: "192.0.2.1"}
)

func stood(hop string, frames ...model.Frame) *station {
	return &station{hop: hop, far: []string{"192.0.2.1"}, saw: seen(frames)}
}

func unseen(hop string) *station {
	return &station{hop: hop, saw: failed[[]model.Frame]("node n2", "tcpdump", errors.New("no such device"))}
}

// words are hops in short: + passes, - does not, ? was not read.
func words(hops []model.Hop) string {
	var all []string
	for _, h := range hops {
		sign := "-"
		if h.Seen.Failure() != nil {
			sign = "?"
		} else if h.Seen.Value {
			sign = "+"
		}
		all = append(all, sign+h.Name)
	}
	return strings.Join(all, ", ")
}

func tableOf(t *testing.T, text string) model.Read[[]parse.Row] {
	t.Helper()
	r, err := parse.Table(text)
	if err != nil {
		t.Fatal(err)
	}
	return seen(r)
}

// onOVS is OVN's part for the port f7eb of vm-l on node n2.
func onOVS(t *testing.T, chassis, physical string, traced bool) *logical {
	t.Helper()
	return &logical{node: "n2", link: "f7eb", physical: physical,
		bridges: seen(bridges{mappings: map[string]string{"trunk": "br-trunk"}, patched: map[string]bool{"br-trunk": true}}),
		traced:  model.Hop{Name: "logical switch", Seen: seen(traced)},
		tables: ovnAnswers{
			interfaces: tableOf(t, `{"headings":["name","external_ids"],"data":[["f7eb",["map",[["iface-id","ns_vm-l"]]]]]}`),
			bindings: tableOf(t, `{"headings":["logical_port","chassis","up"],"data":[["other",["set",[]],true],["ns_vm-l",["uuid","`+chassis+
				`"],true]]}`),
			chassis: tableOf(t, `{"headings":["_uuid","hostname"],"data":[[["uuid","11111111-1111-4111-8111-111111111111"],"n1"],[["uuid","22222222-2222-4222-8222-222222222222"],"n2"]]}`),
		}}
}

const onN1, onN2 = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"

func TestHops(t *testing.T) {
	ping := flow{proto: "icmp", size: 84, dialled: "192.0.2.1"}
	next := []string{"192.0.2.1"}
	for name, c := range map[string]struct {
		w    way
		want string
	}{
		"lost in the launcher": {way{out: []*station{stood("guest NIC", pinged84), stood("tap", pinged84), stood("launcher bridge"), stood("pod port")},
			ovn: onOVS(t, onN2, "trunk", false), in: []*station{stood("physical port"), stood("peer")}},
			"+guest NIC, +tap, -launcher bridge, -pod port, +logical port, -logical switch, +bridge mapping, -physical port, -peer"},
		"no mapping": {way{out: []*station{stood("pod port", question)}, ovn: onOVS(t, onN2, "nowhere", true), in: []*station{stood("physical port"), stood("peer")}},
			"+pod port, +logical port, +logical switch, -bridge mapping, -physical port, -peer"},
		"bound elsewhere": {way{out: []*station{stood("pod port", pinged84)}, ovn: onOVS(t, onN1, "", true)},
			"+pod port, -logical port, +logical switch, -answer at pod port"},
		"no answer": {way{out: []*station{stood("pod port", pinged84)}, ovn: onOVS(t, onN2, "trunk", true), in: []*station{stood("physical port", pinged84), stood("peer", pinged84)}},
			"+pod port, +logical port, +logical switch, +bridge mapping, +physical port, +peer, -answer at peer, -answer at physical port, -answer at pod port"},
		"answer lost": {way{out: []*station{stood("pod port", pinged84)}, in: []*station{stood("physical port", pinged84), stood("peer", pinged84, ponged84)}},
			"+pod port, +physical port, +peer, +answer at peer, -answer at physical port, -answer at pod port"},
		"missed, and traced wrongly": {way{out: []*station{stood("pod port")}, ovn: onOVS(t, onN2, "", false), in: []*station{unseen("physical port"), stood("peer", pinged84)}},
			"?pod port, +logical port, ?logical switch, ?physical port, +peer, -answer at peer, ?answer at physical port, -answer at pod port"},
		"nobody could look": {way{out: []*station{unseen("pod port")}, in: []*station{unseen("peer")}}, "?pod port, ?peer"},
		"nowhere to look":   {way{}, ""},
	} {
		c.w.flow, c.w.next = ping, next
		if got := words(c.w.hops()); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

func TestWayThroughLogicalPort(t *testing.T) {
	l := onOVS(t, onN2, "", true)
	if hop, name := l.port(); name != "ns_vm-l" || !hop.Seen.Value || hop.Seen.Place != "node n2" || !strings.Contains(hop.Seen.Raw, `iface-id "ns_vm-l"; port binding: chassis "n2", up true`) {
		t.Errorf("%s: %+v", name, hop)
	}
	l.link = "other"
	if hop, name := l.port(); name != "" || hop.Seen.Value || hop.Seen.Failure() != nil {
		t.Errorf("a port that OVS does not have: %s: %+v", name, hop)
	}
	l.tables.bindings = failed[[]parse.Row]("node n2", "ovn-sbctl", errors.New("no socket"))
	if hop, _ := l.port(); hop.Seen.Failure() == nil {
		t.Errorf("%+v", hop)
	}
}

func TestTracedHop(t *testing.T) {
	for name, want := range map[string]struct {
		hop  string
		seen bool
		raw  string
	}{
		"edge":      {"logical switch ext_n1", true, `/* output to "breth0_n1", type "localnet" */`},
		"norouting": {"logical router ovn_cluster_router", false, "12. lr_in_ip_routing: no match (implicit drop)"},
		"refused":   {"logical switch n2", false, "/* drop */"},
	} {
		text := recordedText(t, "ovn-trace/"+name+".txt")
		a := ask{id: "trace", show: tracing}
		h := tracedHop(read("node n1", a, map[string]answer{"trace": {stdout: text}}, nil, parse.OVNTrace))
		if h.Name != want.hop || h.Seen.Value != want.seen || h.Seen.Raw != want.raw || h.Seen.Place != "node n1" || h.Seen.Failure() != nil {
			t.Errorf("%s: %+v", name, h)
		}
	}
	h := tracedHop(failed[parse.Trace]("node n1", tracing, errors.New("no pod")))
	if h.Seen.Failure() == nil || h.Name != "logical switch" {
		t.Errorf("%+v", h)
	}
}

func TestFirst(t *testing.T) {
	w := way{flow: flow{proto: "icmp", size: 84}, next: []string{"192.0.2.1"}, out: []*station{stood("tap", pinged84), stood("pod port", question, pinged84)}}
	if m, ok := w.first(); !ok || m.Proto != "icmp" {
		t.Errorf("%+v, %t", m, ok)
	}
	w.out[1] = stood("pod port", ponged84, question)
	if m, ok := w.first(); !ok || m.Proto != "arp" {
		t.Errorf("%+v, %t", m, ok)
	}
	w.out[1] = stood("pod port")
	if _, ok := w.first(); ok {
		t.Error("what came no further than the tap is not traced")
	}
}
