package parse

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// QEMUNIC is a NIC as QEMU's command line tells it.
type QEMUNIC struct {
	model.NIC
	// FDs are the open files that back it, numbers in QEMU's process, where the command line names no tap:
	// /proc/PID/fdinfo/FD of a tap holds its name, see TapOfFD.
	FDs []int
}

// QEMU reads a QEMU command line, its arguments separated by NUL (as /proc/PID/cmdline) or by newlines:
// the network devices in their order, joined with their netdevs. Both of QEMU's notations are read,
// key=value lists and JSON. A device whose netdev is not on the command line has neither tap nor files.
func QEMU(cmdline string) ([]QEMUNIC, error) {
	argv := arguments(cmdline)
	if len(argv) == 0 {
		return nil, fmt.Errorf("qemu command line: %w", errEmpty)
	}
	netdevs := map[string]map[string]string{}
	var nics []QEMUNIC
	var ids []string
	for i := 0; i+1 < len(argv); i++ {
		what := strings.TrimLeft(argv[i], "-")
		first, ok := map[string]string{"netdev": "type", "device": "driver"}[what]
		if !ok || what == argv[i] {
			continue
		}
		i++
		props, err := properties(argv[i], first)
		if err != nil {
			return nil, fmt.Errorf("qemu command line: -%s: %w", what, err)
		}
		if what == "netdev" {
			netdevs[props["id"]] = props
		} else if id, ok := props["netdev"]; ok {
			ids = append(ids, id)
			nics = append(nics, QEMUNIC{NIC: model.NIC{Device: props["driver"], ID: id, MAC: strings.ToLower(props["mac"])}})
		}
	}
	for i, id := range ids {
		nd := netdevs[id]
		nics[i].Tap = nd["ifname"]
		for _, key := range []string{"fd", "fds"} {
			for _, s := range strings.Split(nd[key], ":") {
				if fd, err := strconv.Atoi(s); err == nil {
					nics[i].FDs = append(nics[i].FDs, fd)
				}
			}
		}
	}
	return nics, nil
}

// TapOfFD reads /proc/PID/fdinfo/FD of an open tap: the name of the link behind it (drivers/net/tun.c, iff).
func TapOfFD(fdinfo string) (string, error) {
	for _, line := range strings.Split(fdinfo, "\n") {
		if name, ok := strings.CutPrefix(line, "iff:"); ok {
			if name = strings.TrimSpace(name); name != "" {
				return name, nil
			}
		}
	}
	return "", fmt.Errorf("fdinfo: no iff line: not a tap, in %q", clip(fdinfo))
}

// properties reads one option's value: {"driver":"x","netdev":"y"} or x,netdev=y.
func properties(value, first string) (map[string]string, error) {
	props := map[string]string{}
	if strings.HasPrefix(value, "{") {
		var raw map[string]any
		if err := json.Unmarshal([]byte(value), &raw); err != nil {
			return nil, fmt.Errorf("%w in %q", err, clip(value))
		}
		for k, v := range raw {
			switch v := v.(type) {
			case string:
				props[k] = v
			case float64:
				props[k] = strconv.FormatFloat(v, 'f', -1, 64)
			case bool:
				props[k] = strconv.FormatBool(v)
			}
		}
		return props, nil
	}
	// A comma inside a value is written twice.
	const comma = "\x00"
	for i, field := range strings.Split(strings.ReplaceAll(value, ",,", comma), ",") {
		k, v, ok := strings.Cut(field, "=")
		if !ok && i == 0 {
			k, v = first, field
		}
		props[strings.ReplaceAll(k, comma, ",")] = strings.ReplaceAll(v, comma, ",")
	}
	return props, nil
}

// arguments splits a command line that is separated by NUL or, without any NUL, by newlines.
func arguments(cmdline string) []string {
	sep := "\n"
	if strings.Contains(cmdline, "\x00") {
		sep = "\x00"
	}
	var argv []string
	for _, a := range strings.Split(cmdline, sep) {
		if a = strings.TrimSuffix(a, "\n"); a != "" {
			argv = append(argv, a)
		}
	}
	return argv
}
