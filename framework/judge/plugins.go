package judge

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// ovnPlugin is OVN-Kubernetes' plugin (go-controller/pkg/config: CNIConfig.Plugin). Multus' is the shim where a daemon does
// the work (Multus, docs/thick-plugin.md).
const ovnPlugin = "ovn-k8s-cni-overlay"

var multusPlugins = []string{"multus", "multus-shim"}

// eachCNI gives the plugins of each node.
func eachCNI(n *Notebook, o model.Observation, judge func(node string, c model.CNI, from Source)) {
	stage, _ := o.Stage(model.Steady)
	if len(o.Facts.Nodes) == 0 {
		n.Cannot("nodes", "the facts have none")
	}
	for _, node := range o.Facts.Nodes {
		if c, from, ok := Need(n, "cni of node "+cmp.Or(node.Name, "without a name"), stage.Physical.CNI[node.Name]); ok {
			judge(node.Name, c, from)
		}
	}
}

// multusCalled is MC-01.
func multusCalled(n *Notebook, o model.Observation) {
	eachCNI(n, o, func(node string, c model.CNI, from Source) {
		n.OneOf("type of plugin that the runtime of node "+node+" calls, by "+text(c.File), from, multusPlugins, "Multus", c.Type)
		n.Equal("delegate of that plugin on node "+node, from, ovnPlugin, "OVN-Kubernetes", c.Delegate)
	})
}

// pluginsThere is MC-02. What is observed lists all.
func pluginsThere(n *Notebook, o model.Observation) {
	stage, _ := o.Stage(model.Steady)
	keys := slices.Collect(maps.Keys(stage.Networks))
	for _, key := range bridgeNetworks {
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	needed := []string{ovnPlugin}
	for _, key := range keys {
		w, _, ok := Need(n, "network "+key, stage.Networks[key])
		if ok && len(w.Asked.Plugins) == 0 {
			n.Cannot("network "+key, "its manifest names no plugins")
		}
		for _, p := range w.Asked.Plugins {
			if !slices.Contains(needed, p) {
				needed = append(needed, p)
			}
		}
	}
	eachCNI(n, o, func(node string, c model.CNI, from Source) {
		missing := differ(needed, c.Binaries)
		got := list(c.Binaries)
		if len(missing) > 0 {
			got += "; missing: " + list(missing)
		}
		n.Check("binaries of plugins on node "+node, from, list(needed), "the plugins of the networks and the cluster's", got, len(missing) == 0)
	})
}

// statusLists is MC-03: what Multus says of each interface's network, and what the launcher's link is.
func (s subject) statusLists() {
	rows, from, ok := Need(s.n, "network-status of "+s.name, s.stage.Physical.Attachments[s.name])
	if !ok {
		return
	}
	byName, names := map[string]model.Attachment{}, []string{}
	for _, r := range rows {
		name := r.Name
		if r.Default {
			name = defaultNetwork
		}
		byName[name] = r
		names = append(names, text(name))
	}
	var want []string
	for _, i := range s.Spec.Interfaces {
		name := defaultNetwork
		if i.Network != "" {
			name = s.Spec.Namespace + "/" + i.Network[strings.LastIndex(i.Network, "/")+1:]
		}
		want = append(want, name)
		r, ok := byName[name]
		if !ok {
			continue // the set tells it
		}
		what := s.what("network-status of network " + name + ", default " + cmp.Or(map[bool]string{true: "true"}[r.Default], "false") + ": ")
		link := podInterface(i)
		s.n.Equal(what+"interface", from, link, "KubeVirt, for "+text(i.Name), r.Interface)
		if l, _, ok := s.launcherLink(link); ok {
			s.n.Equal(what+"mac", from, l.MAC, "link "+link+" of the launcher", r.MAC)
			s.n.Set(what+"IPs", from, withoutPrefix(ipv4(l)), "addresses of link "+link+" of the launcher", ipv4Only(r.IPs))
		}
	}
	s.n.Set("networks in network-status of "+s.name, from, want, interfaces(s.Spec), names)
}

// chained is MC-04: the link has what the second plugin of the chain sets. On a link without that plugin it is another.
func (s subject) chained() {
	i, asked, ok := s.attached("tuned")
	if !ok {
		return
	}
	got, from, ok := Need(s.n, s.what("sysctls in the launcher"), s.stage.Physical.Sysctls[s.name])
	if !ok {
		return
	}
	if len(asked.Sysctls) == 0 {
		s.n.Cannot("network "+i.key, "its manifest sets no sysctls")
	}
	own, _, _, _ := udnNames(i.spec)
	untuned, _, _, _ := udnNames(model.InterfaceSpec{Name: "plain", Network: "plain"})
	for _, name := range slices.Sorted(maps.Keys(asked.Sysctls)) {
		want, setting := asked.Sysctls[name], strings.Replace(name, "IFNAME", own, 1)
		control := strings.Replace(name, "IFNAME", untuned, 1)
		if v, ok := got[control]; !ok || v == "" || v == want {
			s.n.Cannot("control sysctl "+control, "it is "+text(v)+", so that "+text(want)+" may be nobody's doing")
		}
		s.n.Equal(s.what("sysctl "+setting), from, want, "network "+i.key, got[setting])
	}
}
