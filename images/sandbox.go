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
	last := &tail{max: 4000}
	w := io.Writer(last)
	if out != nil {
		w = io.MultiWriter(out, last)
	}
	if cmd.Stdout == nil {
		cmd.Stdout = w
	}
	cmd.Stderr = w
	if err := cmd.Run(); err != nil {
		return &commandError{command: strings.Join(cmd.Args, " "), lines: last.lines(12), err: err}
	}
	return nil
}

// commandError is a command that failed, with its last words.
type commandError struct {
	command string
	lines   string
	err     error
}

func (e *commandError) Error() string { return fmt.Sprintf("%v:\n%s", e.err, e.lines) }
func (e *commandError) Unwrap() error { return e.err }

// tail keeps the end of what is written to it.
type tail struct {
	max int
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if len(t.buf) > 2*t.max {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-t.max:]...)
	}
	return len(p), nil
}

func (t *tail) lines(n int) string {
	all := bytes.Split(bytes.TrimSpace(t.buf), []byte("\n"))
	if len(all) > n {
		all = all[len(all)-n:]
	}
	return string(bytes.Join(all, []byte("\n")))
}

// output runs cmd and returns what it printed.
func output(cmd *exec.Cmd) (string, error) {
	var out bytes.Buffer
	cmd.Stdout = &out
	err := run(cmd, nil)
	return out.String(), err
}
