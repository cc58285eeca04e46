package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// here is a place whose commands run in this process' own machine.
type here struct{}

func (here) Place() string { return "here" }
func (here) Run(context.Context, ...string) (string, error) {
	return "", errors.New("only streams are tested")
}

func (here) Stream(ctx context.Context, stdin io.Reader, stdout io.Writer, argv ...string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // the test's own
	cmd.Env = append(os.Environ(), netcat+"=1")
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = stdout, &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(in, stdin)
		_ = in.Close()
	}()
	if err := cmd.Run(); err != nil {
		return &bed.CommandError{Place: "here", Command: "netcat", ExitCode: cmd.ProcessState.ExitCode(), Stderr: said.String()}
	}
	return nil
}

const netcat = "VMNET_TEST_NETCAT"

// TestMain makes this binary a netcat when it is called as one.
func TestMain(m *testing.M) {
	if os.Getenv(netcat) == "" {
		os.Exit(m.Run())
	}
	conn, err := net.Dial("tcp", os.Args[1])
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	go func() { _, _ = io.Copy(conn, os.Stdin); os.Exit(0) }()
	_, _ = io.Copy(os.Stdout, conn)
}

func jump(address string) Jump {
	return Jump{Way: "jump-pod", Through: here{}, Command: []string{os.Args[0], address},
		Address: func(context.Context, string, string) (string, error) { return "192.0.2.1", nil }}
}

func TestJump(t *testing.T) {
	id := identity(t)
	g, err := Connect(t.Context(), jump(server(t, id).Address), "ns", "vm-a", *id)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := g.Run(t.Context(), "echo", "through"); err != nil || out != "through\n" || g.Way() != "jump-pod" {
		t.Errorf("%q, %v, %s", out, err, g.Way())
	}
	_ = g.Close()
	<-g.Gone()
}

func TestJumpSaysWhyNot(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	_ = listener.Close()
	if _, err := Connect(t.Context(), jump(closed), "ns", "vm-a", *identity(t)); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("want the command's words, got %v", err)
	}
	j := jump(closed)
	j.Address = func(context.Context, string, string) (string, error) { return "", errors.New("none yet") }
	if _, err := Connect(t.Context(), j, "ns", "vm-a", *identity(t)); err == nil || !strings.Contains(err.Error(), "none yet") {
		t.Errorf("want the address' error, got %v", err)
	}
}
