package fault

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

func stateOf(spec string, rows ...row) state {
	return state{facts: map[string]any{"mtu": 1400.0}, specs: map[string]any{"vm-b": map[string]any{"name": spec}}, rows: map[string][]row{"n1": rows}}
}

func TestStateDifferences(t *testing.T) {
	nat := func(ip string, exempted ...any) row {
		return row{"NAT", parse.Row{"external_ip": ip, "exempted_ext_ips": exempted, "external_ids": map[string]any{}}}
	}
	set := func(addresses ...any) row { return row{"Address_Set", parse.Row{"name": "a1", "addresses": addresses}} }
	udn := row{"NAT", parse.Row{"external_ip": "169.254.0.13", "external_ids": map[string]any{"k8s.ovn.org/network": "ns-other_other-udn"}}}
	seen := func(ip string) model.Observation {
		v := model.VMView{Spec: model.VMSpec{Name: "vm-b", Namespace: "ns"}, Pod: model.Read[model.Pod]{Value: model.Pod{IPs: []string{ip}}}}
		return model.Observation{Stages: []model.Stage{{VMs: map[string]model.VMView{"vm-b": v},
			Networks: map[string]model.Read[model.Network]{"other/other-udn": {Value: model.Network{NetworkName: "ns-other_other-udn"}}}}}}
	}
	for _, c := range []struct {
		name    string
		a, b    state
		renewed []string
		want    string
	}{
		{name: "the same, in another order, of other rows", a: stateOf("x", nat("1"), set("10.0.0.1", "10.0.0.2")), b: stateOf("x", set("10.0.0.2", "10.0.0.1"), nat("1"))},
		{name: "another value", a: stateOf("x", nat("1")), b: stateOf("x", nat("2")), want: "OVN on node n1: gone is NAT"},
		{name: "a reference that stayed", a: stateOf("x", nat("1")), b: stateOf("x", nat("1", parse.UUID("u1"))), want: "new is NAT"},
		{name: "references of the same kind", a: stateOf("x", nat("1", parse.UUID("u1"))), b: stateOf("x", nat("1", parse.UUID("u2")))},
		{name: "one row more of a kind", a: stateOf("x", nat("1")), b: stateOf("x", nat("1"), nat("1")), want: "new is NAT"},
		{name: "what a VM asks for", a: stateOf("x"), b: stateOf("y"), want: "spec of VM vm-b"},
		{name: "a fact", a: stateOf("x"), b: state{facts: map[string]any{"mtu": 1500.0}, specs: stateOf("x").specs}, want: "facts.mtu"},
		{name: "a renewed VM's address", a: stateOf("x", set("10.0.0.5", "10.0.0.9")), b: stateOf("x", set("10.0.0.77", "10.0.0.9")), renewed: []string{"vm-b"}},
		{name: "another address beside it", a: stateOf("x", set("10.0.0.5", "10.0.0.9")), b: stateOf("x", set("10.0.0.77", "10.0.0.8")), renewed: []string{"vm-b"}, want: "new is Address_Set"},
		{name: "a renewed network's row", a: stateOf("x"), b: stateOf("x", udn), renewed: []string{"other/other-udn"}},
		{name: "a network's row", a: stateOf("x"), b: stateOf("x", udn), want: "new is NAT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := c.a.differences(c.b, normaliserOf(seen("10.0.0.5"), c.renewed), normaliserOf(seen("10.0.0.77"), c.renewed))
			if (c.want == "") != (len(found) == 0) || !strings.Contains(strings.Join(found, "\n"), c.want) {
				t.Errorf("found %q, want %q", found, c.want)
			}
		})
	}
}

// TestStateLongRows: what differs far behind in a long row is seen, though not all of it is shown.
func TestStateLongRows(t *testing.T) {
	long := strings.Repeat("x", 500)
	found := stateOf("x", row{"ACL", parse.Row{"match": long + "1"}}).differences(stateOf("x", row{"ACL", parse.Row{"match": long + "2"}}), normaliser{}, normaliser{})
	if len(found) != 2 || len(found[0]) > 300 {
		t.Errorf("%q", found)
	}
}

func TestSteadyStateNeedsTwoLooksThatAgree(t *testing.T) {
	looks := []string{"passing", "stays", "stays"}
	n := 0
	e := &engine{patience: time.Minute, statePoll: time.Millisecond, state: func(context.Context) (state, error) {
		n++
		return stateOf(looks[min(n, len(looks))-1]), nil
	}}
	s, err := e.steadyState(t.Context())
	if err != nil || n != 3 || s.specs["vm-b"].(map[string]any)["name"] != "stays" {
		t.Errorf("%v after %d looks: %v", err, n, s.specs)
	}
}

func TestElsewhere(t *testing.T) {
	for owner, want := range map[string]bool{"kubevirt/kubevirt-operator-webhook": true, "ns/echo": false, "ns-other/echo": false, "": false} {
		r := parse.Row{"external_ids": map[string]any{"k8s.ovn.org/kind": "Service", "k8s.ovn.org/owner": owner}}
		if got := elsewhere(r, []string{"ns", "ns-other"}); got != want {
			t.Errorf("%q: %t", owner, got)
		}
	}
	r := parse.Row{"name": "lb", "vips": map[string]any{"10.96.0.1:443": "10.244.0.7:8444"}, "ip_port_mappings": map[string]any{"10.244.0.7": "x"}}
	withoutEnds(r)
	if got := jsonOf(map[string]any(r)); got != `{"name":"lb","vips":{"10.96.0.1:443":""}}` {
		t.Error(got)
	}
}
