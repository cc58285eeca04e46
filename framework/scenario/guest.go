package scenario

import (
	"context"
	"errors"
	"sync"

	"github.com/vmnet-project/vmnet/framework/transport"
)

// guest is a VM's inside over a connection that may be replaced.
type guest struct {
	running *Running
	vm      string
	mu      sync.Mutex
	current *transport.Guest
	entered bool // once it was: what fails then is a way, not the guest
}

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
	_ = c.Close()
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
	var errs []error
	for i, way := range g.running.ways(g.vm) {
		if i > 0 && (!g.entered || ctx.Err() != nil) {
			break // it boots
		}
		c, err := transport.Connect(ctx, way, g.running.NamespaceOf(g.vm), g.vm, *g.running.identity)
		if err == nil {
			g.current, g.entered = c, true
			return c, nil
		}
		errs = append(errs, err)
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
