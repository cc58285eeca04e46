package observe

import (
	"context"
	"fmt"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// The names of the dry runs among the refusals; the others are called by their network.
const (
	udnLocalnet = "udn-localnet"
	udnLayer2   = "udn-layer2"
)

// askLocalnets asks for OVN's ports to physical networks.
var askLocalnets = ask{id: "localnets", show: "ovn-nbctl -f json --columns=name,type,options,tag list Logical_Switch_Port"}

// refusals makes what is to be refused, all at once, reads what is said of it, and takes it away again. It adds networks to
// the scenario's for that long, so let it begin after the API was read; it takes a minute or more, beside all else.
func (o *observer) refusals(ctx context.Context) {
	keep := func(name string, r model.Read[model.Refusal]) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.stage.Physical.Refusals == nil {
			o.stage.Physical.Refusals = map[string]model.Read[model.Refusal]{}
		}
		o.stage.Physical.Refusals[name] = r
	}
	together(
		func() { keep(scenario.Unmapped, o.running.Refused(ctx, scenario.Unmapped, o.localnets)) },
		func() { keep(scenario.Misnamed, o.running.Refused(ctx, scenario.Misnamed, nil)) },
		func() {
			bounded, cancel := context.WithTimeout(ctx, APITimeout)
			defer cancel()
			keep(udnLocalnet, o.running.AskedLocalnet(bounded))
			keep(udnLayer2, o.running.AskedLayer2(bounded))
		},
	)
}

// askMappings asks Open vSwitch which bridge is behind which physical network.
var askMappings = ask{id: "mappings", show: "ovs-vsctl -f json --columns=external_ids list Open_vSwitch"}

// localnets reads how each node's OVN leads to physical networks, and its bridge mappings.
func (o *observer) localnets(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, VisitTimeout)
	defer cancel()
	var parts []func()
	for _, n := range o.facts.Nodes {
		parts = append(parts, func() {
			answers, err := o.inOVN(ctx, n.Name, askLocalnets, askMappings)
			at := placed("node " + n.Name)
			ports := read(at, askLocalnets, answers, err, parse.LocalnetPorts)
			mapped := read(at, askMappings, answers, err, mappings)
			o.mu.Lock()
			defer o.mu.Unlock()
			if o.stage.Physical.Localnets == nil {
				o.stage.Physical.Localnets = map[string]model.Read[[]model.LocalnetPort]{}
				o.stage.Physical.Mappings = map[string]model.Read[map[string]string]{}
			}
			o.stage.Physical.Localnets[n.Name], o.stage.Physical.Mappings[n.Name] = ports, mapped
		})
	}
	together(parts...)
}

// mappings reads them of the table Open_vSwitch, which has one row.
func mappings(text string) (map[string]string, error) {
	rows, err := parse.Table(text)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 {
		return nil, fmt.Errorf("%d rows of Open_vSwitch, want one", len(rows))
	}
	return parse.BridgeMappings(rows[0].Map("external_ids")["ovn-bridge-mappings"])
}
