package scenario

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/vmnet-project/vmnet/framework/transport"
)

// guest is a VM's inside over a connection that may be replaced.
type guest struct {
	running *Running
	vm      string
	mu      sync.Mutex
	current *transport.Guest
	tried   time.Time // the first time
	entered bool      // once it was: what fails then is a way, not the guest
}

const (
	// bootTime is how long a guest that was never entered is tried on its first way alone: it boots, and a second way would
	// double what that costs a small machine.
	bootTime = time.Minute
	// wayTime bounds a way where there is another one; it is less than half of sshAttempt.
	wayTime = 9 * time.Second
)

func (r *Running) guest(vm string) *guest {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.guests[vm]
	if g == nil {
		g = &guest{running: r, vm: vm}
		r.guests[vm] = g
	}
	return g
}

func (g *guest) Place() string { return "guest " + g.vm }

// Run runs a command. One that could not even begin because the connection was gone is tried once more on a
// new connection; one that had begun is not, it may have done its work.
func (g *guest) Run(ctx context.Context, argv ...string) (string, error) {
	c, err := g.connection(ctx)
	if err != nil {
		return "", err
	}
	out, err := c.Run(ctx, argv...)
	var broken *transport.BrokenError
	if !errors.As(err, &broken) || ctx.Err() != nil {
		return out, err
	}
	g.drop(c)
	if c, err = g.connection(ctx); err != nil {
		return "", err
	}
	return c.Run(ctx, argv...)
}

// connection is the current one, or a new one where that has ended.
func (g *guest) connection(ctx context.Context) (*transport.Guest, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.current != nil {
		select {
		case <-g.current.Gone():
			_ = g.current.Close()
			g.current = nil
		default:
			return g.current, nil
		}
	}
	if g.tried.IsZero() {
		g.tried = time.Now()
	}
	c, err := enter(ctx, g.usable(g.running.ways(g.vm)), func(ctx context.Context, way transport.Dialer) (*transport.Guest, error) {
		return transport.Connect(ctx, way, g.running.NamespaceOf(g.vm), g.vm, *g.running.identity)
	})
	if err == nil {
		g.current, g.entered = c, true
	}
	return c, err
}

// drop forgets a connection that is broken, where no other has taken its place: Gone tells of it only a moment later.
func (g *guest) drop(c *transport.Guest) {
	_ = c.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.current == c {
		g.current = nil
	}
}

// usable are the ways that are tried by now.
func (g *guest) usable(ways []transport.Dialer) []transport.Dialer {
	if !g.entered && time.Since(g.tried) < bootTime {
		return ways[:min(len(ways), 1)]
	}
	return ways
}

// enter connects by the first way that leads in.
func enter(ctx context.Context, ways []transport.Dialer, connect func(context.Context, transport.Dialer) (*transport.Guest, error)) (*transport.Guest, error) {
	if len(ways) == 0 {
		return nil, errors.New("no way leads into the guest")
	}
	var errs []error
	for i, way := range ways {
		attempt, cancel := ctx, context.CancelFunc(func() {})
		if i+1 < len(ways) {
			attempt, cancel = context.WithTimeoutCause(ctx, wayTime, fmt.Errorf("no answer within %s", wayTime))
		}
		c, err := connect(attempt, way)
		cancel()
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

func (g *guest) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.current != nil {
		_ = g.current.Close()
		g.current = nil
	}
}
