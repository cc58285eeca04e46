// Package transport leads into guests: a net.Conn to a guest's SSH port on one of several ways, SSH over it
// with the host's key checked, and the serial console for evidence when SSH fails.
package transport

import (
	"context"
	"fmt"
	"net"
	"time"

	kvcorev1 "kubevirt.io/client-go/kubevirt/typed/core/v1"

	"kubevirt.io/client-go/kubecli"
)

// SSHPort is where guests listen.
const SSHPort = 22

// Dialer is one way to a guest's SSH port.
type Dialer interface {
	// Name names the way, as "port-forward".
	Name() string
	Dial(ctx context.Context, namespace, vm string) (net.Conn, error)
}

// PortForward goes through the API server's port-forward: virt-api connects to the first address in the VMI's
// status. It reaches VMs on the cluster's default network, and none on a primary UDN (kubevirt#18399).
type PortForward struct{ Client kubecli.KubevirtClient }

// Name is "port-forward".
func (PortForward) Name() string { return "port-forward" }

// Dial opens a connection. virt-api connects to the guest before it accepts (KubeVirt, pkg/virt-api/rest: streamer.go), so
// that one to an address that nobody answers for hangs until ctx ends.
func (p PortForward) Dial(ctx context.Context, namespace, vm string) (net.Conn, error) {
	stream, err := within(ctx, func() (kvcorev1.StreamInterface, error) {
		return p.Client.VirtualMachineInstance(namespace).PortForward(vm, SSHPort, "tcp")
	})
	if err != nil {
		return nil, fmt.Errorf("port-forward to %s/%s: %w", namespace, vm, err)
	}
	return stream.AsConn(), nil
}

// within runs an opening call that knows no context. When ctx ends first, the stream is closed once it comes.
func within(ctx context.Context, open func() (kvcorev1.StreamInterface, error)) (kvcorev1.StreamInterface, error) {
	type result struct {
		stream kvcorev1.StreamInterface
		err    error
	}
	opened := make(chan result, 1)
	go func() {
		s, err := open()
		opened <- result{s, err}
	}()
	select {
	case r := <-opened:
		return r.stream, r.err
	case <-ctx.Done():
		go func() {
			if r := <-opened; r.err == nil {
				_ = r.stream.AsConn().Close()
			}
		}()
		return nil, context.Cause(ctx)
	}
}

const (
	// HandshakeTimeout bounds SSH's handshake once the way is open.
	HandshakeTimeout = 30 * time.Second
	// keepAlive is how often a connection is asked whether it still answers, keepAliveTimeout how long it has.
	keepAlive        = 10 * time.Second
	keepAliveTimeout = 20 * time.Second
)
