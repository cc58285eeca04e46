package parse

import "testing"

func TestOVNTrace(t *testing.T) {
	for name, want := range map[string]Trace{
		"edge": {Delivered: true, Port: "breth0_n1", PortType: "localnet", Datapath: "ext_n1", Stage: "ls_out_apply_port_sec",
			Last: `/* output to "breth0_n1", type "localnet" */`},
		"refused":   {Datapath: "n2", Stage: "ls_out_acl_action", Last: "/* drop */"},
		"norouting": {Datapath: "ovn_cluster_router", Router: true, Stage: "lr_in_ip_routing", Last: "12. lr_in_ip_routing: no match (implicit drop)"},
		"wrongmac": {Datapath: "trunk_ovn_localnet_switch", Stage: "ls_in_port_sec_l2",
			Last: "0. ls_in_port_sec_l2: no match (implicit drop)"},
		"flood": {Delivered: true, Port: "trunk_ovn_localnet_port", PortType: "localnet", Datapath: "trunk_ovn_localnet_switch",
			Last: "/* omitting output because inport == outport && !flags.loopback */"},
	} {
		got, err := OVNTrace(recorded(t, "ovn-trace/"+name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		same(t, name, want, got)
	}
}

func TestOVNTraceRefuses(t *testing.T) {
	for text, words := range map[string]string{
		"":  "empty answer",
		"#": "empty answer",
		`2026-01-02T03:04:05Z|00001|ovntrace|WARN|unknown datapath "sw9"`: "no pipeline",
		`/* output to "vm", type "" */`:                                   "no pipeline",
	} {
		_, err := OVNTrace(text)
		refuses(t, words, err)
	}
}

// Only a port that leads out counts.
func TestOVNTraceThatJoins(t *testing.T) {
	got, err := OVNTrace("ingress(dp=\"GR_n1\", inport=\"a\")\n/* output to \"rtoe-GR_n1\", type \"l3gateway\" */\n")
	if err != nil || got.Delivered {
		t.Errorf("delivered to a port between two datapaths: %+v, %v", got, err)
	}
}

func FuzzOVNTrace(f *testing.F) {
	var seeds []string
	for _, name := range []string{"edge", "refused", "norouting", "wrongmac", "flood"} {
		text := recorded(f, "ovn-trace/"+name+".txt")
		seeds = append(seeds, text[len(text)-min(len(text), 400):])
	}
	fuzz(f, OVNTrace, append(seeds, "ingress(dp=\"n1\"\n 0. ls_in_port_sec_l2: no match (implicit drop)")...)
}
