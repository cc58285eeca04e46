package fault

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// Differences lists where two observations differ in what the network is, by field; empty means that they are equal.
// Names, addresses and numbers of renewed VMs, pods and networks may differ.
func Differences(before, after model.Observation, renewed []string) ([]string, error) {
	a, err := normaliserOf(before, renewed).observation(before)
	if err != nil {
		return nil, err
	}
	b, err := normaliserOf(after, renewed).observation(after)
	if err != nil {
		return nil, err
	}
	var found []string
	compare("", a, b, &found)
	return found, nil
}

func (n normaliser) observation(o model.Observation) (any, error) {
	tree, err := plain(o)
	if err != nil {
		return nil, fmt.Errorf("compare observations: %w", err)
	}
	return n.value("", tree), nil
}

// volatile is what two looks at the same network differ in: when and how it was looked at, which ports and packets the
// attempts happened to use, in which rows of a database or zones of connection tracking it is kept.
var volatile = map[string]bool{
	"at": true, "raw": true, "command": true, "detail": true, "sourcePort": true, "clientPort": true, "sources": true, "uuid": true,
	"expires": true,
}

// volatileIn is the same for what has other fields of these names as well.
var volatileIn = map[string][]string{
	".frames.": {"seconds", "srcPort", "dstPort", "length", "df"},
	// on the cluster's network a pod's question for another's MAC is answered by both the pod and, for VMs that move, the switch's router port
	// (OVN-Kubernetes, arp_proxy): which of the two comes last changes
	".frames.pod/client-default>": {"srcMAC", "dstMAC"},
	".flows.":                     {"srcPort", "dstPort", "zone"},
	".hosts.":                     {"index", "peerIndex"},
	// the pod is put anywhere, and its events name it and its sandboxes
	".refusals.": {"node", "warnings"},
}

// perPod is what a new pod has anew, or may: numbers of links, its node.
var perPod = map[string]bool{"index": true, "peerIndex": true, "node": true, "chassis": true, "id": true}

func (n normaliser) skips(path, key string) bool {
	if volatile[key] || perPod[key] && n.inRenewed(path) {
		return true
	}
	for part, keys := range volatileIn {
		if strings.Contains(path, part) && slices.Contains(keys, key) {
			return true
		}
	}
	return false
}

func (n normaliser) value(path string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, child := range v {
			if !n.skips(path, k) {
				out[n.text(k)] = n.value(path+"."+k, child)
			}
		}
		if strings.HasSuffix(path, ".launcher.links.value[]") && n.inRenewed(path) && randomMAC(v) {
			delete(out, "mac")
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, child := range v {
			if n.counts(path, child) {
				out = append(out, n.value(path+"[]", child))
			}
		}
		return ordered(path, out)
	case string:
		return n.text(v)
	}
	return v
}

// randomMAC says whether a launcher's link is one whose MAC the kernel makes up.
func randomMAC(link map[string]any) bool {
	name, ok := link["name"].(string)
	return ok && (link["kind"] == "tun" || link["kind"] == "bridge" || strings.HasSuffix(name, "-nic"))
}

// counts says whether an element of a list is of the network that is compared, not of others beside it.
func (n normaliser) counts(path string, element any) bool {
	m, ok := element.(map[string]any)
	switch {
	case !ok:
	case strings.Contains(path, ".frames."):
		return m["proto"] == "tcp" // what else was on the wire at that moment is not the flow
	case strings.HasSuffix(path, ".neighbours.value"):
		return m["state"] == "PERMANENT" // others come and go
	case strings.Contains(path, ".hosts.") && strings.HasSuffix(path, ".links.value"):
		return m["kind"] != "veth" && len(n.networks) == 0 // of all the node's pods; a new network has new links
	case strings.Contains(path, ".hosts."):
		return !n.ofRenewed(jsonOf(m))
	}
	return true
}

// ordered sorts lists whose order says nothing, and makes a set of a capture: which ends spoke, not how many packets it
// took.
func ordered(path string, list []any) []any {
	switch {
	case strings.Contains(path, ".frames."):
		return slices.CompactFunc(sorted(list), reflect.DeepEqual)
	case strings.Contains(path, ".hosts."), strings.Contains(path, ".flows."), strings.HasSuffix(path, ".routes.value"),
		strings.Contains(path, ".localnets."), strings.HasSuffix(path, ".leases.value"):
		return sorted(list)
	}
	return list
}

func sorted(list []any) []any {
	slices.SortFunc(list, func(a, b any) int { return strings.Compare(jsonOf(a), jsonOf(b)) })
	return list
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
		*found = append(*found, fmt.Sprintf("%s: %s became %s", path, clip(jsonOf(a)), clip(jsonOf(b))))
	}
}

// jsonOf is a plain value in one line.
func jsonOf(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(raw)
}

func clip(s string) string {
	const most = 200
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
