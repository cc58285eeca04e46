package observe

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// genevePort is the tunnel's between nodes (RFC 8926).
const genevePort = 6081

// command is what is run where the packets are looked for.
func (s *station) command(f flow) string {
	filter := f.filter()
	if s.tunnelled {
		filter = fmt.Sprintf("udp port %d", genevePort)
	}
	return fmt.Sprintf("tcpdump -i %s -n -U --immediate-mode -s 256 -w - '%s'", s.link, filter)
}

// ask runs it at a node, as part of a watch.
func (s *station) ask(f flow) ask {
	a := ask{id: s.hop, show: s.command(f), script: "exec " + s.command(f)}
	if s.in.uid != "" {
		a.show = "nsenter -t PID -n " + a.show + " # PID: a process of pod " + s.in.pod
		a.script = fmt.Sprintf("P=$(of '%s'); [ -n \"$P\" ] || { echo 'no process of the pod on this node' >&2; exit 1; }\nexec nsenter -t \"$P\" -n %s",
			bed.CGroupOf(s.in.uid), s.command(f))
	}
	return a
}

// took keeps what a capture saw.
func (s *station) took(a ask, answers map[string]answer, err error) {
	s.saw = read(s.at, a, answers, err, func(text string) ([]model.Frame, error) {
		if err := whole(answers[a.id].stderr); err != nil {
			return nil, err
		}
		if s.tunnelled {
			return parse.Tunnelled([]byte(text))
		}
		return parse.Frames([]byte(text))
	})
	s.saw.Raw = base64.StdEncoding.EncodeToString([]byte(s.saw.Raw))
}

// lookAlong captures at all stations while the attempt is made again. All captures have begun before that.
func (o *observer) lookAlong(ctx context.Context, w *way, l lost) {
	byNode := map[string][]*station{}
	var ofGuest, ofHost *station
	for _, s := range w.stations() {
		switch {
		case s.err != nil:
			s.saw = model.Read[[]model.Frame]{Place: string(s.at), Command: "tcpdump", Err: s.err.Error(), At: time.Now().UTC()}
		case s.guest != "":
			ofGuest = s
		case s.host != nil:
			ofHost = s
		default:
			byNode[s.in.node] = append(byNode[s.in.node], s)
		}
	}
	stops := make(chan func(), len(byNode)+1)
	var starts []func()
	for node, all := range byNode {
		starts = append(starts, func() { stops <- o.watchNode(ctx, node, w.flow, all) })
	}
	if ofHost != nil {
		starts = append(starts, func() { stops <- watchHost(ctx, w.flow, ofHost) })
	}
	together(starts...)
	close(stops)
	o.tryAgain(ctx, w.flow, l, ofGuest)
	var ends []func()
	for stop := range stops {
		ends = append(ends, stop)
	}
	together(ends...)
}

// watchNode starts a node's captures, and gives what stops them and keeps what they saw.
func (o *observer) watchNode(ctx context.Context, node string, f flow, all []*station) (stop func()) {
	var asks []ask
	for _, s := range all {
		asks = append(asks, s.ask(f))
	}
	watch := startWatch(ctx, func(ctx context.Context, argv ...string) (bed.Process, error) {
		return o.bed.StartOn(ctx, node, argv...)
	}, bed.ProcessPrelude, asks)
	return func() {
		answers, err := watch.stop(ctx)
		for i, s := range all {
			s.took(asks[i], answers, err)
		}
	}
}

// watchHost is the same at a host outside.
func watchHost(ctx context.Context, f flow, s *station) (stop func()) {
	a := ask{id: s.hop, show: s.command(f)}
	process, err := s.host.Start(ctx, "sh", "-c", "exec "+s.command(f))
	if err == nil {
		err = process.Await(ctx, begun)
	}
	return func() {
		answers := map[string]answer{}
		if process != nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), PeerTimeout)
			defer cancel()
			stdout, stderr, stopErr := process.Stop(ctx)
			answers[a.id] = answer{stdout: stdout, stderr: stderr}
			err = errors.Join(err, stopErr)
		}
		s.took(a, answers, err)
	}
}

// tryAgain makes the attempt once more, for as long as a walk waits. In a guest, the capture at its NIC is part of it.
func (o *observer) tryAgain(ctx context.Context, f flow, l lost, guest *station) {
	vm, inGuest := strings.CutPrefix(string(l.at), "guest ")
	if !inGuest {
		ctx, cancel := context.WithTimeout(ctx, walkProbe)
		defer cancel()
		_, _ = l.again(ctx, []ask{l.probe.ask}) // what comes of it is seen on the way
		return
	}
	if guest == nil {
		_, _ = o.visit(ctx, vm, []ask{{id: "again", script: briefly(l.probe.ask.text())}})
		return
	}
	a := ask{id: guest.hop, show: guest.command(f), script: besides(guest.command(f), l.probe.ask.text())}
	answers, err := o.visit(ctx, vm, []ask{a})
	guest.took(a, answers, err)
}

// briefly runs an attempt and waits so long for its end; what it still runs then ends by its own timeout.
func briefly(attempt string) string {
	return fmt.Sprintf(`( %s
) >/dev/null 2>&1 & try=$!
i=0; while kill -0 $try 2>/dev/null && [ $i -lt %d ]; do i=$((i+1)); sleep 0.2; done
`, attempt, int(walkProbe.Milliseconds()/200))
}

// besides captures in the guest while an attempt is made there; without tcpdump the attempt is made all the same.
func besides(capture, attempt string) string {
	return fmt.Sprintf(`if ! command -v tcpdump >/dev/null; then
%[3]s
echo 'the guest has no tcpdump' >&2; exit 127
fi
%[1]s >"$aside/way" 2>"$aside/said" & dump=$!
i=0; until grep -q '%[2]s' "$aside/said" || ! kill -0 $dump 2>/dev/null || [ $i -ge 50 ]; do i=$((i+1)); sleep 0.2; done
%[3]s
kill $dump 2>/dev/null; wait $dump
cat "$aside/way"; cat "$aside/said" >&2; exit 0
`, capture, begun, briefly(attempt))
}
