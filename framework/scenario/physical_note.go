package scenario

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// The keys of Open vSwitch's own row, external_ids.
const (
	mappingsKey = "ovn-bridge-mappings"
	// noteKey holds the note. It is written in the transaction that makes the changes and removed in the one that takes
	// them back, so that no death of ours comes between: whoever comes next finds it on the node, whatever bed it has.
	noteKey = "vmnet-physical"
)

// note is what takes a node's share of the physical side back.
type note struct {
	// Runs are those that are on the physical side, by ID, and whether they were meant to stay when vmnet ended.
	Runs map[string]bool `json:"runs"`
	layout
	// MadeBridge is whether the bridge was not there before; Joined whether its link was put into it, which was Down then.
	MadeBridge bool `json:"madeBridge,omitempty"`
	Joined     bool `json:"joined,omitempty"`
	Down       bool `json:"down,omitempty"`
	// Wrote are the mappings as they were set, and Before as they were, nil for none. Wrote is empty where they had the
	// network already.
	Wrote  string  `json:"wrote,omitempty"`
	Before *string `json:"before,omitempty"`
}

// layout is how a physical network reaches a node's NIC.
type layout struct {
	Network string `json:"network"`
	Bridge  string `json:"bridge"`
	// Link is put into the bridge; empty where bridge and mapping are somebody else's.
	Link string `json:"link,omitempty"`
}

func layoutOf(p *bed.Physical) layout {
	return layout{Network: p.Network, Bridge: p.Bridge, Link: p.Interface}
}

// quoted is a string as ovs-vsctl takes it, whatever is in it (ovs-vsctl(8), database values).
func quoted(text string) string {
	raw, _ := json.Marshal(text) // a string always can be
	return string(raw)
}

func (n note) text() string {
	raw, _ := json.Marshal(n) // neither can this fail
	return string(raw)
}

// noteIn reads a node's note; nil for none.
func noteIn(externalIDs map[string]string) (*note, error) {
	text, ok := externalIDs[noteKey]
	if !ok {
		return nil, nil
	}
	n := &note{}
	if err := json.Unmarshal([]byte(text), n); err != nil {
		return nil, fmt.Errorf("external_ids:%s of Open vSwitch, a note of an earlier run: %w in %q; take back by hand what it says, and remove it", noteKey, err, text)
	}
	if n.Runs == nil {
		n.Runs = map[string]bool{}
	}
	return n, nil
}

// drop forgets the runs that are over.
func (n *note) drop(over func(run string, kept bool) bool) {
	for run, kept := range n.Runs {
		if over(run, kept) {
			delete(n.Runs, run)
		}
	}
}

// mappingsBack are the bridge mappings without ours, from what they are now: what somebody else has written meanwhile
// stays. Not ok is to remove them.
func (n note) mappingsBack(now string) (text string, ok bool) {
	if now == n.Wrote {
		if n.Before == nil {
			return "", false
		}
		return *n.Before, true
	}
	ours := n.Network + ":" + n.Bridge
	left := slices.DeleteFunc(strings.Split(now, ","), func(one string) bool { return strings.TrimSpace(one) == ours })
	text = strings.Join(left, ",")
	return text, text != "" || n.Before != nil
}
