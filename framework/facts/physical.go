package facts

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// physical says whether the bed has a physical side, with hosts on VLANs.
func physical(b *bed.Bed, f *model.Facts) {
	p, ok := b.Physical()
	if !ok {
		f.Features[model.FeaturePhysical] = model.Presence{Reason: "the underlay describes no physical side (underlay.yaml: physical)"}
		return
	}
	var peers []string
	for _, h := range p.Peers {
		peers = append(peers, fmt.Sprintf("%s at %s", h.Name, h.Address))
	}
	f.Features[model.FeaturePhysical] = model.Presence{Present: true,
		Reason: fmt.Sprintf("underlay: physical network %s, peers %s", p.Network, strings.Join(peers, ", "))}
}

// cnvBridge is the plugin of OpenShift Virtualization that is CNI's bridge under another name.
const cnvBridge = "cnv-bridge"

// pluginFolders are where container runtimes look for CNI plugins: by default, on OpenShift, on Debian.
var pluginFolders = []string{"/opt/cni/bin", "/var/lib/cni/bin", "/usr/lib/cni"}

// ofNode prints Open vSwitch's own settings, and of the paths given those that are files of the node.
const ofNode = `ovs-vsctl -t 30 --db=unix:/proc/1/root/run/openvswitch/db.sock -f json --columns=external_ids list Open_vSwitch || exit
echo ` + separator + `
for f; do [ ! -f "/proc/1/root$f" ] || echo "$f"; done`

// switches asks each node that carries VMs for its bridge mappings and its plugins. That one cannot be asked ends no run:
// its mappings stay unknown, and whether the plugin is there, too.
func switches(ctx context.Context, b *bed.Bed, f *model.Facts) error {
	names, err := VMNodes(ctx, b)
	if err != nil {
		return fmt.Errorf("bridge mappings: %w", err)
	}
	argv := []string{"sh", "-c", ofNode, "sh"}
	for _, folder := range pluginFolders {
		argv = append(argv, path.Join(folder, cnvBridge))
	}
	found, failed := make([]string, len(f.Nodes)), make([]error, len(f.Nodes)) // the plugin, by node
	var group sync.WaitGroup
	for i := range f.Nodes {
		if !slices.Contains(names, f.Nodes[i].Name) {
			continue
		}
		group.Go(func() {
			node, err := b.Node(ctx, f.Nodes[i].Name)
			var out string
			if err == nil {
				out, err = node.Run(ctx, argv...)
			}
			if err == nil {
				f.Nodes[i].BridgeMappings, found[i], err = switchOf(out)
			}
			if err != nil {
				failed[i] = fmt.Errorf("node %s: %w", f.Nodes[i].Name, err)
			}
		})
	}
	group.Wait()
	f.Sources["bridgeMappings"] = "nodes: ovs-vsctl list Open_vSwitch, external_ids:ovn-bridge-mappings"
	if err := errors.Join(failed...); err != nil {
		f.Sources["bridgeMappings"] += "; unknown: " + strings.ReplaceAll(err.Error(), "\n", "; ")
		return nil
	}
	f.Features[model.FeatureCNVBridge] = plugin(f.Nodes, len(names), found)
	return nil
}

// switchOf reads the answer of ofNode.
func switchOf(out string) (mappings map[string]string, file string, err error) {
	table, files, ok := strings.Cut(out, separator+"\n")
	if !ok {
		return nil, "", errors.New("unexpected answer: " + out)
	}
	rows, err := parse.Table(table)
	if err != nil {
		return nil, "", err
	}
	if len(rows) != 1 {
		return nil, "", fmt.Errorf("%d rows of Open_vSwitch, want one", len(rows))
	}
	mappings, err = parse.BridgeMappings(rows[0].Map("external_ids")["ovn-bridge-mappings"])
	file, _, _ = strings.Cut(files, "\n")
	return mappings, file, err
}

// plugin is there where all nodes that were asked have it: a VM may run on any.
func plugin(nodes []model.Node, asked int, found []string) model.Presence {
	var with []string
	for i, file := range found {
		if file != "" {
			with = append(with, nodes[i].Name+":"+file)
		}
	}
	if len(with) == 0 {
		return model.Presence{Reason: fmt.Sprintf("no node has the plugin %s in %s", cnvBridge, strings.Join(pluginFolders, ", "))}
	}
	return model.Presence{Present: len(with) == asked, Reason: fmt.Sprintf("nodes with the plugin %s: %d of %d (%s)",
		cnvBridge, len(with), asked, strings.Join(with, ", "))}
}
