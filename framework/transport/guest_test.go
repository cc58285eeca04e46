package transport

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/internal/sshtest"
)

func identity(t *testing.T) *Identity {
	t.Helper()
	id, err := NewIdentity("root")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func server(t *testing.T, id *Identity) *sshtest.Server {
	t.Helper()
	host, err := ssh.ParsePrivateKey([]byte(id.HostPrivatePEM))
	if err != nil {
		t.Fatal(err)
	}
	return sshtest.Start(t, host, id.Signer.PublicKey())
}

func connect(t *testing.T, s *sshtest.Server, id *Identity) *Guest {
	t.Helper()
	g, err := Connect(t.Context(), sshtest.Loopback(s.Address), "ns", "vm-a", *id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

func TestConnectChecksBothKeys(t *testing.T) {
	right, other := identity(t), identity(t)
	s := server(t, right)
	cases := map[string]struct {
		id   Identity
		says string
	}{
		"right keys":     {id: *right},
		"wrong host key": {id: Identity{User: "root", Signer: right.Signer, HostKey: other.HostKey}, says: "host key mismatch"},
		"wrong user key": {id: Identity{User: "root", Signer: other.Signer, HostKey: right.HostKey}, says: "unable to authenticate"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g, err := Connect(t.Context(), sshtest.Loopback(s.Address), "ns", "vm-a", c.id)
			if c.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				_ = g.Close()
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("want an error with %q, got %v", c.says, err)
			}
		})
	}
}

func TestRun(t *testing.T) {
	id := identity(t)
	g := connect(t, server(t, id), id)
	cases := map[string]struct {
		argv           []string
		stdout, stderr string
		code           int
	}{
		"output":             {argv: []string{"echo", "hello"}, stdout: "hello\n"},
		"arguments are kept": {argv: []string{"printf", "%s|", "a b", "", "$HOME", "it's"}, stdout: "a b||$HOME|it's|"},
		"exit code":          {argv: []string{"sh", "-c", "echo out; echo wrong >&2; exit 3"}, stdout: "out\n", stderr: "wrong\n", code: 3},
		"no such command":    {argv: []string{"/no/such/command"}, stderr: "not found", code: 127},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			stdout, err := g.Run(t.Context(), c.argv...)
			if stdout != c.stdout {
				t.Errorf("stdout is %q, want %q", stdout, c.stdout)
			}
			var failed *bed.CommandError
			switch {
			case c.code == 0 && err != nil:
				t.Error(err)
			case c.code != 0 && !errors.As(err, &failed):
				t.Errorf("want a CommandError, got %v", err)
			case c.code != 0 && (failed.ExitCode != c.code || !strings.Contains(failed.Stderr, c.stderr) || failed.Place != "guest vm-a"):
				t.Errorf("got %+v", failed)
			}
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	id := identity(t)
	g := connect(t, server(t, id), id)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := g.Run(ctx, "sleep", "20")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("want the context's error, got %v", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if out, err := g.Run(t.Context(), "echo", "still here"); err != nil || out != "still here\n" {
		t.Errorf("the connection must outlive a command: %q, %v", out, err)
	}
}

func TestBrokenConnectionIsTold(t *testing.T) {
	id := identity(t)
	s := server(t, id)
	g := connect(t, s, id)
	s.Drop()
	<-g.Gone()
	var broken *BrokenError
	if _, err := g.Run(t.Context(), "true"); !errors.As(err, &broken) {
		t.Errorf("want a BrokenError, got %v", err)
	}
}

func TestConnectGivesUpOnSilence(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never says a word
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := Connect(ctx, sshtest.Loopback(listener.Addr().String()), "ns", "vm-a", *identity(t)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("want the context's error, got %v", err)
	}
}

func TestIdentityIsKept(t *testing.T) {
	id := identity(t)
	file := filepath.Join(t.TempDir(), "x.identity")
	if err := id.Save(file); err != nil {
		t.Fatal(err)
	}
	back, err := LoadIdentity(file)
	if err != nil {
		t.Fatal(err)
	}
	if back.UserData() != id.UserData() || back.User != id.User {
		t.Error("what was read is not what was written")
	}
	_ = connect(t, server(t, id), back)
}

func TestUserDataHoldsTheKeys(t *testing.T) {
	id := identity(t)
	data := id.UserData()
	for _, want := range []string{"#cloud-config\n", "\n - " + id.AuthorizedKey + "\n", "ed25519_private: |\n    -----BEGIN OPENSSH PRIVATE KEY-----\n"} {
		if !strings.Contains(data, want) {
			t.Errorf("user data lacks %q", want)
		}
	}
}
