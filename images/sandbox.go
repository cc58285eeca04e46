package images

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/vmnet-project/vmnet/internal/tail"
)

// bind makes a directory of the host visible inside a root file system.
type bind struct{ host, inside string }

// sandbox is a root file system in which commands run, in mount and process
// namespaces of their own: when the command ends, or this program does (kill -9
// included), the kernel takes all its processes and mounts away.
type sandbox struct {
	root  string // "" for the host's own
	binds []bind
	clean bool // empty /run and /tmp
}

// enter is run as the first process of the new namespaces.
const enter = `set -eu
root=$1; dir=$2; clean=$3; shift 3
if [ -n "$root" ]; then
	mount -t proc proc "$root/proc"
	mount --rbind /sys "$root/sys"
	mount --rbind /dev "$root/dev"
	if [ "$clean" = clean ]; then
		mount -t tmpfs tmpfs "$root/run"
		mount -t tmpfs tmpfs "$root/tmp"
	fi
fi
while [ "$1" != -- ]; do
	if [ -d "$1" ]; then mkdir -p "$root$2"; else mkdir -p "$root${2%/*}"; [ -e "$root$2" ] || : > "$root$2"; fi
	mount --rbind "$1" "$root$2"
	shift 2
done
shift
[ -n "$root" ] || exec "$@"
exec chroot "$root" /usr/bin/env -C "$dir" "$@"
`

func (s sandbox) command(ctx context.Context, dir string, env []string, argv ...string) *exec.Cmd {
	clean := ""
	if s.clean {
		clean = "clean"
	}
	args := []string{"--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"}
	if s.root == "" {
		args = append(args, "--mount-proc")
	}
	args = append(args, "--", "/bin/sh", "-c", enter, "enter", s.root, dir, clean)
	for _, b := range s.binds {
		args = append(args, b.host, b.inside)
	}
	args = append(append(args, "--"), argv...)
	cmd := exec.CommandContext(ctx, "unshare", args...)
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// run starts cmd and waits for it. The last lines of its output become part of
// the error. Pdeathsig counts from the thread that started the child, so that
// thread is kept until the child is gone.
func run(cmd *exec.Cmd, out io.Writer) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	last := &lastWords{max: 4000}
	w := io.Writer(last)
	if out != nil {
		w = io.MultiWriter(out, last)
	}
	if cmd.Stdout == nil {
		cmd.Stdout = w
	}
	cmd.Stderr = w
	if err := cmd.Run(); err != nil {
		return &commandError{command: strings.Join(cmd.Args, " "), lines: tail.Lines(string(last.buf), 12), err: err}
	}
	return nil
}

// commandError is a command that failed, with its last words.
type commandError struct {
	command string
	lines   []string
	err     error
}

func (e *commandError) Error() string {
	return fmt.Sprintf("%v:\n%s", e.err, strings.Join(e.lines, "\n"))
}
func (e *commandError) Unwrap() error { return e.err }

// lastWords keeps the end of what is written to it.
type lastWords struct {
	max int
	buf []byte
}

func (l *lastWords) Write(p []byte) (int, error) {
	l.buf = append(l.buf, p...)
	if len(l.buf) > 2*l.max {
		l.buf = append(l.buf[:0], l.buf[len(l.buf)-l.max:]...)
	}
	return len(p), nil
}

// output runs cmd and returns what it printed.
func output(cmd *exec.Cmd) (string, error) {
	var out bytes.Buffer
	cmd.Stdout = &out
	err := run(cmd, nil)
	return out.String(), err
}
