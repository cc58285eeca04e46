// Package mutate changes observations, one thing at a time, to prove that judges look at what they say they look at.
package mutate

import (
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// Pattern matches paths of an observation, in the language that judge.Claim.Reads describes.
type Pattern []string

// Expand turns what a claim declares into patterns for one observation: the selectors become names.
func Expand(reads []string, o model.Observation) []Pattern {
	names := selected(o)
	var patterns []Pattern
	for _, r := range reads {
		texts := alternatives(r, "{route}", []string{"family", "table", "type", "dst", "via", "dev", "proto", "src", "metric"})
		for _, selector := range []string{"<all>", "<guests>", "<spares>", "<default>", "<custom>", "<several>", "<primary>", "<home>", "<unshared>", "<shared>"} {
			var next []string
			for _, t := range texts {
				next = append(next, alternatives(t, selector, names[selector])...)
			}
			texts = next
		}
		for _, t := range texts {
			patterns = append(patterns, split(t))
		}
	}
	return patterns
}

// selected are the names that the selectors stand for, by selector: VMs of the main namespace; the name in OVN-Kubernetes
// of the network primary-udn; vm-p's node; and the VMs that attempts between two networks of one subnet lead to.
func selected(o model.Observation) map[string][]string {
	names := map[string][]string{}
	stage, _ := o.Stage(model.Steady)
	for name, v := range stage.VMs {
		if v.Spec.Group != "" {
			continue
		}
		selectors := []string{"<all>", "<spares>"}
		if !v.Spec.Spare {
			selectors = []string{"<all>", "<guests>", "<default>"}
			if len(v.Spec.Interfaces) > 0 && v.Spec.Interfaces[0].VMNetworkCIDR != "" {
				selectors[2] = "<custom>"
			}
			if len(v.Spec.Interfaces) > 1 {
				selectors = append(selectors, "<several>")
			}
		}
		for _, s := range selectors {
			names[s] = append(names[s], name)
		}
	}
	if w, ok := stage.Networks["primary-udn"]; ok {
		names["<primary>"] = []string{w.Value.NetworkName}
	}
	if v, ok := stage.VMs["vm-p"]; ok {
		names["<home>"] = []string{v.Pod.Value.Node}
	}
	for selector, path := range map[string]string{"<unshared>": "pod/twin-a>vm-unshared", "<shared>": "pod/client>shared"} {
		if vm, ok := strings.CutPrefix(stage.Paths[path].Value.To, "vm/"); ok {
			names[selector] = []string{vm}
		}
	}
	return names
}

func alternatives(text, word string, values []string) []string {
	if !strings.Contains(text, word) {
		return []string{text}
	}
	var all []string
	for _, v := range values {
		all = append(all, strings.ReplaceAll(text, word, v))
	}
	return all
}

// Match tells whether the pattern is of exactly this path.
func (p Pattern) Match(path string) bool { return p.match(split(path)) }

func (p Pattern) match(segments []string) bool {
	if len(segments) != len(p) {
		return false
	}
	for i, s := range segments {
		if strings.HasPrefix(s, "[+") != strings.HasPrefix(p[i], "[+") || !glob(p[i], s) {
			return false
		}
	}
	return true
}

// split cuts a path into fields and [keys]; a key may hold dots, but no brackets.
func split(path string) []string {
	var segments []string
	for path != "" {
		var s string
		if path[0] == '[' {
			end := strings.IndexByte(path, ']') + 1
			if end == 0 {
				end = len(path)
			}
			s, path = path[:end], path[end:]
		} else if end := strings.IndexAny(path, ".["); end >= 0 {
			s, path = path[:end], path[end:]
		} else {
			s, path = path, ""
		}
		path = strings.TrimPrefix(path, ".")
		segments = append(segments, s)
	}
	return segments
}

// glob matches * with any run of characters and ? with one.
func glob(pattern, s string) bool {
	switch {
	case pattern == "":
		return s == ""
	case pattern[0] == '*':
		for i := range len(s) + 1 {
			if glob(pattern[1:], s[i:]) {
				return true
			}
		}
		return false
	case s == "":
		return false
	}
	return (pattern[0] == '?' || pattern[0] == s[0]) && glob(pattern[1:], s[1:])
}
