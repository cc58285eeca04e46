package machine

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/vmnet-project/vmnet/internal/tail"
)

// output runs a program of the host and returns what it printed; the error holds what it complained of.
func output(ctx context.Context, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = 2 * time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := runBound(cmd); err != nil {
		return out.String(), fmt.Errorf("%s: %w%s", strings.Join(argv, " "), err, lastWords(tail.Lines(errs.String(), 12)))
	}
	return out.String(), nil
}

// runBound runs a program that dies with this process, kill -9 included. The parent of PR_SET_PDEATHSIG is a
// thread: it is kept until the program has ended.
func runBound(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return cmd.Run()
}

// lastWords is the end of what a program said, to be put behind an error.
func lastWords(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return ": " + strings.Join(lines, "\n")
}
