package scenario

import (
	"context"

	"github.com/vmnet-project/vmnet/framework/transport"
)

// Connect makes a new connection to a VM's inside, apart from the one that Guest keeps: that a way is open now is
// shown only by a connection made now. The caller closes it.
func (r *Running) Connect(ctx context.Context, vm string) (*transport.Guest, error) {
	return transport.Connect(ctx, r.dialer, r.Namespace, vm, *r.identity)
}
