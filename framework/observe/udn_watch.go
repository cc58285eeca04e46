package observe

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// watches are those of a round, by node.
type watches struct {
	o        *observer
	captures map[string][]capture
	others   map[string][]ask // listeners, by node
	running  map[string]*watch
}

// plan puts a round's captures and listeners, those to connection tracking among them, on their nodes.
func (o *observer) plan(i isolation) *watches {
	w := &watches{o: o, captures: map[string][]capture{}, others: map[string][]ask{}, running: map[string]*watch{}}
	for _, c := range i.captures {
		w.captures[c.at.node] = append(w.captures[c.at.node], c)
	}
	for node, a := range i.listeners {
		w.others[node] = append(w.others[node], a...)
	}
	if host, ok := o.bed.Outside(); ok {
		for _, s := range o.guestSpecs() {
			if p, ok := o.launchers[s.Name]; ok && !slices.ContainsFunc(w.others[p.node], func(a ask) bool { return a.id == flowsID }) {
				w.others[p.node] = append(w.others[p.node], askFlows(host.Address()))
			}
		}
	}
	delete(w.captures, "") // of pods that are not known
	return w
}

func (w *watches) asks(node string) []ask {
	var asks []ask
	for _, c := range w.captures[node] {
		asks = append(asks, c.ask())
	}
	return append(asks, w.others[node]...)
}

func (w *watches) nodes() []string {
	all := maps.Clone(w.others)
	for node := range w.captures {
		all[node] = nil
	}
	return slices.Sorted(maps.Keys(all))
}

func (w *watches) start(ctx context.Context) {
	var parts []func()
	for _, node := range w.nodes() {
		parts = append(parts, func() {
			started := startWatch(ctx, func(ctx context.Context, argv ...string) (bed.Process, error) {
				return w.o.bed.StartOn(ctx, node, argv...)
			}, bed.ProcessPrelude, w.asks(node))
			w.o.mu.Lock()
			defer w.o.mu.Unlock()
			w.running[node] = started
		})
	}
	together(parts...)
}

// stop ends all and keeps what they saw.
func (w *watches) stop(ctx context.Context, p *peer) {
	var parts []func()
	for node, one := range w.running {
		parts = append(parts, func() {
			answers, err := one.stop(ctx)
			w.o.flows(node, p, answers, err)
			w.o.listened(w.others[node], answers, err)
			w.o.mu.Lock()
			defer w.o.mu.Unlock()
			for _, c := range w.captures[node] {
				maps.Copy(w.o.stage.Frames, c.frames(answers, err))
			}
		})
	}
	together(parts...)
}

// listened spoils the attempts at a listener that did not begin; a listener's ID is the place that it stands for.
func (o *observer) listened(asks []ask, answers map[string]answer, err error) {
	for _, a := range asks {
		if a.id == flowsID {
			continue // its own reads tell
		}
		if err == nil && strings.Contains(answers[a.id].stderr, begun) {
			continue
		}
		why := err
		if why == nil {
			why = fmt.Errorf("the listener did not begin: %s", firstOf(answers[a.id].stderr))
		}
		var paths []string
		o.mu.Lock()
		for name, r := range o.stage.Paths {
			if r.Value.To == a.id {
				paths = append(paths, name)
			}
		}
		o.mu.Unlock()
		o.spoil(why, paths...)
	}
}
