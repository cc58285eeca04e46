package transport

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// BrokenError is a connection on which a command could not be started any more: connecting anew and running
// the command again is safe.
type BrokenError struct {
	Place string
	Err   error
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("%s: the connection is gone: %v", e.Place, e.Err)
}

// Unwrap gives the reason.
func (e *BrokenError) Unwrap() error { return e.Err }

// Guest is a VM's inside, over SSH. It is a bed.Runner; commands may run concurrently.
type Guest struct {
	place  string
	way    string
	client *ssh.Client
	gone   chan struct{}
}

var _ bed.Runner = (*Guest)(nil)

// Connect goes to a VM's SSH port and through SSH's handshake, within ctx and HandshakeTimeout. The guest must
// show the identity's host key.
func Connect(ctx context.Context, d Dialer, namespace, vm string, id Identity) (*Guest, error) {
	conn, err := d.Dial(ctx, namespace, vm)
	if err != nil {
		return nil, err
	}
	shake, cancel := context.WithTimeoutCause(ctx, HandshakeTimeout,
		fmt.Errorf("no SSH handshake within %s", HandshakeTimeout))
	defer cancel()
	client, err := bed.NewSSHClient(shake, conn, vm, &ssh.ClientConfig{
		User: id.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(id.Signer)},
		HostKeyCallback:   ssh.FixedHostKey(id.HostKey),
		HostKeyAlgorithms: []string{id.HostKey.Type()},
	})
	if err != nil {
		return nil, fmt.Errorf("guest %s: ssh by %s: %w", vm, d.Name(), err)
	}
	g := &Guest{place: "guest " + vm, way: d.Name(), client: client, gone: make(chan struct{})}
	go func() {
		_ = client.Wait()
		close(g.gone)
	}()
	go g.keepAlive()
	return g, nil
}

// Place is "guest NAME".
func (g *Guest) Place() string { return g.place }

// Way is the name of the dialer that the connection was made with.
func (g *Guest) Way() string { return g.way }

// Gone is closed when the connection has ended.
func (g *Guest) Gone() <-chan struct{} { return g.gone }

// Run runs a command in the guest; it fails with *BrokenError when that could not even begin. A context
// without deadline is given bed.CommandTimeout.
func (g *Guest) Run(ctx context.Context, argv ...string) (string, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, bed.CommandTimeout)
		defer cancel()
	}
	type result struct {
		session *ssh.Session
		err     error
	}
	opened := make(chan result, 1)
	go func() {
		s, err := g.client.NewSession()
		opened <- result{s, err}
	}()
	select {
	case r := <-opened:
		if r.err != nil {
			return "", &BrokenError{Place: g.place, Err: r.err}
		}
		return bed.RunSSH(ctx, r.session, g.place, argv)
	case <-ctx.Done():
		go func() {
			if r := <-opened; r.err == nil {
				_ = r.session.Close()
			}
		}()
		return "", fmt.Errorf("%s: %q: %w", g.place, bed.CommandLine(argv), context.Cause(ctx))
	}
}

// Close ends the connection.
func (g *Guest) Close() error { return g.client.Close() }

// keepAlive closes a connection that stopped answering, so that whoever waits on it learns of that.
func (g *Guest) keepAlive() {
	ticker := time.NewTicker(keepAlive)
	defer ticker.Stop()
	for {
		select {
		case <-g.gone:
			return
		case <-ticker.C:
		}
		answered := make(chan error, 1)
		go func() {
			_, _, err := g.client.SendRequest("keepalive@openssh.com", true, nil)
			answered <- err
		}()
		timeout := time.NewTimer(keepAliveTimeout)
		select {
		case err := <-answered:
			timeout.Stop()
			if err != nil && !errors.Is(err, context.Canceled) {
				_ = g.client.Close()
			}
		case <-timeout.C:
			_ = g.client.Close()
		}
	}
}
