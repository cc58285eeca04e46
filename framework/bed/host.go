package bed

import "context"

// newHost makes a host of a checked spec, which the underlay has at that field; nothing is dialled yet.
func newHost(b *Bed, field string, spec HostSpec) (Host, error) {
	at := hostID{spec: spec}
	if spec.Container != nil {
		return &containerHost{hostID: at, bed: b, exec: *spec.Container}, nil
	}
	return newSSHHost(b, field, at, *spec.SSH)
}

type hostID struct{ spec HostSpec }

func (h hostID) Name() string      { return h.spec.Name }
func (h hostID) Address() string   { return h.spec.Address }
func (h hostID) Interface() string { return h.spec.Interface }
func (h hostID) Place() string     { return "peer " + h.spec.Name }

var _ = []Host{(*containerHost)(nil), (*sshHost)(nil)}

// ended runs wait in the background and tells the process of its end.
func (p *process) watch(wait func() error) {
	p.ended = make(chan struct{})
	go func() {
		p.err = wait()
		close(p.ended)
	}()
}

// bounded gives commands without a deadline one.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, CommandTimeout)
}
