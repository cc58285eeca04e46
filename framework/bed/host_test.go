package bed

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/vmnet-project/vmnet/framework/internal/sshtest"
)

func newKey(t *testing.T) (ssh.Signer, []byte) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, pem.EncodeToMemory(block)
}

func write(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return file
}

// overSSH is a host on a real SSH server; known is the key that its known_hosts file has.
func overSSH(t *testing.T, b *Bed, known func(right ssh.PublicKey) ssh.PublicKey) (Host, *sshtest.Server) {
	t.Helper()
	host, _ := newKey(t)
	client, file := newKey(t)
	s := sshtest.Start(t, host, client.PublicKey())
	line := knownhosts.Line([]string{knownhosts.Normalize(s.Address)}, known(host.PublicKey()))
	h, err := newHost(b, "outside", HostSpec{Name: "outside", Address: "127.0.0.1", Interface: "lo", SSH: &SSHExec{
		Address: s.Address, User: "root", IdentityFile: write(t, "key", string(file), 0o600), KnownHosts: write(t, "known", line+"\n", 0o600),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return h, s
}

// inContainer is a host behind a docker command that runs everything here: what is tested is how the command
// line is used, not Docker.
func inContainer(t *testing.T, b *Bed) Host {
	t.Helper()
	docker := write(t, "docker", `#!/bin/sh
[ "$1" = exec ] || exit 125
shift; [ "$1" = -i ] && { shift; interactive=1; }
[ "$1" = box ] || { echo "Error response from daemon: No such container: $1" >&2; exit 1; }
shift; [ -n "$interactive" ] || exec </dev/null
exec "$@"
`, 0o755)
	h, err := newHost(b, "outside", HostSpec{Name: "outside", Address: "127.0.0.1", Interface: "lo",
		Container: &ContainerExec{Name: "box", BinDir: filepath.Dir(docker), DockerHost: "ssh://root@192.0.2.1"}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func same(key ssh.PublicKey) ssh.PublicKey { return key }

func newBed() *Bed { return &Bed{started: map[*process]struct{}{}} }

func TestHosts(t *testing.T) {
	b := newBed()
	s, _ := overSSH(t, b, same)
	for kind, h := range map[string]Host{"ssh": s, "container": inContainer(t, b)} {
		t.Run(kind, func(t *testing.T) {
			out, err := h.Run(t.Context(), "printf", "%s|", "a b", "$HOME")
			if err != nil || out != "a b|$HOME|" {
				t.Errorf("run: %q, %v", out, err)
			}
			var failed *CommandError
			if _, err := h.Run(t.Context(), "sh", "-c", "echo no >&2; exit 4"); !errors.As(err, &failed) || failed.ExitCode != 4 || failed.Stderr != "no\n" {
				t.Errorf("exit code: %v", err)
			}
			if h.Place() != "peer outside" || h.Address() != "127.0.0.1" || h.Interface() != "lo" {
				t.Errorf("identity: %s %s %s", h.Place(), h.Address(), h.Interface())
			}
			stopped(t, b, h)
		})
	}
}

// stopped proves that a started command gets SIGINT, that its last words are there, and that it is gone.
func stopped(t *testing.T, b *Bed, h Host) {
	t.Helper()
	p, err := h.Start(t.Context(), "sh", "-c", `trap 'echo "caught $$"; exit 0' INT; echo ready >&2; while :; do sleep 0.05; done`)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := p.Await(ctx, "ready"); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, err := p.Stop(ctx)
	if err != nil {
		t.Fatal(err)
	}
	pid, wrong := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(stdout, "caught ")))
	if wrong != nil || stderr != "ready\n" {
		t.Fatalf("stdout %q, stderr %q", stdout, stderr)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d is still there", pid)
	}
	if again, _, err := p.Stop(ctx); again != stdout || err != nil {
		t.Errorf("a second stop: %q, %v", again, err)
	}
	if len(b.started) != 0 {
		t.Error("the bed still knows the process")
	}
	early, err := h.Start(t.Context(), "sh", "-c", "echo too bad >&2; exit 1")
	if err != nil {
		t.Fatal(err)
	}
	if err := early.Await(ctx, "ready"); err == nil || !strings.Contains(err.Error(), "too bad") {
		t.Errorf("a command that ended: %v", err)
	}
	if _, _, err := early.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// A command that heeds neither SIGINT nor SIGTERM is gone after Stop, and Stop says what it took.
func TestStopKills(t *testing.T) {
	b := newBed()
	s, _ := overSSH(t, b, same)
	for kind, h := range map[string]Host{"ssh": s, "container": inContainer(t, b)} {
		for signals, words := range map[string]string{"INT": "SIGTERM ended it", "INT TERM": "SIGKILL ended it"} {
			p, err := h.Start(t.Context(), "sh", "-c", `trap '' `+signals+`; echo ready; while :; do sleep 0.05; done`)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Await(t.Context(), "ready"); err != nil {
				t.Fatal(err)
			}
			p.(*process).patience = 50 * time.Millisecond
			stdout, _, err := p.Stop(t.Context())
			if err == nil || !strings.Contains(err.Error(), words) || stdout != "ready\n" {
				t.Errorf("%s, deaf to %s: %q, %v", kind, signals, stdout, err)
			}
			if err := syscall.Kill(p.(*process).pid, 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("%s, deaf to %s: process %d is still there", kind, signals, p.(*process).pid)
			}
		}
	}
	if len(b.started) != 0 {
		t.Error("the bed still knows the processes")
	}
}

func TestCloseStopsWhatWasStarted(t *testing.T) {
	b := newBed()
	h := inContainer(t, b)
	p, err := h.Start(t.Context(), "sleep", "100")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(p.(*process).pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d is still there", p.(*process).pid)
	}
}

func TestProcessEndsWithTheConnection(t *testing.T) {
	h, s := overSSH(t, newBed(), same)
	p, err := h.Start(t.Context(), "sleep", "100")
	if err != nil {
		t.Fatal(err)
	}
	s.Drop()
	pid := p.(*process).pid
	for deadline := time.Now().Add(10 * time.Second); ; {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there", pid)
		}
		_ = exec.Command("sleep", "0.05").Run()
	}
	if out, err := h.Run(t.Context(), "echo", "again"); err != nil || out != "again\n" {
		t.Errorf("a new connection: %q, %v", out, err)
	}
}

func TestTroubleWithThePlaceIsNoCommandError(t *testing.T) {
	other, _ := newKey(t)
	wrongKey, _ := overSSH(t, newBed(), func(ssh.PublicKey) ssh.PublicKey { return other.PublicKey() })
	gone := inContainer(t, newBed())
	gone.(*containerHost).exec.Name = "gone"
	for words, h := range map[string]Host{"key mismatch": wrongKey, "No such container": gone} {
		_, err := h.Run(t.Context(), "true")
		var failed *CommandError
		if err == nil || errors.As(err, &failed) || !strings.Contains(err.Error(), words) {
			t.Errorf("want trouble with %q, got %T: %v", words, err, err)
		}
		if _, err := h.Start(t.Context(), "true"); err == nil {
			t.Error("a start must fail, too")
		}
	}
}
