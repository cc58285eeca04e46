package kind

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Engine is a Docker engine and the tools that reach it.
type Engine struct {
	// DockerHost is as in the environment variable: "" for docker's own default, or ssh://root@ADDRESS.
	DockerHost string
	// BinDir holds the docker to use, and the ssh that docker calls; "" means PATH.
	BinDir string
}

func (e Engine) String() string {
	if e.DockerHost == "" {
		return "of this host"
	}
	return e.DockerHost
}

// Docker runs one docker command and returns what it printed; its error is an *EngineError, a *MissingError where
// there is no docker.
func (e Engine) Docker(ctx context.Context, args ...string) (string, error) {
	path, err := e.lookPath("docker")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = e.environ(os.Environ())
	cmd.WaitDelay = 5 * time.Second // ssh below it may hold the pipes
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return stdout.String(), &EngineError{Engine: e, Args: args, Stderr: stderr.String(), Err: err}
	}
	return stdout.String(), nil
}

func (e Engine) lookPath(tool string) (string, error) {
	if e.BinDir != "" {
		path := filepath.Join(e.BinDir, tool)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath(tool)
	if err != nil {
		return "", &MissingError{Tool: tool, Remedy: "install Docker's command line, or let the machine bring one (DOCKER=machine)"}
	}
	return path, nil
}

// overrides are the variables by which docker's command line finds this engine.
func (e Engine) overrides() map[string]string {
	env := map[string]string{}
	if e.DockerHost != "" {
		env["DOCKER_HOST"] = e.DockerHost
		env["DOCKER_CONTEXT"] = "" // it would win over DOCKER_HOST in some versions
	}
	if e.BinDir != "" {
		env["PATH"] = e.BinDir + string(os.PathListSeparator) + os.Getenv("PATH")
	}
	return env
}

func (e Engine) environ(base []string) []string {
	for name, value := range e.overrides() {
		base = append(base, name+"="+value) // the last one counts
	}
	return base
}

// held is the engine that this process' environment points to: kind's library calls docker by name, with the
// environment that it finds.
var held struct {
	sync.Mutex
	users  int
	engine Engine
	before map[string]*string
}

// hold points this process' environment to the engine until release is called. Several may hold the same one.
func (e Engine) hold() (release func(), err error) {
	held.Lock()
	defer held.Unlock()
	if held.users > 0 && held.engine != e {
		return nil, fmt.Errorf("kind works with engine %s in this process: not with %s at the same time", held.engine, e)
	}
	if held.users == 0 {
		held.engine, held.before = e, map[string]*string{}
		for name, value := range e.overrides() {
			if old, ok := os.LookupEnv(name); ok {
				held.before[name] = &old
			} else {
				held.before[name] = nil
			}
			if err := os.Setenv(name, value); err != nil {
				return nil, errors.Join(err, restore())
			}
		}
	}
	held.users++
	return sync.OnceFunc(func() {
		held.Lock()
		defer held.Unlock()
		if held.users--; held.users == 0 {
			_ = restore() // names that could be set before
		}
	}), nil
}

func restore() error {
	var failed []error
	for name, value := range held.before {
		if value == nil {
			failed = append(failed, os.Unsetenv(name))
		} else {
			failed = append(failed, os.Setenv(name, *value))
		}
	}
	return errors.Join(failed...)
}

// lines splits a command's output, without blank ones.
func lines(out string) []string {
	return strings.FieldsFunc(out, func(r rune) bool { return r == '\n' || r == '\r' })
}
