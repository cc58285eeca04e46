package observe

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// local is a command on this machine as a bed's process.
type local struct {
	mu       sync.Mutex
	out, err bytes.Buffer
	command  *exec.Cmd
	ended    chan error
}

type guarded struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (l guarded) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func startLocal(_ context.Context, argv ...string) (bed.Process, error) {
	l := &local{command: exec.Command(argv[0], argv[1:]...), ended: make(chan error, 1)} //nolint:noctx // stopped by Stop
	l.command.Stdout, l.command.Stderr = guarded{&l.mu, &l.out}, guarded{&l.mu, &l.err}
	err := l.command.Start()
	go func() { l.ended <- l.command.Wait() }()
	return l, err
}

func (l *local) Printed() (string, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.String(), l.err.String()
}

func (l *local) Await(ctx context.Context, text string) error {
	for {
		out, said := l.Printed()
		if strings.Contains(out+said, text) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Microsecond):
		}
	}
}

func (l *local) Stop(ctx context.Context) (string, string, error) {
	if err := l.command.Process.Signal(syscall.SIGINT); err != nil {
		return "", "", err
	}
	select {
	case <-l.ended:
	case <-ctx.Done():
		return "", "", ctx.Err()
	}
	out, said := l.Printed()
	return out, said, nil
}

func TestWatch(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	const lasting = `exec sh -c 'trap "echo more; exit 0" TERM; echo some; echo "x: listening on y" >&2; while :; do sleep 0.1; done'`
	asks := []ask{
		{id: "lasts", show: lasting},
		{id: "fails", show: "echo no such device >&2; exit 1"},
		{id: "after", show: "echo over", after: true},
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	w := startWatch(ctx, startLocal, "", asks)
	if w.err != nil {
		t.Fatal(w.err)
	}
	answers, err := w.stop(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]answer{
		"lasts": {stdout: "some\nmore\n", stderr: "x: listening on y"},
		"fails": {stderr: "no such device"},
		"after": {stdout: "over\n"},
	} {
		if answers[id] != want {
			t.Errorf("%s: %+v", id, answers[id])
		}
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A signal may come at any of its commands. One between two of them was once forgotten, and the watch lasted.
func TestWatchEndedAtOnce(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for range 50 {
		w := startWatch(t.Context(), startLocal, "", []ask{{id: "after", show: "echo over", after: true}})
		if answers, err := w.stop(t.Context()); err != nil || answers["after"].stdout != "over\n" {
			t.Fatalf("%+v, %v", answers, err)
		}
	}
}

func TestWatchThatCouldNotStart(t *testing.T) {
	no := errors.New("no way in")
	w := startWatch(t.Context(), func(context.Context, ...string) (bed.Process, error) { return nil, no }, "", nil)
	if _, err := w.stop(t.Context()); !errors.Is(err, no) {
		t.Error(err)
	}
	w = startWatch(t.Context(), startLocal, "trap '' INT; echo "+watching+"; exit 3", // also when it is stopped sooner
		[]ask{{id: "none", script: "true"}})
	if _, err := w.stop(t.Context()); err == nil {
		t.Error("one that ended before its time gave answers")
	}
}
