package observe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// WatchTimeout bounds the start of listeners and captures on a node, and their end.
const WatchTimeout = 60 * time.Second

// watch is a batch at a node that lasts: its asks are listeners and captures, which run while attempts are made
// elsewhere; those that come after run when it is stopped, and then all answers are handed out.
type watch struct {
	process bed.Process
	mark    string
	asks    []ask
	err     error
}

const (
	// watching is what a watch says when all its asks have begun.
	watching = "vmnet-watching"
	// begun is what socat and tcpdump say when they have.
	begun = "listening on"
)

// startWatch starts one and waits until all its asks have begun, or have ended: why, their answers say.
func startWatch(ctx context.Context, start func(ctx context.Context, argv ...string) (bed.Process, error), prelude string, asks []ask) *watch {
	w := &watch{mark: "vmnet-" + rand.Text(), asks: asks}
	ctx, cancel := context.WithTimeout(ctx, WatchTimeout)
	defer cancel()
	if w.process, w.err = start(ctx, "sh", "-c", watchScript(w.mark, prelude, asks)); w.err == nil {
		w.err = w.process.Await(ctx, watching)
	}
	return w
}

// stop ends it, also when the round was interrupted.
func (w *watch) stop(ctx context.Context) (map[string]answer, error) {
	if w.process == nil {
		return nil, w.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), WatchTimeout)
	defer cancel()
	stdout, stderr, err := w.process.Stop(ctx)
	if err := errors.Join(w.err, err); err != nil {
		return nil, err
	}
	_, out, ok := strings.Cut(stdout, watching+"\n")
	if !ok {
		return nil, fmt.Errorf("%w: %s", errCut, firstOf(stderr))
	}
	return split(w.mark, out, w.asks)
}

// watchScript is POSIX shell. Each ask's text must become its command by exec, for that is what gets the signal. Its exit
// code is not kept: it ends because it is told to.
func watchScript(mark, prelude string, asks []ask) string {
	var b strings.Builder
	b.WriteString(aside + prelude + "\npids=\n")
	for i, a := range asks {
		if !a.after {
			fmt.Fprintf(&b, "(%s\n) %s & pids=\"$pids $!:%d\"; echo 0 >\"$aside/%d.c\"\n", a.text(), kept(i), i, i)
		}
	}
	// What is waited for at the end begins before the trap and is killed by it: begun after it, a signal between the two would
	// be forgotten. And all are told to end once more after that, for a child that was just made still has our trap.
	fmt.Fprintf(&b, `sleep 3600 >/dev/null 2>&1 & s=$!
end() { for p in $pids; do kill "${p%%:*}" 2>/dev/null; done; }
trap 'end; kill -9 $s 2>/dev/null' HUP INT TERM PIPE
begun() { for p in $pids; do grep -q '%[1]s' "$aside/${p#*:}.e" || ! kill -0 "${p%%:*}" 2>/dev/null || return 1; done; }
until begun; do sleep 0.2; done
echo %[2]s
wait $s
end
wait
`, begun, watching)
	b.WriteString(last(mark, asks))
	return b.String()
}
