package observe

import (
	"context"

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

// localnets reads how each node's OVN leads to physical networks.
func (o *observer) localnets(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, VisitTimeout)
	defer cancel()
	var parts []func()
	for _, n := range o.facts.Nodes {
		parts = append(parts, func() {
			answers, err := o.inOVN(ctx, n.Name, askLocalnets)
			r := read(placed("node "+n.Name), askLocalnets, answers, err, parse.LocalnetPorts)
			o.mu.Lock()
			defer o.mu.Unlock()
			if o.stage.Physical.Localnets == nil {
				o.stage.Physical.Localnets = map[string]model.Read[[]model.LocalnetPort]{}
			}
			o.stage.Physical.Localnets[n.Name] = r
		})
	}
	together(parts...)
}
