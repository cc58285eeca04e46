package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/vmnet-project/vmnet/internal/tail"
)

// sandbox runs a program in mount, PID and optionally network namespaces of its own. Its mounts and processes end
// with it, and it ends with this process, kill -9 included. What it says goes to the log file.
func sandbox(ctx context.Context, log string, network bool, argv ...string) (err error) {
	f, err := os.OpenFile(log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	args := []string{"--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"}
	if network {
		args = append(args, "--net")
	}
	cmd := exec.CommandContext(ctx, "unshare", append(args, argv...)...)
	cmd.Dir = filepath.Dir(log)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdout, cmd.Stderr = io.Writer(f), io.Writer(f)
	cmd.WaitDelay = 5 * time.Second
	if err := runBound(cmd); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", argv[0], context.Cause(ctx))
		}
		return fmt.Errorf("%s: %w%s (log: %s)", argv[0], err, lastWords(tail.File(log, 12)), log)
	}
	return nil
}
