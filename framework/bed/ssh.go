package bed

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// dialTimeout bounds the way to a host: TCP and SSH's handshake.
const dialTimeout = 15 * time.Second

// sshHost is a machine reached over SSH; one connection is kept and made anew when it broke.
type sshHost struct {
	hostID
	bed     *Bed
	address string
	config  *ssh.ClientConfig
	mu      sync.Mutex
	client  *ssh.Client
}

func newSSHHost(b *Bed, field string, at hostID, spec SSHExec) (*sshHost, error) {
	key, err := os.ReadFile(spec.IdentityFile)
	if err != nil {
		return nil, &InputError{What: field + ".ssh.identityFile " + spec.IdentityFile, Err: unwrapPath(err)}
	}
	signer, err := ssh.ParsePrivateKey(key)
	if err != nil {
		return nil, &InputError{What: field + ".ssh.identityFile " + spec.IdentityFile, Err: err}
	}
	check, err := knownhosts.New(spec.KnownHosts)
	if err != nil {
		return nil, &InputError{What: field + ".ssh.knownHosts " + spec.KnownHosts, Err: unwrapPath(err)}
	}
	address := spec.Address
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(address, "22")
	}
	return &sshHost{hostID: at, bed: b, address: address, config: &ssh.ClientConfig{
		User: spec.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: check, Timeout: dialTimeout,
	}}, nil
}

func (h *sshHost) Run(ctx context.Context, argv ...string) (string, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	session, err := h.session(ctx)
	if err != nil {
		return "", err
	}
	return RunSSH(ctx, session, h.Place(), argv)
}

func (h *sshHost) Stream(ctx context.Context, stdin io.Reader, stdout io.Writer, argv ...string) error {
	session, err := h.session(ctx)
	if err != nil {
		return err
	}
	return streamSSH(ctx, session, h.Place(), stdin, stdout, argv)
}

func (h *sshHost) Start(ctx context.Context, argv ...string) (Process, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	session, err := h.session(ctx)
	if err != nil {
		return nil, err
	}
	p := &process{bed: h.bed, place: h.Place(), command: CommandLine(argv), stdout: newOutput(), stderr: newOutput(),
		kill: func() { _ = session.Close() }, at: h}
	session.Stdout, session.Stderr = p.stdout, p.stderr
	if p.stdin, err = session.StdinPipe(); err == nil {
		err = session.Start(CommandLine(supervised(argv)))
	}
	if err != nil {
		_ = session.Close()
		return nil, fmt.Errorf("%s: start %q: %w", h.Place(), brief(p.command), err)
	}
	p.watch(session.Wait)
	if err := p.begin(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// session opens a session, on a new connection if the kept one is gone.
func (h *sshHost) session(ctx context.Context) (*ssh.Session, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.client != nil {
		if session, err := h.client.NewSession(); err == nil {
			return session, nil
		}
		_ = h.client.Close()
		h.client = nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, dialTimeout, fmt.Errorf("no answer within %s", dialTimeout))
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", h.address)
	if err != nil {
		return nil, fmt.Errorf("%s: ssh: %w", h.Place(), err)
	}
	if h.client, err = NewSSHClient(ctx, conn, h.address, h.config); err != nil {
		return nil, fmt.Errorf("%s: ssh %s: %w", h.Place(), h.address, err)
	}
	session, err := h.client.NewSession()
	if err != nil {
		return nil, fmt.Errorf("%s: ssh %s: %w", h.Place(), h.address, err)
	}
	return session, nil
}

func (h *sshHost) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.client == nil {
		return nil
	}
	err := h.client.Close()
	h.client = nil
	return err
}
