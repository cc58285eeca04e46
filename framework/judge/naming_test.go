package judge

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/vmnet-project/vmnet/framework/judge/mutate"
	"github.com/vmnet-project/vmnet/framework/model"
)

// words are how messages call fields and lists whose own names nobody would say.
var words = map[string]string{
	"passed": "pass|reach", "target": "dialled|asked for|target", "sourceSeen": "sees it|answered", "flags": "state", "family": "address", "cidr": "address",
	"dst": "route", "dev": "route", "proto": "route", "table": "route", "type": "route", "edgeIPs": "edge", "podSubnet": "subnet",
	"vms": "VM", "paths": "path", "links": "link|NIC", "nics": "NIC", "controls": "control", "cidrs": "annotation", "allotted": "annotation", "ips": "IP", "interfaces": "interface",
	"addresses": "address", "routes": "route|gateway", "frames": "frame|capture", "backends": "behind", "hostLink": "other end", "entries": "connection tracking", "hosts": "node", "prefix": "address|prefix",
	"attachments": "network-status", "deleting": "deleted", "removal": "deletion", "serviceSubnets": "Service subnet", "nexthop": "next hop", "features": "cluster has",
}

// names tells whether what a reader is shown of a verdict names what was changed: its old or its new value, the element
// of a list or map by its key, or the field or list. The VM alone, or the stage, is no name for something in it.
func names(j model.Judgement, m mutate.Mutation) bool {
	message := j.Reason
	for _, e := range j.Evidence {
		if !e.Holds {
			message += "\n" + line(e)
		}
	}
	const least = 3 // shorter values are in every message
	value := func(v string) bool {
		bare, _, _ := strings.Cut(v, "/")
		return len(v) >= least && v != "true" && v != "false" && (says(message, v) || len(bare) >= least && says(message, bare))
	}
	if m.Op != mutate.Failed && m.Op != mutate.Unlooked && (value(m.New) || value(m.Old)) {
		return true
	}
	at := part.FindAllString(m.Path, -1)
	thing := at[len(at)-1]
	if saysPart(message, thing) {
		return true
	}
	// what it is in, unless that is a VM or a stage, which have too many
	return len(at) > 1 && (len(at) < 3 || at[len(at)-3] != "vms" && at[len(at)-3] != "stages") && saysPart(message, at[len(at)-2])
}

func saysPart(message, part string) bool {
	if key, ok := element(part); ok {
		return saysKey(message, key)
	}
	return saysField(message, part)
}

func element(part string) (key string, ok bool) {
	key, ok = strings.CutPrefix(part, "[")
	return strings.TrimSuffix(key, "]"), ok
}

var part = regexp.MustCompile(`\[[^]]*\]|[^.[]+`)

// says tells whether a value stands in a message by itself.
func says(message, value string) bool {
	for rest := message; value != ""; {
		before, after, found := strings.Cut(rest, value)
		if !found {
			return false
		}
		if !endsInWord(before) && !beginsWithWord(after) {
			return true
		}
		rest = after
	}
	return false
}

func endsInWord(s string) bool     { return s != "" && inWord(rune(s[len(s)-1])) }
func beginsWithWord(s string) bool { return s != "" && inWord(rune(s[0])) }
func inWord(r rune) bool           { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// saysField looks for a field's words.
func saysField(message, field string) bool {
	pattern := words[field]
	if pattern == "" {
		pattern = strings.TrimSuffix(strings.Trim(field, "()"), "s")
	}
	return regexp.MustCompile(`(?i)` + pattern).MatchString(message)
}

// saysKey looks for an element: a path by its ends, another one by its key or what is last in it.
func saysKey(message, key string) bool {
	if says(message, key) || says(message, strings.TrimPrefix(key, "+")) {
		return true
	}
	if strings.Contains(key, ">") {
		ends := strings.FieldsFunc(key, func(r rune) bool { return r == '>' || r == '/' || r == '#' })
		return all(ends, func(w string) bool {
			return slices.Contains([]string{"api", "peer", "pod", "dns", "service", "vm"}, w) || strings.Contains(message, w)
		})
	}
	key = second.ReplaceAllString(key, "")
	last := key[strings.LastIndex(key, " ")+1:]
	return last != key && says(message, last)
}

// second is behind the key of an element that has another's.
var second = regexp.MustCompile(` #\d+$`)

func all(words []string, ok func(string) bool) bool {
	return !slices.ContainsFunc(words, func(w string) bool { return !ok(w) })
}
