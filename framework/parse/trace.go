package parse

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Trace is how a packet fares in the logical network, as ovn-trace tells it.
type Trace struct {
	// Delivered is whether a copy of it leaves by a port that leads out of the logical network. Port is that port, the last
	// of several, and PortType its type: empty for a pod's, localnet, remote.
	Delivered bool
	Port      string
	PortType  string
	// Datapath is the logical switch or router that the trace ends in, Router whether it is a router, and Stage the last
	// table there, as lr_in_ip_routing.
	Datapath string
	Router   bool
	Stage    string
	// Last is the last line that says something.
	Last string
}

var (
	// The lines of ovn-trace's detailed output (OVN, utilities/ovn-trace.c: trace__ and execute_output).
	pipelineLine = regexp.MustCompile(`^(?:ingress|egress|multicast)\(dp="([^"]*)"`)
	tableLine    = regexp.MustCompile(`^\d+\. (l[sr]_(?:in|out)_\w+)\b`)
	outputLine   = regexp.MustCompile(`^/\* output to "([^"]*)", type "([^"]*)" \*/`)
)

// OVNTrace reads the answer of `ovn-trace` in its detailed form. Ports that join switches and routers lead on, not out.
// An answer without any pipeline is no trace.
func OVNTrace(text string) (Trace, error) {
	var t Trace
	begun := false
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if strings.Trim(line, "-") == "" || strings.HasPrefix(line, "#") {
			continue
		}
		t.Last = line
		if m := pipelineLine.FindStringSubmatch(line); m != nil {
			begun = true
			t.Datapath, t.Stage, t.Router = m[1], "", false
		}
		if m := tableLine.FindStringSubmatch(line); m != nil {
			t.Stage, t.Router = m[1], strings.HasPrefix(m[1], "lr_")
		}
		if m := outputLine.FindStringSubmatch(line); m != nil && begun && !joins(m[2]) {
			t.Delivered, t.Port, t.PortType = true, m[1], m[2]
		}
	}
	switch {
	case t.Last == "":
		return Trace{}, fmt.Errorf("ovn-trace: %w", errEmpty)
	case !begun:
		return Trace{}, fmt.Errorf("ovn-trace: %w: %s", errNoPipeline, clip(t.Last))
	}
	return t, nil
}

var errNoPipeline = errors.New("no pipeline in the answer")

// joins says whether ports of a type join logical switches and routers.
func joins(portType string) bool { return portType == "patch" || portType == "l3gateway" }
