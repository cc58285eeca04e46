package bed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// supervisor runs a command in the place's shell: it prints the command's process ID, becomes the command,
// and leaves a child behind that sends it SIGINT when our end of stdin closes. So a command ends when it is
// stopped and also when the connection breaks or we are killed; nothing is found by name. The child's own
// output goes nowhere, or the far end would wait for it.
const supervisor = `exec 3<&0; me=$$; ( cat <&3 >/dev/null 2>&1; kill -INT $me ) >/dev/null 2>&1 & ` +
	`echo $me; exec "$@" 3<&- </dev/null`

// supervised is the command line of a supervised command.
func supervised(argv []string) []string {
	return append([]string{"sh", "-c", supervisor, "sh"}, argv...)
}

// process is a supervised command, over any kind of connection.
type process struct {
	bed            *Bed
	place, command string
	pid            int
	stdin          io.Closer
	stdout, stderr *output
	ended          chan struct{} // closed after err is set
	err            error         // how the connection ended
	kill           func()        // breaks the connection
	at             Runner        // the place, over another connection
	patience       time.Duration // after SIGINT; killAfter but in tests
	stopping       sync.Once
}

const (
	// killAfter is how long a command has to end after SIGINT.
	killAfter = 10 * time.Second
	// killStep is how long it then has after SIGTERM, and after SIGKILL.
	killStep = 3 * time.Second
)

// output is a buffer that can be read while it is written.
type output struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	grown chan struct{}
}

func newOutput() *output { return &output{grown: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.grown <- struct{}{}:
	default:
	}
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// begin waits for the supervisor's line and registers the process with its bed.
func (p *process) begin(ctx context.Context) error {
	if err := p.until(ctx, func() bool { return strings.Contains(p.stdout.String(), "\n") }); err != nil {
		p.kill()
		return fmt.Errorf("%s: start %q: %w", p.place, brief(p.command), err)
	}
	line, _, _ := strings.Cut(p.stdout.String(), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		p.kill()
		return fmt.Errorf("%s: start %q: the place's shell answered %q, not a process ID", p.place, brief(p.command), line)
	}
	p.pid, p.patience = pid, killAfter
	p.bed.mu.Lock()
	p.bed.started[p] = struct{}{}
	p.bed.mu.Unlock()
	return nil
}

// until waits for a condition on the output; it fails when the command ends first.
func (p *process) until(ctx context.Context, met func() bool) error {
	for {
		if met() {
			return nil
		}
		select {
		case <-p.stdout.grown:
		case <-p.stderr.grown:
		case <-p.ended:
			if met() {
				return nil
			}
			return fmt.Errorf("it ended: %s: %w", lastLines(p.stderr.String(), 5), p.howEnded())
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// howEnded is never nil: an early end is one, too, when the exit code is 0.
func (p *process) howEnded() error {
	if p.err == nil {
		return errors.New("exit code 0")
	}
	return p.err
}

func (p *process) Await(ctx context.Context, text string) error {
	err := p.until(ctx, func() bool {
		return strings.Contains(p.stdout.String(), text) || strings.Contains(p.stderr.String(), text)
	})
	if err != nil {
		return fmt.Errorf("%s: %q: waiting for %q: %w", p.place, brief(p.command), text, err)
	}
	return nil
}

// Stop returns an error for a command that did not end of SIGINT, for its output may lack the end; but nothing of it
// is left, also then.
func (p *process) Stop(ctx context.Context) (string, string, error) {
	p.stopping.Do(func() { _ = p.stdin.Close() })
	wait, cancel := context.WithTimeoutCause(ctx, p.patience, fmt.Errorf("it did not end within %s of SIGINT", p.patience))
	defer cancel()
	var err error
	select {
	case <-p.ended:
	case <-wait.Done():
		err = fmt.Errorf("%s: stop %q (process %d there): %w; %s", p.place, brief(p.command), p.pid, context.Cause(wait), p.end(ctx))
	}
	p.bed.mu.Lock()
	delete(p.bed.started, p)
	p.bed.mu.Unlock()
	_, rest, _ := strings.Cut(p.stdout.String(), "\n")
	return rest, p.stderr.String(), err
}

// end ends the command by SIGTERM and then SIGKILL, breaks the connection, and says what helped. It goes on when the
// caller's time is over.
func (p *process) end(ctx context.Context) string {
	defer p.kill()
	said := "SIGKILL did not end it, either"
	for _, signal := range []string{"TERM", "KILL"} {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killStep)
		_, err := p.at.Run(ctx, "sh", "-c", `kill -"$1" "$2"`, "sh", signal, strconv.Itoa(p.pid))
		if err == nil {
			select {
			case <-p.ended:
			case <-ctx.Done():
			}
		} else {
			said = fmt.Sprintf("to send SIG%s: %v", signal, err)
		}
		cancel()
		select {
		case <-p.ended:
			return "SIG" + signal + " ended it"
		default:
		}
	}
	return said
}
