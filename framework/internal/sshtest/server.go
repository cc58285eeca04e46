// Package sshtest is an SSH server on loopback for tests: a real handshake, public keys alone, and commands that
// run in a shell of this machine.
package sshtest

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"
)

// Server listens until the test ends.
type Server struct {
	Address string
	mu      sync.Mutex
	conns   []net.Conn
}

// Start serves with the host's key to the one client key.
func Start(t testing.TB, host ssh.Signer, client ssh.PublicKey) *Server {
	t.Helper()
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(client.Marshal()) {
			return nil, errors.New("unknown key")
		}
		return &ssh.Permissions{}, nil
	}}
	config.AddHostKey(host)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Address: listener.Addr().String()}
	t.Cleanup(func() {
		_ = listener.Close()
		s.Drop()
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
			go serve(t.Context(), conn, config)
		}
	}()
	return s
}

// Loopback is a way to a server on this machine, by its address: a transport.Dialer whatever the VM is.
type Loopback string

// Name is "loopback".
func (Loopback) Name() string { return "loopback" }

// Dial connects to the server.
func (l Loopback) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", string(l))
}

// Drop breaks all connections.
func (s *Server) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.conns = nil
}

func serve(ctx context.Context, conn net.Conn, config *ssh.ServerConfig) {
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for channel := range channels {
		if channel.ChannelType() != "session" {
			_ = channel.Reject(ssh.UnknownChannelType, "sessions only")
			continue
		}
		session, requests, err := channel.Accept()
		if err != nil {
			return
		}
		go run(ctx, session, requests)
	}
}

// run executes a session's command; the command's stdin ends with the session's.
func run(ctx context.Context, session ssh.Channel, requests <-chan *ssh.Request) {
	defer func() { _ = session.Close() }()
	for request := range requests {
		if request.Type != "exec" {
			_ = request.Reply(false, nil)
			continue
		}
		_ = request.Reply(true, nil)
		var payload struct{ Command string }
		if ssh.Unmarshal(request.Payload, &payload) != nil {
			return
		}
		cmd := exec.CommandContext(ctx, "sh", "-c", payload.Command) //nolint:gosec // a test's own command
		cmd.Stdout, cmd.Stderr = session, session.Stderr()
		stdin, err := cmd.StdinPipe()
		if err != nil || cmd.Start() != nil {
			return
		}
		go func() {
			buffer := make([]byte, 512)
			for {
				n, err := session.Read(buffer)
				if _, wrong := stdin.Write(buffer[:n]); err != nil || wrong != nil {
					_ = stdin.Close()
					return
				}
			}
		}()
		go ssh.DiscardRequests(requests)
		report(session, cmd.Wait())
		return
	}
}

// report tells the client how the command ended.
func report(session ssh.Channel, err error) {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			_, _ = session.SendRequest("exit-signal", false, ssh.Marshal(struct {
				Signal, Message, Language string
				Core                      bool
			}{Signal: "INT"}))
			return
		}
	}
	code := 0
	if exit != nil {
		code = exit.ExitCode()
	}
	_, _ = session.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(code)})) //nolint:gosec // exit codes are small
}
