package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// What must not come about, as in PhysicalView.Refusals.
const (
	unmapped   = "unmapped"
	misnamed   = "misnamed"
	udnLocal   = "udn-localnet"
	udnControl = "udn-layer2"
)

// refusal is one attempt; that it came about is a comparison that fails.
func refusal(n *Notebook, stage model.Stage, key, why string) (model.Refusal, Source, bool) {
	r, from, ok := Need(n, "refusal "+key, stage.Physical.Refusals[key])
	if ok {
		n.Equal("network "+text(r.Network)+" came about", from, false, why, r.Came)
	}
	return r, from, ok
}

// warned compares what was said against an attempt with a word that must be in it, in upper or lower case.
func warned(n *Notebook, r model.Refusal, from Source, word, why string) {
	var said []string
	named := false
	for _, w := range r.Warnings {
		said = append(said, text(w.Reason)+": "+w.Message)
		named = named || word != "" && strings.Contains(strings.ToLower(w.Message), strings.ToLower(word))
	}
	n.Check("messages of warnings about network "+text(r.Network), from, "one that names "+text(word), why, list(said), named)
}

// notMapped is LN-13: the pod does not start, the API says why, and of what its packets would pass the bridge mapping is the
// first thing that is not there. On the way to the network that is mapped, nothing is missing.
func notMapped(n *Notebook, o model.Observation) {
	stage, _ := o.Stage(model.Steady)
	r, from, ok := refusal(n, stage, unmapped, "no node maps its physical network")
	if !ok {
		return
	}
	warned(n, r, from, r.Asked.PhysicalNetwork, "its physicalNetwork")
	_, _, portsRead := Need(n, "localnets of node "+text(r.Node), stage.Physical.Localnets[r.Node])
	if _, _, ok := Need(n, "mappings of node "+text(r.Node), stage.Physical.Mappings[r.Node]); !ok || !portsRead {
		return
	}
	if w, _, ok := Need(n, "network "+forms[0].network, stage.Networks[forms[0].network]); ok {
		if got := FirstFailing(toPhysical(stage, r.Node, w.Asked.PhysicalNetwork)); !strings.HasPrefix(got, FirstHop+"none") {
			n.Cannot("control network "+forms[0].network+", on physicalNetwork "+text(w.Asked.PhysicalNetwork), got)
		}
	}
	hops := toPhysical(stage, r.Node, r.Asked.PhysicalNetwork)
	n.Check("way of network "+text(r.Network)+" to physicalNetwork "+text(r.Asked.PhysicalNetwork), hopSource(hops),
		FirstHop+hopAt(hops[len(hops)-1]), "the claim", FirstFailing(hops), FirstFailing(hops) == FirstHop+hopAt(hops[len(hops)-1]))
}

// toPhysical are the hops between a network's logical switch and the node's NIC, by OVN's port to the physical network and
// by the node's bridge mappings.
func toPhysical(stage model.Stage, node, physical string) []model.Hop {
	ports, mappings := stage.Physical.Localnets[node], stage.Physical.Mappings[node]
	return []model.Hop{
		{Name: "localnet port", Seen: lookedAt(ports, node, slices.ContainsFunc(ports.Value, func(p model.LocalnetPort) bool {
			return p.PhysicalNetwork == physical && physical != ""
		}))},
		{Name: "bridge mapping", Seen: lookedAt(mappings, node, mappings.Value[physical] != "")},
	}
}

func lookedAt[T any](r model.Read[T], node string, value bool) model.Read[bool] {
	return model.Read[bool]{Value: value, Err: r.Err, Place: "node " + node, Command: r.Command, At: r.At}
}

func hopSource(hops []model.Hop) Source {
	last := hops[len(hops)-1].Seen
	return Source{Place: last.Place, Command: last.Command}
}

// namespacedRefused is LN-17; a network of another topology, asked for in the same way, is not refused.
func namespacedRefused(n *Notebook, o model.Observation) {
	stage, _ := o.Stage(model.Steady)
	other, _, ok := Need(n, "refusal "+udnControl, stage.Physical.Refusals[udnControl])
	if ok && (!other.Came || other.Asked.Topology != "layer2") {
		n.Cannot("control network "+text(other.Network), fmt.Sprintf("of topology %s, it came about: %t", text(other.Asked.Topology), other.Came))
	}
	r, from, ok := refusal(n, stage, udnLocal, "such a network is the cluster's")
	if !ok {
		return
	}
	n.Equal("network "+text(r.Network)+": topology", from, "localnet", "the claim", r.Asked.Topology)
	warned(n, r, from, "topology", "the field that is wrong")
}

// misnamedRefused is LN-18; the VM on a network that calls itself by its own name runs.
func misnamedRefused(n *Notebook, o model.Observation) {
	stage, _ := o.Stage(model.Steady)
	for _, s := range members(n, o, model.Steady, forms[0].vms[:1]) {
		if vmi, _, ok := Need(n, s.what("VMI"), s.VMI); ok && vmi.Phase != "Running" {
			n.Cannot("control "+s.name, "its phase is "+text(vmi.Phase))
		}
	}
	if r, from, ok := refusal(n, stage, misnamed, "its netAttachDefName is another's"); ok {
		warned(n, r, from, r.Network, "the network by its own name")
	}
}
