package judge

import (
	"fmt"
	"slices"

	"github.com/vmnet-project/vmnet/framework/model"
)

// podEdge is CN-13.
func (s subject) podEdge() {
	p, from, ok := s.path(s.name + ">pod/echo")
	if !ok {
		return
	}
	ip, ok := s.podIP()
	if !ok {
		return
	}
	passed(s.n, s.name+" reaches the echo pod", from, true, p)
	s.n.Equal(s.what("address as the echo pod sees it"), from, ip, "the pod IP", p.SourceSeen)
}

// nodeEdge is CN-14, and in PU-13.
func (s subject) nodeEdge() {
	node, ok := s.node()
	if !ok {
		return
	}
	if len(node.EdgeIPs) == 0 {
		s.n.Cannot("node "+node.Name, "the facts have no edge address of it")
		return
	}
	p, flow, from, ok := s.outsideFlow()
	if !ok || p.Passed && !flow.caught(s) {
		return
	}
	why := "edge of node " + node.Name
	passed(s.n, s.name+" reaches the outside peer", from, true, p.Path)
	s.n.OneOf(s.what("address as the outside peer sees it"), from, node.EdgeIPs, why, p.SourceSeen)
	if !p.Passed {
		return
	}
	edge := p.SourceSeen
	if !slices.Contains(node.EdgeIPs, edge) {
		edge = node.EdgeIPs[0]
	}
	out := fmt.Sprintf("%s:%d > %s:%d", edge, p.SourcePort, p.host, p.port)
	back := fmt.Sprintf("%s:%d > %s:%d", p.host, p.port, edge, p.SourcePort)
	var seen []string
	for _, f := range flow.frames {
		t := fmt.Sprintf("%s:%d > %s:%d", f.Src, f.SrcPort, f.Dst, f.DstPort)
		if t != back && !slices.Contains(seen, t) {
			seen = append(seen, t)
		}
	}
	s.n.Set(s.what("flow on the wire at the outside peer"), flow.from, []string{out}, why+", with the port that the peer answered", seen)
}

// innerStaysInside is CN-15.
func (s subject) innerStaysInside() {
	subnet, _, ok := s.subnet()
	if !ok {
		return
	}
	ip, ok := s.podIP()
	if !ok {
		return
	}
	inner := []string{host(subnet, 2).Addr().String(), ip.String()}
	if seen, from, ok := s.outsideAddresses(); ok {
		s.n.NoneOf(s.what("flow's addresses on the wire at the outside peer"), from, inner, "guest's address and pod IP stay inside the node", seen)
	}
}

// outsideAddresses are all that the capture at the outside peer holds of the VM's flow.
func (s subject) outsideAddresses() (seen []string, from Source, ok bool) {
	_, flow, _, ok := s.outsideFlow()
	if !ok || !flow.caught(s) {
		return nil, from, false
	}
	for _, f := range flow.frames {
		for _, a := range []string{f.Src, f.Dst} {
			if !slices.Contains(seen, a) {
				seen = append(seen, a)
			}
		}
	}
	return seen, flow.from, true
}

type outsidePath struct {
	model.Path
	host string
	port int
}

type capturedFlow struct {
	frames []model.Frame
	from   Source
	// in is how many frames the capture holds in all, dialled how many are of the port that was dialled.
	in, dialled, port int
}

// caught notes where the capture holds nothing of what was dialled: then nothing was observed.
func (c capturedFlow) caught(s subject) bool {
	if c.dialled == 0 {
		s.n.Cannot(s.what("capture at the outside peer"), fmt.Sprintf("of its %d frames, none is of TCP port %d", c.in, c.port))
	}
	return c.dialled > 0
}

// outsideFlow gives the VM's attempt toward the outside peer, and what its capture holds of that flow: the TCP frames
// with the port that was dialled or the one that the peer saw.
func (s subject) outsideFlow() (outsidePath, capturedFlow, Source, bool) {
	name := s.name + ">peer/outside"
	p, from, ok := s.path(name)
	if !ok {
		return outsidePath{}, capturedFlow{}, from, false
	}
	host, port, err := endpoint(p.Target)
	if err != nil {
		s.n.Cannot("path "+name, err.Error())
		return outsidePath{}, capturedFlow{}, from, false
	}
	captured, at, ok := Need(s.n, "capture of "+name, s.stage.Frames[name])
	if !ok {
		return outsidePath{}, capturedFlow{}, from, false
	}
	flow := capturedFlow{from: at, in: len(captured), port: port}
	for _, f := range captured {
		if f.Proto != "tcp" {
			continue
		}
		of := func(port int) bool { return port != 0 && (f.SrcPort == port || f.DstPort == port) }
		if of(port) {
			flow.dialled++
		}
		if of(port) || of(p.SourcePort) {
			flow.frames = append(flow.frames, f)
		}
	}
	return outsidePath{p, host, port}, flow, from, true
}

// passed compares whether traffic arrived; where it should have and did not, the client's last word is shown.
func passed(n *Notebook, what string, from Source, want bool, p model.Path) {
	got := outcome(p.Passed)
	if p.Passed != want && p.Detail != "" {
		got += " (" + p.Detail + ")"
	}
	n.Check(what, from, outcome(want), "the claim", got, p.Passed == want)
	if want && !p.Passed {
		n.walked(p)
	}
}

func outcome(passed bool) string {
	if passed {
		return "passes"
	}
	return "does not pass"
}
