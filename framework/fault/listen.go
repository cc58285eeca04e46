package fault

import (
	"context"
	"errors"
	"fmt"
)

// strangerPort is where Listen answers at the host outside; no observer captures there.
const strangerPort = 20790

// Listen has the host outside answer HTTP with the client's address, as the echo pod does, until taken back.
type Listen struct{}

// Reversible is true: the listener is stopped.
func (Listen) Reversible() bool { return true }

// Do starts the listener and waits until it listens.
func (Listen) Do(ctx context.Context, w *World) (Undo, error) {
	host, ok := w.Bed.Outside()
	if !ok {
		return nil, errors.New("the bed has no host outside the cluster")
	}
	// the answer is in the environment: socat takes quotes and colons of its own from the address
	command := fmt.Sprintf(`export HTTP='read line; printf "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n%%s:%%s" $SOCAT_PEERADDR $SOCAT_PEERPORT'
exec socat -d -d TCP4-LISTEN:%d,reuseaddr,fork SYSTEM:'eval "$HTTP"'`, strangerPort)
	p, err := host.Start(ctx, "sh", "-c", command)
	if err != nil {
		return nil, err
	}
	undo := func(ctx context.Context) error {
		_, _, err := p.Stop(ctx)
		return err
	}
	return undo, p.Await(ctx, "listening on")
}
