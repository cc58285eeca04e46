package observe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// logical is OVN's part of a way: the port that packets enter by, what becomes of them behind it, and the mapping by which
// they leave for a physical network.
type logical struct {
	node, link string // the OVS port
	tables     ovnAnswers
	bridges    model.Read[bridges]
	physical   string // the physical network; empty where the way does not lead out by one

	traced model.Hop
}

// port is whether the OVS port stands for a logical port that is bound to this node and up; name is that port.
func (l *logical) port() (hop model.Hop, name string) {
	r := model.Read[bool]{Place: "node " + l.node, At: time.Now().UTC(),
		Command: askInterfaces.show + "; " + askBindings.show + "; " + askChassis.show}
	hop = model.Hop{Name: "logical port", Seen: r}
	if err := errors.Join(l.tables.interfaces.Failure(), l.tables.bindings.Failure(), l.tables.chassis.Failure()); err != nil {
		hop.Seen.Err = err.Error()
		return hop, ""
	}
	for _, row := range l.tables.interfaces.Value {
		if row.Text("name") == l.link {
			name = row.Map("external_ids")["iface-id"]
		}
	}
	hop.Seen.Raw = fmt.Sprintf("interface %s has iface-id %q", l.link, name)
	for _, row := range l.tables.bindings.Value {
		if name == "" || row.Text("logical_port") != name {
			continue
		}
		on := ""
		for _, c := range l.tables.chassis.Value {
			if c.UUID() != "" && c.UUID() == row.Text("chassis") {
				on = c.Text("hostname")
			}
		}
		hop.Seen.Raw += fmt.Sprintf("; port binding: chassis %q, up %t", on, row.Bool("up"))
		hop.Seen.Value = on == l.node && row.Bool("up")
	}
	return hop, name
}

// mapping is whether the physical network has a bridge on the node, which OVN has connected.
func (l *logical) mapping() model.Hop {
	r := model.Read[bool]{Place: l.bridges.Place, Command: l.bridges.Command, Raw: l.bridges.Raw, Err: l.bridges.Err, At: l.bridges.At}
	bridge, ok := l.bridges.Value.mappings[l.physical]
	r.Value = ok && l.bridges.Value.patched[bridge]
	return model.Hop{Name: "bridge mapping", Seen: r}
}

// tracing is said more than once, for each time that the packet is tracked on its way: as a connection's first.
const tracing = "ovn-trace --ct=new --ct=new --ct=new"

// trace asks OVN what becomes of the first packet that came out of the near end.
func (w *way) trace(ctx context.Context, o *observer) {
	if w.ovn == nil {
		return
	}
	_, name := w.ovn.port()
	first, ok := w.first()
	a := ask{id: "trace", show: tracing}
	hop := &w.ovn.traced
	hop.Name = "logical switch"
	hop.Seen = model.Read[bool]{Place: "node " + w.ovn.node, Command: a.show, At: time.Now().UTC()}
	flow, err := microflow(name, first)
	switch {
	case name == "":
		err = errors.New("the logical port is not known")
	case !ok:
		err = errors.New("no packet came that far")
	}
	if err != nil {
		hop.Seen.Err = "not traced: " + err.Error()
		return
	}
	a.show += " '" + flow + "'"
	answers, err := o.inOVN(ctx, w.ovn.node, a)
	r := read(placed("node "+w.ovn.node), a, answers, err, parse.OVNTrace)
	w.ovn.traced = tracedHop(r)
}

// tracedHop names the switch or router that the trace ends in. What is kept of the answer is its last line.
func tracedHop(r model.Read[parse.Trace]) model.Hop {
	t := r.Value
	h := model.Hop{Name: "logical switch", Seen: model.Read[bool]{
		Value: t.Delivered, Place: r.Place, Command: r.Command, Raw: t.Last, Err: r.Err, At: r.At}}
	if t.Router {
		h.Name = "logical router"
	}
	if t.Datapath != "" {
		h.Name += " " + t.Datapath
	}
	return h
}

// first is the first frame of the flow, or the first question for its next hop, that came out of the near end.
func (w *way) first() (model.Frame, bool) {
	for _, s := range w.out {
		if s.hop != "pod port" && s.hop != "OVS port" {
			continue
		}
		for _, is := range []func(model.Frame) bool{
			func(m model.Frame) bool { return w.flow.sent(m, s.far) },
			func(m model.Frame) bool { return asks(m, w.next) },
		} {
			for _, m := range s.saw.Value {
				if is(m) {
					return m, true
				}
			}
		}
	}
	return model.Frame{}, false
}
