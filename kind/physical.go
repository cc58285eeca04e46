package kind

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// The physical side as beds of kind have it. OVN-Kubernetes' own external network is physnet: never that.
const (
	physicalNetwork = "trunk"
	physicalBridge  = "br-trunk"
)

// vlans are the VLANs with a peer on each. The subnets are for documentation alone (RFC 5737): nobody else has them.
var vlans = []struct {
	id      int
	address string
	prefix  int
	dhcp    bool
}{
	{id: 1924, address: "192.0.2.1", prefix: 24, dhcp: true},
	{id: 1925, address: "198.51.100.1", prefix: 24},
}

// startPhysical joins the nodes to a second network and starts a peer on each VLAN there.
func startPhysical(ctx context.Context, o *Options) (*bed.Physical, error) {
	if err := ensureTrunk(ctx, o.Engine, o.Name); err != nil {
		return nil, err
	}
	p := &bed.Physical{Network: physicalNetwork, Bridge: physicalBridge, Peers: make([]bed.VLANPeer, len(vlans))}
	var group errgroup.Group
	group.Go(func() (err error) {
		p.Interface, err = joinNodes(ctx, o)
		return err
	})
	group.Go(func() (err error) { // one after another: the second finds the first one's image
		for i := range vlans {
			if p.Peers[i], err = startVLANPeer(ctx, o, i); err != nil {
				return err
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return p, stopReflections(ctx, o)
}

// noHairpin is for the ports of the bridge that Docker calls by its network's ID.
const noHairpin = `set -e
for port in /sys/class/net/br-"$1"/brif/*; do bridge link set dev "${port##*/}" hairpin off; done
`

// stopReflections keeps the trunk's ports from sending frames back to where they came from. An engine without a proxy for
// published ports asks for that (moby, libnetwork/drivers/bridge: hairpin mode); a node's switch would then take its own VMs
// for hosts behind the NIC, and drop what is sent to them.
func stopReflections(ctx context.Context, o *Options) error {
	id, err := o.Engine.Docker(ctx, "network", "inspect", "--format", "{{slice .Id 0 12}}", trunkName(o.Name))
	if err == nil {
		_, err = o.Engine.Docker(ctx, "run", "--rm", "--label", madeLabel+"="+o.Name, "--network", "host", "--cap-add", "NET_ADMIN",
			"--entrypoint", "sh", o.NodeImage, "-c", noHairpin, "sh", strings.TrimSpace(id))
	}
	if err != nil {
		return fmt.Errorf("the physical side's bridge: %w", err)
	}
	return nil
}

// bareLink takes a link's addresses, and so its routes, and leaves it up: a NIC for VLANs alone.
const bareLink = `set -e
ip addr flush dev "$1"
off=/proc/sys/net/ipv6/conf/$1/disable_ipv6
[ ! -e "$off" ] || echo 1 >"$off"
ip link set "$1" up
`

// joinNodes gives each node a link on the trunk, without the address that Docker gives it: its subnet must not become a
// route of the nodes. The link's name is the same on all.
func joinNodes(ctx context.Context, o *Options) (string, error) {
	nodes, err := o.nodes(ctx)
	if err != nil {
		return "", err
	}
	names := make([]string, len(nodes))
	var group errgroup.Group
	for i, node := range nodes {
		group.Go(func() error {
			if _, err := o.Engine.Docker(ctx, "network", "connect", trunkName(o.Name), node); err != nil {
				return fmt.Errorf("joining %s to the physical side: %w", node, err)
			}
			_, link, err := linkOn(ctx, o.Engine, node, trunkName(o.Name))
			if err != nil {
				return err
			}
			if _, err := o.Engine.Docker(ctx, "exec", node, "sh", "-c", bareLink, "sh", link); err != nil {
				return fmt.Errorf("link %s of %s: %w", link, node, err)
			}
			names[i] = link
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return "", err
	}
	names = slices.Compact(names)
	switch len(names) {
	case 0:
		return "", errors.New("the physical side: the cluster has no nodes")
	case 1:
		return names[0], nil
	}
	return "", fmt.Errorf("the physical side: the nodes' links are called %q: one name is needed", names)
}

// vlanLink puts a VLAN link with an address on $1. Checksums and segments are made here, not left to a NIC that is none: who
// reads raw frames, as a DHCP client does, would take them for broken.
const vlanLink = `set -e
ethtool -K "$1" tx off tso off gso off gro off >/dev/null 2>&1 || true
ip link add link "$1" name "$1.$2" type vlan id "$2"
ip addr add "$3" dev "$1.$2"
ip link set "$1.$2" up
`

// startVLANPeer starts the i-th peer. It forwards nothing, and answers for an address on that address' link alone, so that
// one VLAN hears nothing of another through it.
func startVLANPeer(ctx context.Context, o *Options, i int) (bed.VLANPeer, error) {
	v := vlans[i]
	host := fmt.Sprintf("vlan-%d", v.id)
	name := o.Name + "-" + host
	err := startPeer(ctx, o, o.Components.VLANPeer(o.NodeImage), placement{name: name, hostname: host, network: trunkName(o.Name),
		options: []string{"--sysctl", "net.ipv4.ip_forward=0", "--sysctl", "net.ipv4.conf.all.arp_ignore=1"}})
	if err != nil {
		return bed.VLANPeer{}, err
	}
	_, link, err := linkOn(ctx, o.Engine, name, trunkName(o.Name))
	if err != nil {
		return bed.VLANPeer{}, err
	}
	_, err = o.Engine.Docker(ctx, "exec", name, "sh", "-c", vlanLink, "sh", link, strconv.Itoa(v.id), fmt.Sprintf("%s/%d", v.address, v.prefix))
	if err != nil {
		return bed.VLANPeer{}, fmt.Errorf("VLAN %d of the peer %s: %w", v.id, host, err)
	}
	return bed.VLANPeer{HostSpec: bed.HostSpec{Name: host, Address: v.address, Interface: link, Container: o.Engine.container(name)},
		VLAN: v.id, Prefix: v.prefix, DHCP: v.dhcp}, nil
}
