package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

const (
	// walkTimeout bounds the walk of one path; what it started is stopped after that, too. Without KVM each capture takes
	// seconds to start: everything that a node runs shares its core with guests that are emulated.
	walkTimeout         = 30 * time.Second
	walkTimeoutEmulated = 75 * time.Second
	// walkProbe is how long a path is tried again: TCP's first packet and two repetitions.
	walkProbe = 5 * time.Second
	// walks are so many paths of a stage, and stageWalks the time for all of them; the others are said to be not walked.
	walks              = 5
	stageWalks         = 2 * time.Minute
	stageWalksEmulated = 5 * time.Minute
)

// lost is an attempt that should have passed and did not, and how it is made again.
type lost struct {
	probe probe
	at    placed
	again visitor
}

// isLost says whether an attempt was made and did not pass. One that could not be made has no way to be walked.
func isLost(r model.Read[model.Path]) bool { return r.Failure() == nil && !r.Value.Passed }

func (o *observer) remember(l lost) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lost = append(o.lost, l)
}

// walk tries each path again that should have passed and did not, looks at each place on its way, and keeps what was seen
// there as the path's hops. It never makes anything else fail.
func (o *observer) walk(ctx context.Context) {
	paths := o.lostPaths()
	if len(paths) == 0 || ctx.Err() != nil {
		return
	}
	o.step("the way of lost paths", func() {
		var p *peer // its listeners ended with the attempts
		if slices.ContainsFunc(paths, func(l lost) bool { return l.far() == outsideEnd }) {
			p = o.startPeer(ctx)
		}
		defer p.end(ctx)
		ctx, cancel := context.WithTimeout(ctx, o.whereEmulated(stageWalks, stageWalksEmulated))
		defer cancel()
		for i, l := range paths {
			hops := notWalked
			if i < walks && ctx.Err() == nil {
				hops = o.walkOne(ctx, l)
			}
			o.keepHops(l.probe.name, hops)
		}
	})
	o.lost = nil
}

// notWalked stands for the hops of a path that was one too many.
var notWalked = []model.Hop{{Name: "way", Seen: model.Read[bool]{
	Err: fmt.Sprintf("not walked: only %d paths of a stage are, and for %s, without KVM %s", walks, stageWalks, stageWalksEmulated)}}}

// whereEmulated is the second of two bounds where guests are emulated.
func (o *observer) whereEmulated(otherwise, emulated time.Duration) time.Duration {
	if o.facts.Emulation {
		return emulated
	}
	return otherwise
}

// lostPaths are those that are lost to the last, different clients' first.
func (o *observer) lostPaths() []lost {
	o.mu.Lock()
	defer o.mu.Unlock()
	var found []lost
	for _, l := range o.lost {
		if isLost(o.stage.Paths[l.probe.name]) {
			found = append(found, l)
		}
	}
	slices.SortFunc(found, func(a, b lost) int { return strings.Compare(a.probe.name, b.probe.name) })
	rank, seen := map[string]int{}, map[placed]int{}
	for _, l := range found {
		rank[l.probe.name] = seen[l.at]
		seen[l.at]++
	}
	slices.SortStableFunc(found, func(a, b lost) int { return rank[a.probe.name] - rank[b.probe.name] })
	return found
}

func (o *observer) keepHops(path string, hops []model.Hop) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := o.stage.Paths[path]
	r.Value.Hops = hops
	o.stage.Paths[path] = r
}

// near is the end that begins: a guest, or where the path begins.
func (l lost) near() string {
	if vm, ok := strings.CutPrefix(string(l.at), "guest "); ok {
		return "vm/" + vm
	}
	return l.probe.path.From
}

// far is the other end.
func (l lost) far() string {
	if l.near() == l.probe.path.From {
		return l.probe.path.To
	}
	return l.probe.path.From
}

const outsideEnd = "peer/outside"

// walkOne walks one path: it learns where its packets come by, looks there while they are sent again, and asks OVN what
// becomes of the first of them.
func (o *observer) walkOne(ctx context.Context, l lost) []model.Hop {
	ctx, cancel := context.WithTimeout(ctx, o.whereEmulated(walkTimeout, walkTimeoutEmulated))
	defer cancel()
	l.probe = o.fresh(l.probe)
	w := o.wayOf(ctx, l)
	o.lookAlong(ctx, w, l)
	w.trace(ctx, o)
	return w.hops()
}

// fresh gives an attempt another port to leave from: its last one may not be free yet.
func (o *observer) fresh(p probe) probe {
	if p.path.ClientPort == 0 {
		return p
	}
	port := o.clientPort()
	p.ask.script = strings.ReplaceAll(p.ask.script, fmt.Sprintf("--local-port %d", p.path.ClientPort), fmt.Sprintf("--local-port %d", port))
	p.path.ClientPort = port
	return p
}

// hostAt is the host outside the cluster that an end names: "peer/outside", "peer/vlan-1924".
func (o *observer) hostAt(end string) (bed.Host, error) {
	var h bed.Host
	var ok bool
	if end == outsideEnd {
		h, ok = o.bed.Outside()
	} else {
		h, ok = o.bed.Peer(strings.TrimPrefix(end, "peer/"))
	}
	if !ok {
		return nil, errors.New("no host is known as " + end)
	}
	return h, nil
}

// end stops what was started at the peer for its sake alone: what it saw is not kept.
func (p *peer) end(ctx context.Context) {
	if p == nil || p.process == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), PeerTimeout)
	defer cancel()
	_, _, _ = p.process.Stop(ctx)
}
