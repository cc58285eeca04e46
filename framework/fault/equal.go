package fault

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// What two looks at the same network differ in: when and how it was looked at, and which ports and packets the attempts
// happened to use.
var volatile = map[string]bool{
	"at": true, "raw": true, "command": true, "detail": true, "sourcePort": true,
	"seconds": true, "srcPort": true, "dstPort": true, "length": true, "df": true, "sources": true,
}

// What a VM's new pod has anew: numbers of links, random MACs of taps.
var perPod = map[string]bool{"index": true, "peerIndex": true}

// Differences lists where two observations differ in what the network is, by field; empty means that they are equal.
// Names and addresses of the pods of renewed VMs may differ.
func Differences(before, after model.Observation, renewed []string) ([]string, error) {
	a, err := normal(before, renewed)
	if err != nil {
		return nil, err
	}
	b, err := normal(after, renewed)
	if err != nil {
		return nil, err
	}
	var found []string
	compare("", a, b, &found)
	return found, nil
}

// normal is an observation as plain values, without what may differ.
func normal(o model.Observation, renewed []string) (any, error) {
	names := map[string]string{}
	for _, s := range o.Stages {
		for _, vm := range renewed {
			identities(names, s.VMs[vm], vm)
		}
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("compare observations: %w", err)
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, fmt.Errorf("compare observations: %w", err)
	}
	n := normaliser{renewed: renewed, names: names}
	if len(names) > 0 {
		// longest first: one name may begin another
		words := slices.SortedFunc(maps.Keys(names), func(a, b string) int { return len(b) - len(a) })
		for i, w := range words {
			words[i] = regexp.QuoteMeta(w)
		}
		n.words = regexp.MustCompile(`\b(?:` + strings.Join(words, "|") + `)\b`)
	}
	return n.value("", tree), nil
}

// identities are the names and addresses that a VM's pod gives it.
func identities(names map[string]string, v model.VMView, vm string) {
	put := func(value, kind string) {
		if value != "" {
			names[value] = "<" + kind + " of " + vm + ">"
		}
	}
	put(v.Pod.Value.Name, "pod")
	put(v.Pod.Value.UID, "uid")
	put(v.Port.Value.HostLink, "veth")
	put(v.Port.Value.Name, "port")
	for _, ip := range v.Pod.Value.IPs {
		put(ip, "ip")
	}
	for _, a := range v.Pod.Value.Allotted {
		put(a.MAC, "mac")
	}
	for _, l := range v.Launcher.Links.Value {
		if l.Kind == "tun" || l.Name == "tap0" {
			put(l.MAC, "tap's mac")
		}
		for _, a := range l.Addresses {
			if a.Family == "inet6" && a.CIDR != "::1/128" {
				ip, _, _ := strings.Cut(a.CIDR, "/")
				put(ip, "inet6 of "+l.Name)
			}
		}
	}
}

type normaliser struct {
	renewed []string
	names   map[string]string
	words   *regexp.Regexp // matches the keys of names; nil for none
}

func (n normaliser) text(s string) string {
	if n.words == nil {
		return s
	}
	return n.words.ReplaceAllStringFunc(s, func(w string) string { return n.names[w] })
}

func (n normaliser) value(path string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, child := range v {
			if volatile[k] || perPod[k] && n.inRenewed(path) {
				continue
			}
			out[n.text(k)] = n.value(path+"."+k, child)
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, child := range v {
			out = append(out, n.value(path+"[]", child))
		}
		if strings.Contains(path, ".frames.") && strings.HasSuffix(path, ".value") {
			return distinct(out)
		}
		return out
	case string:
		return n.text(v)
	}
	return v
}

func (n normaliser) inRenewed(path string) bool {
	return slices.ContainsFunc(n.renewed, func(vm string) bool { return strings.Contains(path, ".vms."+vm+".") })
}

// distinct makes a set of a capture: which ends spoke TCP, not how many packets it took and in which order. What else
// was on the wire at that moment is not the flow.
func distinct(frames []any) []any {
	seen := map[string]any{}
	for _, f := range frames {
		if m, ok := f.(map[string]any); ok && m["proto"] != "tcp" {
			continue
		}
		raw, err := json.Marshal(f)
		if err != nil {
			return frames
		}
		seen[string(raw)] = f
	}
	out := make([]any, 0, len(seen))
	for _, k := range slices.Sorted(maps.Keys(seen)) {
		out = append(out, seen[k])
	}
	return out
}

func compare(path string, a, b any, found *[]string) {
	if am, ok := a.(map[string]any); ok {
		if bm, ok := b.(map[string]any); ok {
			keys := slices.Collect(maps.Keys(am))
			for k := range bm {
				if _, both := am[k]; !both {
					keys = append(keys, k)
				}
			}
			sort.Strings(keys)
			for _, k := range keys {
				compare(strings.TrimPrefix(path+"."+k, "."), am[k], bm[k], found)
			}
			return
		}
	}
	if as, ok := a.([]any); ok {
		if bs, ok := b.([]any); ok && len(as) == len(bs) {
			for i := range as {
				compare(fmt.Sprintf("%s[%d]", path, i), as[i], bs[i], found)
			}
			return
		}
	}
	if !reflect.DeepEqual(a, b) {
		*found = append(*found, fmt.Sprintf("%s: %s became %s", path, short(a), short(b)))
	}
}

func short(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	const most = 200
	if len(raw) > most {
		return strings.ToValidUTF8(string(raw[:most]), "") + "…"
	}
	return string(raw)
}
