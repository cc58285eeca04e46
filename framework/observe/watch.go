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

// WatchTimeout bounds the start of listeners and captures on a node, and their end. Without KVM all nodes and guests share a
// core, and it takes up to a minute.
const WatchTimeout = 3 * time.Minute

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
	// begun is what socat and tcpdump say when they have; conntrack has a word of its own.
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
	// be forgotten. And all are told to end once more after that, for a child that was just made still has our trap. What they
	// say is read by the shell itself: a command for each of them, again and again, would keep a slow node from starting them.
	fmt.Fprintf(&b, `sleep 3600 >/dev/null 2>&1 & s=$!
end() { for p in $pids; do kill "${p%%:*}" 2>/dev/null; done; }
trap 'end; kill -9 $s 2>/dev/null' HUP INT TERM PIPE
said() { while read -r l; do case $l in *'%[1]s'* | *'%[3]s'*) return 0 ;; esac; done <"$1"; return 1; }
begun() { for p in $pids; do said "$aside/${p#*:}.e" || ! kill -0 "${p%%:*}" 2>/dev/null || return 1; done; }
until begun; do sleep 0.5; done
echo %[2]s
wait $s
end
wait
`, begun, watching, hearing)
	b.WriteString(last(mark, asks))
	return b.String()
}
