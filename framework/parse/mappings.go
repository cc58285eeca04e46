package parse

import (
	"fmt"
	"strings"
)

// BridgeMappings reads Open vSwitch's external_ids:ovn-bridge-mappings, as "physnet:breth0,trunk:br-trunk": the bridges by
// physical network. An empty one has none.
func BridgeMappings(text string) (map[string]string, error) {
	mappings := map[string]string{}
	for _, one := range strings.Split(text, ",") {
		one = strings.TrimSpace(one)
		if one == "" {
			continue // ovn-controller takes no offence, either
		}
		network, bridge, ok := strings.Cut(one, ":")
		if !ok || network == "" || bridge == "" || strings.Contains(bridge, ":") {
			return nil, fmt.Errorf("bridge mappings: %q is not NETWORK:BRIDGE in %q", clip(one), clip(text))
		}
		mappings[network] = bridge
	}
	return mappings, nil
}
