package scenario

import (
	"maps"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// The networks that are made only to be refused, by key. Each is in a file of its name with a pod that is on it, see
// RefusedFile and RefusedPod, which are applied while it is looked at.
const (
	// Unmapped has a physical network that no node maps.
	Unmapped = "unmapped"
	// Misnamed calls itself by another's name.
	Misnamed = "misnamed"
)

// RefusedFile is the manifest of one of these networks, RefusedPod the name of the pod in it.
func RefusedFile(network string) string { return network + ".yaml" }

// RefusedPod is the pod on one of these networks.
func RefusedPod(network string) string { return "on-" + network }

// definition is what the code knows of a scenario beyond its manifests.
type definition struct {
	// short begins the namespaces' names, see base.
	short string
	// namespaces, files: all are applied. What is a network goes first, whichever file it is in.
	namespaces string
	files      []string
	// spare is for Options.Spare, extra for Running.Apply; empty for none.
	spare string
	extra []string
	// optional are files for clusters with a feature.
	optional map[model.Feature]string
	// names are of the whole cluster, not of a namespace: in a run each has the run's ID behind it.
	names []string
	// unmapped is the network whose physical network no node is to map, misnamed the one that is to call itself by
	// another's name: both by key, and in extra.
	unmapped, misnamed string
	// tried is the group whose VMs are documented not to work: they are applied, and nobody waits for them.
	tried string
	// physical is whether its VMs are on the physical side, which is made before them and restored after them.
	physical bool
}

var definitions = map[string]definition{
	"cluster-network": {
		short: "cn", namespaces: "namespace.yaml", spare: "spare.yaml",
		files: []string{"pods.yaml", "services.yaml", "vm-a.yaml", "vm-b.yaml", "vm-c.yaml"},
		extra: []string{"e1000e.yaml", "networkpolicy-deny.yaml", "networkpolicy-allow.yaml"},
	},
	"primary-udn": {
		short: "pu", namespaces: "namespaces.yaml", spare: "spare.yaml", tried: "layer3",
		files: []string{"networks.yaml", "pods.yaml", "default.yaml", "other.yaml", "twin.yaml", "layer3.yaml",
			"vm-p.yaml", "vm-q.yaml", "vm-r.yaml", "vm-o.yaml", "vm-l3.yaml"},
	},
	"secondary-udn": {
		short: "su", namespaces: "namespaces.yaml",
		files: []string{"networks.yaml", "pods.yaml", "vm-ps.yaml", "vm-pt.yaml", "vm-po.yaml"},
	},
	"localnet": {
		short: "ln", namespaces: "namespaces.yaml", spare: "spare.yaml", physical: true,
		files: []string{"networks.yaml", "pods.yaml", "vm-l.yaml", "vm-m.yaml", "vm-c.yaml", "vm-d.yaml"},
		names: []string{"cudn-vlan-1924"},
		extra: []string{RefusedFile(Unmapped), RefusedFile(Misnamed)}, unmapped: Unmapped, misnamed: Misnamed,
	},
	"linux-bridge": {
		short: "lb", namespaces: "namespace.yaml", physical: true,
		files:    []string{"networks.yaml", "pods.yaml", "vm-b1.yaml"},
		optional: map[model.Feature]string{model.FeatureCNVBridge: "cnv-bridge.yaml"},
	},
}

// Names lists the scenarios.
func Names() []string { return slices.Sorted(maps.Keys(definitions)) }

// base is the main namespace's name in the manifests. In a run it is base-RUNID; the other namespaces, the groups,
// are called after it: base-GROUP, and base-RUNID-GROUP.
func (d definition) base() string { return "vmnet-" + d.short }

// deployed are the files of a deployment, without the namespaces and what only some clusters get.
func (d definition) deployed(spare bool) []string {
	if spare && d.spare != "" {
		return append(slices.Clone(d.files), d.spare)
	}
	return d.files
}

// on are the files of a deployment on a cluster, the namespaces first.
func (d definition) on(f model.Facts, spare bool) []string {
	files := append([]string{d.namespaces}, d.deployed(spare)...)
	for _, feature := range slices.Sorted(maps.Keys(d.optional)) {
		if f.Features[feature].Present {
			files = append(files, d.optional[feature])
		}
	}
	return files
}

// all are all files that the code names.
func (d definition) all() []string {
	return slices.Concat([]string{d.namespaces}, d.deployed(true), slices.Sorted(maps.Values(d.optional)), d.extra)
}

// groupOf says which group a namespace is, main being the main one's name; empty for that.
func groupOf(namespace, main string) string {
	group, ok := strings.CutPrefix(namespace, main+"-")
	if !ok {
		return ""
	}
	return group
}
