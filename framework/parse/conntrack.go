package parse

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// Conntrack reads the answer of `conntrack -L`: an entry a line, in its order; no line is no entry. What is no TCP or
// UDP has no ports.
func Conntrack(text string) ([]model.Conntrack, error) {
	entries := []model.Conntrack{}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "conntrack v") { // the tool's summary, where both outputs are one
			continue
		}
		e, err := conntrackEntry(strings.Fields(line))
		if err != nil {
			return nil, fmt.Errorf("conntrack: line %d: %w in %q", i+1, err, clip(line))
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// ConntrackNew reads what `conntrack -E -e NEW` says of connections as they begin, as the table that they would be in if none
// of them ended: where one begins anew by the same tuple in the same zone, what it was before is gone.
func ConntrackNew(text string) ([]model.Conntrack, error) {
	const event = "[NEW]"
	var lines []string
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		rest, ok := strings.CutPrefix(line, event)
		if line != "" && !ok {
			return nil, fmt.Errorf("conntrack events: line %d: no %s in %q", i+1, event, clip(line))
		}
		lines = append(lines, rest)
	}
	begun, err := Conntrack(strings.Join(lines, "\n"))
	if err != nil {
		return nil, err
	}
	entries := []model.Conntrack{}
	for _, e := range begun {
		entries = slices.DeleteFunc(entries, func(old model.Conntrack) bool {
			return old.Proto == e.Proto && old.Zone == e.Zone && old.Original == e.Original
		})
		entries = append(entries, e)
	}
	return entries, nil
}

// conntrackEntry reads one: the protocol, then the original's tuple and the reply's, each begun by src, then what
// belongs to both.
func conntrackEntry(fields []string) (model.Conntrack, error) {
	const family = 2 // the extended form puts the family's name and number first
	if len(fields) > family && strings.HasPrefix(fields[0], "ipv") {
		fields = fields[family:]
	}
	e := model.Conntrack{Proto: fields[0]}
	if strings.Contains(e.Proto, "=") {
		return e, fmt.Errorf("no protocol")
	}
	more := []*model.Tuple{&e.Original, &e.Reply}
	var tuple *model.Tuple
	for _, f := range fields[1:] {
		k, v, ok := strings.Cut(f, "=")
		if !ok {
			continue // number, timeout, state, flags in brackets
		}
		var err error
		switch k {
		case "src":
			if len(more) == 0 {
				return e, fmt.Errorf("more than two tuples")
			}
			tuple, more = more[0], more[1:]
			tuple.Src, err = address(v)
		case "dst", "sport", "dport":
			if tuple == nil {
				return e, fmt.Errorf("%s before src", k)
			}
			err = part(tuple, k, v)
		case "mark":
			e.Mark, err = strconv.Atoi(v)
		case "zone":
			e.Zone, err = strconv.Atoi(v)
		}
		if err != nil {
			return e, fmt.Errorf("%s: %w", k, err)
		}
	}
	if len(more) > 0 || e.Original.Dst == "" || e.Reply.Dst == "" {
		return e, fmt.Errorf("no two tuples")
	}
	return e, nil
}

func part(t *model.Tuple, key, value string) (err error) {
	switch key {
	case "dst":
		t.Dst, err = address(value)
	case "sport":
		t.SrcPort, err = port(value)
	case "dport":
		t.DstPort, err = port(value)
	}
	return err
}

func address(s string) (string, error) {
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return "", err
	}
	return ip.WithZone("").String(), nil
}

func port(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	return int(n), err
}
