package fault

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// normaliser puts what came anew into words that are the same before and after.
type normaliser struct {
	renewed []string
	names   map[string]string
	words   *regexp.Regexp // matches the keys of names; nil for none
	// networks are the names of renewed networks, owners those of renewed VMs, as OVN's tables have them.
	networks, owners []string
}

func normaliserOf(o model.Observation, renewed []string) normaliser {
	n := normaliser{renewed: renewed, names: map[string]string{}}
	for _, s := range o.Stages {
		for _, name := range renewed {
			if v, ok := s.VMs[name]; ok {
				n.vm(name, v)
			}
			if p, ok := s.Pods[name]; ok {
				n.pod(name, p.Value)
			}
			if w := s.Networks[name].Value.NetworkName; w != "" {
				n.networks = append(n.networks, w, strings.NewReplacer("-", ".", "/", ".").Replace(w))
			}
		}
	}
	if len(n.names) > 0 {
		// longest first: one name may begin another
		words := slices.SortedFunc(maps.Keys(n.names), func(a, b string) int { return len(b) - len(a) })
		for i, w := range words {
			words[i] = regexp.QuoteMeta(w)
		}
		n.words = regexp.MustCompile(`\b(?:` + strings.Join(words, "|") + `)\b`)
	}
	return n
}

func (n *normaliser) put(value, kind, of string) {
	if value != "" {
		n.names[value] = "<" + kind + " of " + of + ">"
	}
}

// pod notes the names and addresses that a pod has of its own.
func (n *normaliser) pod(name string, p model.Pod) {
	n.put(p.UID, "uid", name)
	for _, ip := range p.IPs {
		n.put(ip, "ip", name)
	}
	for network, a := range p.Allotted {
		n.put(a.MAC, "mac on "+network, name)
		for _, cidr := range a.CIDRs {
			ip, _, _ := strings.Cut(cidr, "/")
			n.put(ip, "ip on "+network, name)
		}
	}
}

// vm notes those that a VM's pod gives it.
func (n *normaliser) vm(name string, v model.VMView) {
	n.pod(name, v.Pod.Value)
	n.put(v.Pod.Value.Name, "pod", name)
	n.put(v.Port.Value.HostLink, "veth", name)
	n.put(v.Port.Value.Name, "port", name)
	for _, l := range v.Launcher.Links.Value {
		for _, a := range l.Addresses {
			if a.Family == "inet6" && a.CIDR != "::1/128" {
				ip, _, _ := strings.Cut(a.CIDR, "/")
				n.put(ip, "inet6", name)
			}
		}
	}
	n.owners = append(n.owners, v.Spec.Namespace+"/"+name)
}

func (n normaliser) text(s string) string {
	if n.words == nil {
		return s
	}
	return n.words.ReplaceAllStringFunc(s, func(w string) string { return n.names[w] })
}

// inRenewed says whether a field is one of what came anew.
func (n normaliser) inRenewed(path string) bool {
	return slices.ContainsFunc(n.renewed, func(name string) bool {
		return strings.Contains(path, ".vms."+name+".") || strings.Contains(path, ".pods."+name+".") || strings.Contains(path, ".networks."+name+".")
	})
}

// ofRenewed says whether a row is about a network or VM that came anew. OVN-Kubernetes leaves a moved VM's rows where it
// was.
func (n normaliser) ofRenewed(row string) bool {
	return slices.ContainsFunc(slices.Concat(n.networks, n.owners), func(name string) bool { return strings.Contains(row, name) })
}
