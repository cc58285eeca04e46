package scenario

import (
	"maps"
	"slices"
	"strings"
)

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
}

// Names lists the scenarios.
func Names() []string { return slices.Sorted(maps.Keys(definitions)) }

// base is the main namespace's name in the manifests. In a run it is base-RUNID; the other namespaces, the groups,
// are called after it: base-GROUP, and base-RUNID-GROUP.
func (d definition) base() string { return "vmnet-" + d.short }

// deployed are the files of a deployment.
func (d definition) deployed(spare bool) []string {
	if spare && d.spare != "" {
		return append(slices.Clone(d.files), d.spare)
	}
	return d.files
}

// all are all files that the code names.
func (d definition) all() []string {
	return slices.Concat([]string{d.namespaces}, d.deployed(true), d.extra)
}

// groupOf says which group a namespace is, main being the main one's name; empty for that.
func groupOf(namespace, main string) string {
	group, ok := strings.CutPrefix(namespace, main+"-")
	if !ok {
		return ""
	}
	return group
}
