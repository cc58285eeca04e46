package kind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// networkName is the Docker network that kind puts its nodes on.
const networkName = "kind"

// madeLabel marks containers and networks that this package made; its value is the cluster's name.
const madeLabel = "io.github.vmnet-project.cluster"

// Network is the nodes' Docker network.
type Network struct {
	Subnet netip.Prefix
	// Gateway is the engine's own address on it, the nodes' next hop to the outside.
	Gateway netip.Addr
}

// trunkName is the Docker network that stands for the physical side of a cluster.
func trunkName(cluster string) string { return cluster + "-trunk" }

// ensureNetwork makes the nodes' network, IPv4 alone, unless it is there. kind would make it, too, but without the
// label by which removeNetwork knows what is ours, after a kill -9 as well.
func ensureNetwork(ctx context.Context, e Engine, cluster string) (Network, error) {
	out, err := e.Docker(ctx, "network", "ls", "--filter", "name=^"+networkName+"$", "--format", "{{.ID}}")
	if err != nil {
		return Network{}, fmt.Errorf("asking the engine for networks: %w", err)
	}
	if len(lines(out)) == 0 {
		_, err = e.Docker(ctx, "network", "create", "--driver", "bridge", "--label", madeLabel+"="+cluster,
			"--opt", "com.docker.network.bridge.enable_ip_masquerade=true", networkName)
		if err != nil {
			return Network{}, fmt.Errorf("making the nodes' network: %w", err)
		}
	}
	out, err = e.Docker(ctx, "network", "inspect", networkName)
	if err != nil {
		return Network{}, fmt.Errorf("reading the nodes' network: %w", err)
	}
	return parseNetwork(out)
}

// parseNetwork reads the IPv4 half of `docker network inspect`.
func parseNetwork(inspect string) (Network, error) {
	var networks []struct {
		Name string
		IPAM struct {
			Config []struct{ Subnet, Gateway string }
		}
	}
	if err := json.Unmarshal([]byte(inspect), &networks); err != nil {
		return Network{}, fmt.Errorf("docker network inspect: %w", err)
	}
	for _, n := range networks {
		for _, c := range n.IPAM.Config {
			subnet, err := netip.ParsePrefix(c.Subnet)
			if err != nil || !subnet.Addr().Is4() {
				continue
			}
			// some versions write the gateway with the subnet's length
			address, _, _ := strings.Cut(c.Gateway, "/")
			gateway, err := netip.ParseAddr(address)
			if err != nil || !subnet.Contains(gateway) {
				return Network{}, fmt.Errorf("docker network %s: gateway %q is not an address in %s", n.Name, c.Gateway, subnet)
			}
			return Network{Subnet: subnet, Gateway: gateway}, nil
		}
	}
	return Network{}, fmt.Errorf("docker network %s has no IPv4 subnet", networkName)
}

// ensureTrunk makes the network that stands for the physical side: a plain bridge, which leaves VLAN tags alone, without
// a way out of the engine's host. One that a killed creation left is taken over.
func ensureTrunk(ctx context.Context, e Engine, cluster string) error {
	out, err := e.Docker(ctx, "network", "ls", "--filter", "name=^"+trunkName(cluster)+"$", "--filter", "label="+madeLabel+"="+cluster,
		"--format", "{{.ID}}")
	if err != nil {
		return fmt.Errorf("asking the engine for networks: %w", err)
	}
	if len(lines(out)) > 0 {
		return nil
	}
	if _, err := e.Docker(ctx, "network", "create", "--driver", "bridge", "--internal", "--label", madeLabel+"="+cluster,
		trunkName(cluster)); err != nil {
		return fmt.Errorf("making the physical side's network: %w", err)
	}
	return nil
}

// removeNetworks takes away the networks that were made for this cluster and that nobody else is on.
func removeNetworks(ctx context.Context, e Engine, cluster string) error {
	out, err := e.Docker(ctx, "network", "ls", "--filter", "label="+madeLabel+"="+cluster, "--format", "{{.ID}} {{.Name}}")
	if err != nil {
		return fmt.Errorf("asking the engine for networks: %w", err)
	}
	var errs []error
	for _, line := range lines(out) {
		id, name, _ := strings.Cut(line, " ")
		users, err := e.Docker(ctx, "network", "inspect", "--format", "{{len .Containers}}", id)
		if err == nil && strings.TrimSpace(users) == "0" {
			_, err = e.Docker(ctx, "network", "rm", id)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("network %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// removeContainers takes the peers away.
func removeContainers(ctx context.Context, e Engine, cluster string) error {
	out, err := e.Docker(ctx, "ps", "-a", "--filter", "label="+madeLabel+"="+cluster, "--format", "{{.ID}}")
	if err != nil {
		return fmt.Errorf("asking the engine for peers: %w", err)
	}
	ids := lines(out)
	if len(ids) == 0 {
		return nil
	}
	if _, err := e.Docker(ctx, append([]string{"rm", "--force", "--volumes"}, ids...)...); err != nil {
		return fmt.Errorf("removing peers: %w", err)
	}
	return nil
}
