package judge

import (
	"fmt"
	"net/netip"
	"strings"
)

// vain is an attempt that must be refused. That it is says something beside attempts that pass, and that nothing arrived
// beside a capture that saw another.
type vain struct {
	// path is the attempt, at this address, which is whose.
	path    string
	address netip.Addr
	whose   string
	// own is what the same client makes with success.
	own control
	// beside is what the same receiver answers to another client.
	beside control
	// captured is true where the receiver's frames of both were looked for.
	captured bool
}

// control is an attempt that must pass, or nothing can be said.
type control struct {
	path string
	// answered is true where the far end says who it is, answer is who that must be.
	answered bool
	answer   string
	// at is where; the zero value for anywhere.
	at netip.Addr
}

// by is a control that somebody answers at an address.
func by(path, answer string, at netip.Addr) control {
	return control{path: path, answered: true, answer: answer, at: at}
}

// refused judges one. A control that fails makes no verdict, neither way.
func (s subject) refused(v vain) {
	s.alive(v.own)
	s.alive(v.beside)
	p, from, ok := s.path(v.path)
	if !ok {
		return
	}
	dialled(s.n, v.path, from, v.address, v.whose, p)
	passed(s.n, v.path, from, false, p)
	if v.captured {
		s.nothingArrived(v.path, v.beside.path)
	}
}

// alive notes a control that does not pass, or somewhere else.
func (s subject) alive(c control) {
	if c.path == "" {
		return
	}
	p, _, ok := s.path(c.path)
	if !ok {
		return
	}
	host, _, err := endpoint(p.Target)
	switch {
	case !p.Passed:
		s.n.Cannot("control "+c.path, strings.TrimSpace("it "+outcome(false)+" "+p.Detail)+", so that what is refused beside it says nothing")
		s.n.walked(p)
	case c.at.IsValid() && (err != nil || host != c.at.String()):
		s.n.Cannot("control "+c.path, "it dialled "+text(p.Target)+", not "+c.at.String())
	case c.answered && p.Answer != c.answer:
		s.n.Cannot("control "+c.path, "it was answered by "+text(p.Answer)+", not by hostname "+text(c.answer))
	}
}

// nothingArrived compares what the receiver's capture holds of an attempt. It holds another's frames, or saw nothing.
func (s subject) nothingArrived(path, control string) {
	captured, from, ok := Need(s.n, "capture of "+path, s.stage.Frames[path])
	if !ok {
		return
	}
	seen, at, ok := Need(s.n, "capture of "+control, s.stage.Frames[control])
	switch {
	case !ok:
		return
	case len(seen) == 0:
		s.n.Cannot("capture of "+control, "it is empty, though that attempt is the control")
	case at.Place != from.Place:
		s.n.Cannot("capture of "+path, "it was made at "+text(from.Place)+", that of the control "+control+" at "+text(at.Place))
	}
	var frames []string
	for _, f := range captured {
		frames = append(frames, fmt.Sprintf("%s %s:%d > %s:%d", f.Proto, f.Src, f.SrcPort, f.Dst, f.DstPort))
	}
	s.n.Set("frames of "+path+" at the receiver", from, nil, "the claim", frames)
}
