package stack

import (
	"context"
	"errors"
	"os/exec"
	"strings"

	"github.com/vmnet-project/vmnet/images"
	"github.com/vmnet-project/vmnet/internal/tail"
)

// runFunc runs a command where the Docker engine is.
type runFunc func(ctx context.Context, argv ...string) (string, error)

func runHere(ctx context.Context, argv ...string) (string, error) {
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return string(out), errors.New(argv[0] + ": " + tail.Line(string(out), err.Error()))
	}
	return string(out), nil
}

// loadNodeImage imports the node image that was built into the host's Docker store, unless this very one is there.
func loadNodeImage(ctx context.Context, r *images.Result) error {
	if have, err := runHere(ctx, "docker", "image", "inspect", "-f", `{{index .Config.Labels "vmnet.key"}}`, r.NodeTag); err == nil && strings.TrimSpace(have) == r.Key {
		return nil
	}
	tar := exec.CommandContext(ctx, "tar", "-C", r.NodeRoot, "--numeric-owner", "--xattrs", "-c", ".")
	imp := exec.CommandContext(ctx, "docker", "import",
		"-c", "ENV container=docker", "-c", `ENTRYPOINT ["/usr/local/bin/entrypoint","/sbin/init"]`,
		"-c", "STOPSIGNAL SIGRTMIN+3", "-c", "LABEL vmnet.key="+r.Key, "-", r.NodeTag)
	pipe, err := tar.StdoutPipe()
	if err != nil {
		return err
	}
	imp.Stdin = pipe
	if err := tar.Start(); err != nil {
		return err
	}
	out, err := imp.CombinedOutput()
	if werr := tar.Wait(); err == nil && werr != nil {
		return werr
	}
	if err != nil {
		return errors.New("docker import: " + tail.Line(string(out), err.Error()))
	}
	return nil
}
