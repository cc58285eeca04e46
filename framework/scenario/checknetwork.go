package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// vlanError refuses what is no VLAN's ID (IEEE 802.1Q: 0 and 4095 are not).
func vlanError(id int) error {
	const first, last = 1, 4094
	if id < first || id > last {
		return fmt.Errorf("VLAN %d does not exist: use %d to %d", id, first, last)
	}
	return nil
}

// checkNamespaced is of a UserDefinedNetwork, check of a ClusterUserDefinedNetwork.
func (s udnSpec) checkNamespaced() error {
	if strings.EqualFold(s.Topology, localnetTopology) || s.Localnet != nil {
		return fmt.Errorf("a %s has no topology Localnet: use a %s, or a NetworkAttachmentDefinition", UDNKind.Kind, CUDNKind.Kind)
	}
	return nil
}

func (s udnSpec) check() error {
	if !strings.EqualFold(s.Topology, localnetTopology) {
		return nil
	}
	switch l := s.Localnet; {
	case l == nil:
		return errors.New("its topology is Localnet, and it has no network.localnet")
	case l.PhysicalNetworkName == "":
		return errors.New("network.localnet.physicalNetworkName is missing: name a physical network of the nodes' bridge mappings")
	case l.VLAN != nil:
		return vlanError(l.VLAN.Access.ID)
	}
	return nil
}

// check refuses plugins that nobody here knows, and VLANs that are none.
func (c nadConfig) check() error {
	for _, p := range c.chain() {
		switch p.Type {
		case ovnPlugin:
			if !slices.Contains([]string{"layer2", "layer3", localnetTopology}, p.Topology) {
				return fmt.Errorf("its config has topology %q: %s knows layer2, layer3 and localnet", p.Topology, ovnPlugin)
			}
		case bridgePlugin, cnvBridgePlugin:
			if p.Bridge == "" {
				return errors.New("its config names no bridge")
			}
		case tuningPlugin:
		default:
			return fmt.Errorf("its config has type %q: use %s", p.Type, strings.Join([]string{ovnPlugin, bridgePlugin, cnvBridgePlugin, tuningPlugin}, ", "))
		}
		if err := p.checkVLANs(); err != nil {
			return err
		}
	}
	return nil
}

func (c nadConfig) checkVLANs() error {
	ids := []*int{c.VLANID, c.VLAN}
	for _, t := range c.VLANTrunk {
		ids = append(ids, t.ID, t.MinID, t.MaxID)
	}
	for _, id := range ids {
		if id == nil {
			continue
		}
		if err := vlanError(*id); err != nil {
			return err
		}
	}
	return nil
}

// checkPhysical refuses a localnet whose physical network leads nowhere, but for the one of which that is expected.
func (r *Running) checkPhysical(n NetworkRef) error {
	name := n.Asked.PhysicalNetwork
	if n.Asked.Topology != localnetTopology || n.Key == r.definition.unmapped || r.makes(name) {
		return nil
	}
	there := map[string]bool{}
	for _, node := range r.facts.Nodes {
		if _, ok := node.BridgeMappings[name]; ok {
			return nil
		}
		for mapped := range node.BridgeMappings {
			there[mapped] = true
		}
	}
	mapped := cmp.Or(strings.Join(slices.Sorted(maps.Keys(there)), ", "), "none")
	return fmt.Errorf("no node's bridge mappings name the physical network %s (they name: %s), and underlay.yaml has none of that name that a run could map", name, mapped)
}

// makes says whether the run itself maps a physical network on the nodes.
func (r *Running) makes(network string) bool {
	p := r.physical()
	return p != nil && r.definition.physical && p.Interface != "" && p.Network == network
}

// checkName refuses an attachment of OVN-Kubernetes that calls itself by another's name, but for the one that is meant to.
func (r *Running) checkName(n NetworkRef) error {
	own := n.Namespace + "/" + n.Name
	if !slices.Contains(n.Asked.Plugins, ovnPlugin) || n.callsItself == own || n.Key == r.definition.misnamed {
		return nil
	}
	return fmt.Errorf("its config's netAttachDefName is %q: it must be its own, %s", n.callsItself, own)
}
