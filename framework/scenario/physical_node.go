package scenario

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// overFunc says whether a run has ended.
type overFunc func(run string, kept bool) bool

// join puts a run onto the node's physical side, which is made for the first one. What runs left that are over is taken
// back before.
func (s nodeSwitch) join(ctx context.Context, want layout, vlans uplinkVLANs, run string, keep bool, over overFunc) error {
	left, err := s.restore(ctx, over)
	if err != nil {
		return err
	}
	now, err := s.read(ctx, true)
	if err != nil {
		return err
	}
	var n note
	commands := [][]string{}
	if left == nil {
		if n, commands, err = now.plan(want); err != nil {
			return &bed.InputError{What: "node " + s.name, Err: err}
		}
		n.Runs = map[string]bool{}
	} else if n = *left; n.layout != want {
		return &bed.InputError{What: "node " + s.name, Err: fmt.Errorf("run %s still has physical network %s by bridge %s there: take its namespaces away first",
			strings.Join(slices.Sorted(maps.Keys(n.Runs)), ", "), n.Network, n.Bridge)}
	}
	n.Runs[run] = keep
	if err := s.commands(ctx, append(commands, setExternalID(noteKey, n.text()))...); err != nil {
		return err
	}
	nic := ""
	if n.Joined {
		nic = want.Link
	}
	if err := s.makeLinks(ctx, nic, vlans.tagged); err != nil {
		return err
	}
	port := []string{"--may-exist", "add-port", want.Bridge, switchUplink}
	if vlans.native > 0 {
		port = append(port, "vlan_mode=native-untagged", fmt.Sprintf("tag=%d", vlans.native))
	}
	return s.commands(ctx, port)
}

// leave takes a run off, and with the last one takes everything back.
func (s nodeSwitch) leave(ctx context.Context, run string, over overFunc) error {
	_, err := s.restore(ctx, func(other string, kept bool) bool { return other == run || over(other, kept) })
	return err
}

// restore takes back what runs left that are over, unless another is still there: then it gives the note.
func (s nodeSwitch) restore(ctx context.Context, over overFunc) (*note, error) {
	now, err := s.read(ctx, false)
	if err != nil {
		return nil, err
	}
	n, err := noteIn(now.externalIDs)
	if err != nil {
		return nil, &bed.InputError{What: "node " + s.name, Err: err}
	}
	if n == nil {
		return nil, nil
	}
	n.drop(over)
	if len(n.Runs) > 0 {
		return n, s.commands(ctx, setExternalID(noteKey, n.text()))
	}
	nic := ""
	if n.Down {
		nic = n.Link
	}
	if err := s.removeLinks(ctx, nic); err != nil {
		return nil, err
	}
	return nil, s.commands(ctx, now.undo(*n)...)
}

// plan says what makes the node's share, and what is to be noted before; errors are for the user.
func (s switchState) plan(want layout) (note, [][]string, error) {
	n := note{layout: want}
	for _, name := range []string{LinuxBridge, linuxUplink, switchUplink} {
		if _, there := s.link(name); there {
			return n, nil, fmt.Errorf("there is a link %s that no run of vmnet has noted: remove it (ip link del %s)", name, name)
		}
	}
	mappings, err := parse.BridgeMappings(s.externalIDs[mappingsKey])
	if err != nil {
		return n, nil, err
	}
	bridge, mapped := mappings[want.Network]
	_, there := s.bridges[want.Bridge]
	switch {
	case mapped && bridge != want.Bridge:
		return n, nil, fmt.Errorf("physical network %s is mapped to bridge %s there, and not to %s: mend physical.bridge", want.Network, bridge, want.Bridge)
	case want.Link == "" && !mapped:
		return n, nil, fmt.Errorf("no bridge is mapped to physical network %s (%s is %q): map one, or name the link in physical.interface for the run to do so",
			want.Network, mappingsKey, s.externalIDs[mappingsKey])
	case want.Link == "" && !there:
		return n, nil, fmt.Errorf("physical network %s is mapped to bridge %s, and Open vSwitch has none of that name", want.Network, want.Bridge)
	case want.Link == "":
		return n, nil, nil
	}
	var commands [][]string
	if !there {
		n.MadeBridge = true
		commands = append(commands, []string{"add-br", want.Bridge})
	}
	if s.bridgeOf(want.Link) != want.Bridge {
		if err := s.free(want.Link); err != nil {
			return n, nil, err
		}
		link, _ := s.link(want.Link)
		n.Joined, n.Down = true, !slices.Contains(link.Flags, "UP")
		commands = append(commands, []string{"add-port", want.Bridge, want.Link})
	}
	if !mapped {
		before, had := s.externalIDs[mappingsKey]
		if had {
			n.Before = &before
		}
		n.Wrote = appended(before, want.Network, want.Bridge)
		commands = append(commands, setExternalID(mappingsKey, n.Wrote))
	}
	return n, commands, nil
}

// free says whether a link can be put into a bridge without anybody being cut off.
func (s switchState) free(name string) error {
	link, there := s.link(name)
	if !there {
		var names []string
		for _, l := range s.links {
			if l.Kind == "" && !slices.Contains(l.Flags, "LOOPBACK") {
				names = append(names, l.Name)
			}
		}
		return fmt.Errorf("there is no link %s (physical.interface); NICs there: %s", name, strings.Join(names, ", "))
	}
	if other := s.bridgeOf(name); other != "" {
		return fmt.Errorf("link %s is in bridge %s already: name another in physical.interface", name, other)
	}
	if link.Master != "" {
		return fmt.Errorf("link %s belongs to %s already: name another in physical.interface", name, link.Master)
	}
	i := slices.IndexFunc(link.Addresses, func(a model.Address) bool { return a.Scope != "link" })
	if i >= 0 {
		return fmt.Errorf("link %s has the address %s, which would be cut off: name a link without one, or make bridge and mapping yourself and leave physical.interface out",
			name, link.Addresses[i].CIDR)
	}
	return nil
}

// undo is the transaction that takes a note's changes back and the note with them.
func (s switchState) undo(n note) [][]string {
	var commands [][]string
	if s.bridgeOf(switchUplink) != "" {
		commands = append(commands, []string{"del-port", switchUplink})
	}
	_, there := s.bridges[n.Bridge]
	switch {
	case n.MadeBridge && there:
		commands = append(commands, []string{"del-br", n.Bridge})
	case n.Joined && s.bridgeOf(n.Link) == n.Bridge:
		commands = append(commands, []string{"del-port", n.Link})
	}
	if now, there := s.externalIDs[mappingsKey]; n.Wrote != "" && there {
		if text, keep := n.mappingsBack(now); keep {
			commands = append(commands, setExternalID(mappingsKey, text))
		} else {
			commands = append(commands, removeExternalID(mappingsKey))
		}
	}
	return append(commands, removeExternalID(noteKey))
}

// errNoPhysical is for a scenario that needs what the underlay does not describe.
var errNoPhysical = errors.New("it needs the physical side, which the underlay does not describe (underlay.yaml: physical)")
