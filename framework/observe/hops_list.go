package observe

import (
	"slices"

	"github.com/vmnet-project/vmnet/framework/model"
)

// step is a hop, and whether it is one at which packets were looked for: others are settings, and what OVN would do.
type step struct {
	model.Hop
	packets bool
}

// hops lists what was seen along a way: where the packet came by, and, once it has come to the last place, where the
// answer did on its way back.
func (w *way) hops() []model.Hop {
	var there, back []step
	for _, s := range w.out {
		there = append(there, s.step(s.hop, w.came(s)))
	}
	there = append(there, w.ovn.steps()...)
	for _, s := range w.in {
		there = append(there, s.step(s.hop, w.came(s)))
	}
	stations := w.stations()
	answered := slices.ContainsFunc(stations, w.cameBack)
	if n := len(stations); n > 0 && (answered || w.came(stations[n-1])) {
		for _, s := range slices.Backward(stations) {
			one := s.step("answer at "+s.hop, w.cameBack(s))
			one.Seen.Raw = "" // as on the way there
			back = append(back, one)
		}
	}
	return append(consistent(there, answered), consistent(back, false)...)
}

// steps are the port, the trace and the mapping.
func (l *logical) steps() []step {
	if l == nil {
		return nil
	}
	port, _ := l.port()
	all := []step{{Hop: port}, {Hop: l.traced}}
	if l.physical != "" {
		all = append(all, step{Hop: l.mapping()})
	}
	return all
}

// came says whether the packet was seen, or the question for the MAC of its next hop in its stead.
func (w *way) came(s *station) bool {
	return slices.ContainsFunc(s.saw.Value, func(m model.Frame) bool { return w.flow.sent(m, s.far) || asks(m, w.next) })
}

func (w *way) cameBack(s *station) bool {
	return slices.ContainsFunc(s.saw.Value, func(m model.Frame) bool { return w.flow.answered(m, s.far) })
}

func (s *station) step(hop string, seen bool) step {
	return step{packets: true, Hop: model.Hop{Name: hop, Seen: model.Read[bool]{
		Value: seen, Place: s.saw.Place, Command: s.saw.Command, Raw: s.saw.Raw, Err: s.saw.Err, At: s.saw.At}}}
}

// consistent takes back that a packet does not pass where it was seen further on, beyond the steps or among them: there the
// look missed it, or OVN's trace is of another packet.
func consistent(steps []step, further bool) []model.Hop {
	hops := make([]model.Hop, len(steps))
	for i, s := range slices.Backward(steps) {
		switch {
		case s.Seen.Failure() != nil:
		case s.Seen.Value:
			further = further || s.packets
		case further:
			s.Seen.Err = "not seen here, but further on"
		}
		hops[i] = s.Hop
	}
	return hops
}
