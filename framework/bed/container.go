package bed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// CommandTimeout bounds a command on a host or in a guest whose context has no deadline of its own.
const CommandTimeout = 2 * time.Minute

// containerHost is a container of a Docker engine, reached by Docker's command line: it knows SSH, contexts
// and credentials as the user has them, and a Docker client library would be the larger half of this module.
type containerHost struct {
	hostID
	bed  *Bed
	exec ContainerExec
}

// engineTrouble is what docker prints when the engine or the container is at fault and not the command.
var engineTrouble = regexp.MustCompile(`(?m)^(Cannot connect to the Docker daemon|error during connect|` +
	`(docker: )?Error response from daemon|Error: No such container|unable to resolve docker endpoint)`)

func (h *containerHost) Run(ctx context.Context, argv ...string) (string, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var stdout bytes.Buffer
	err := h.Stream(ctx, nil, &stdout, argv...)
	var failed *CommandError
	if errors.As(err, &failed) {
		failed.Stdout = stdout.String()
	}
	return stdout.String(), err
}

func (h *containerHost) Stream(ctx context.Context, stdin io.Reader, stdout io.Writer, argv ...string) error {
	options := []string{"exec"}
	if stdin != nil {
		options = append(options, "-i")
	}
	cmd := h.docker(ctx, append(append(options, h.exec.Name), argv...))
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %q: %w", h.Place(), brief(CommandLine(argv)), context.Cause(ctx))
	case errors.As(err, &exit) && exit.ExitCode() >= 0 && !engineTrouble.Match(stderr.Bytes()):
		return &CommandError{Place: h.Place(), Command: CommandLine(argv), ExitCode: exit.ExitCode(), Stderr: stderr.String()}
	}
	return fmt.Errorf("%s: docker exec %s: %w: %s", h.Place(), h.exec.Name, err, lastLines(stderr.String(), 3))
}

func (h *containerHost) Start(ctx context.Context, argv ...string) (Process, error) {
	life, kill := context.WithCancel(context.WithoutCancel(ctx))
	cmd := h.docker(life, append([]string{"exec", "-i", h.exec.Name}, supervised(argv)...))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		kill()
		return nil, fmt.Errorf("%s: start: %w", h.Place(), err)
	}
	p := &process{bed: h.bed, place: h.Place(), command: CommandLine(argv), stdin: stdin,
		stdout: newOutput(), stderr: newOutput(), kill: kill, at: h}
	cmd.Stdout, cmd.Stderr = p.stdout, p.stderr
	if err := cmd.Start(); err != nil {
		kill()
		return nil, fmt.Errorf("%s: start: %w", h.Place(), err)
	}
	p.watch(cmd.Wait)
	ctx, cancel := bounded(ctx)
	defer cancel()
	if err := p.begin(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// docker is Docker's command line against the host's engine, out of reach of the terminal's ^C: an
// interrupted run still stops its captures in order.
func (h *containerHost) docker(ctx context.Context, args []string) *exec.Cmd {
	path := "docker"
	env := os.Environ()
	if h.exec.BinDir != "" {
		own := filepath.Join(h.exec.BinDir, "docker")
		if _, err := os.Stat(own); err == nil {
			path = own
		}
		env = append(env, "PATH="+h.exec.BinDir+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	if h.exec.DockerHost != "" {
		env = append(env, "DOCKER_HOST="+h.exec.DockerHost)
	}
	cmd := exec.CommandContext(ctx, path, args...) //nolint:gosec // the user's underlay names it
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}
