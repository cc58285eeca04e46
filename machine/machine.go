package machine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"al.essio.dev/pkg/shellescape"

	"github.com/vmnet-project/vmnet/internal/tail"
)

// Machine is one that runs.
type Machine struct {
	Name string
	// Address of the machine on the cable to the host; what it listens on is reached there.
	Address string
	// DockerHost is what the environment variable of that name has to be.
	DockerHost string
	// BinDir has to be first in PATH: its docker and ssh have the machine's keys.
	BinDir string
	// PID of the machine on the host.
	PID int
	// StateDir holds everything of this machine on the host.
	StateDir string

	exited func() <-chan struct{}
}

const consoleFile = "console.log"

func newMachine(o Options, s *state) *Machine {
	return &Machine{
		Name: s.Name, Address: s.Address.String(), DockerHost: dockerHost(s), BinDir: binDir(o.stateDir()),
		PID: s.Process.PID, StateDir: o.stateDir(), exited: sync.OnceValue(s.Process.exited),
	}
}

// Find returns the machine of that name if it runs.
func Find(o Options) (*Machine, bool) {
	o, err := o.complete()
	if err != nil {
		return nil, false
	}
	s, err := readState(o.stateDir())
	if err != nil || s == nil || !s.Process.alive() {
		return nil, false
	}
	return newMachine(o, s), true
}

// Exited is closed when the machine has ended, however it did.
func (m *Machine) Exited() <-chan struct{} { return m.exited() }

// LastLines are the last n lines of the machine's console, fewer if it said less.
func (m *Machine) LastLines(n int) []string {
	return tail.File(filepath.Join(m.StateDir, consoleFile), n)
}

// Run runs a command in the machine and returns its standard output. A command that
// fails is an error that wraps *exec.ExitError and holds what the command complained of.
func (m *Machine) Run(ctx context.Context, argv ...string) (string, error) {
	out, err := output(ctx, filepath.Join(m.BinDir, "ssh"), "-o", "ConnectTimeout=10", "root@"+m.Address, shellescape.QuoteCommand(argv))
	if err == nil {
		return out, nil
	}
	select {
	case <-m.exited():
		return out, fmt.Errorf("the machine has ended, last on its console: %s", strings.Join(m.LastLines(10), " | "))
	default:
		return out, fmt.Errorf("machine %s: %w", m.Name, err)
	}
}

// Docker runs the docker client on the machine's engine.
func (m *Machine) Docker(ctx context.Context, args ...string) (string, error) {
	return output(ctx, append([]string{filepath.Join(m.BinDir, "docker")}, args...)...)
}

// poll tries until it works, the machine ends or ctx does, and returns the last failure.
func (m *Machine) poll(ctx context.Context, what string, try func(context.Context) error) error {
	var last error
	for {
		if last = try(ctx); last == nil {
			return nil
		}
		select {
		case <-m.exited():
			return fmt.Errorf("the machine ended before %s, last on its console:\n%s", what, strings.Join(m.LastLines(40), "\n"))
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("waiting for %s: %w, last on the console:\n%s",
				what, context.Cause(ctx), strings.Join(m.LastLines(15), "\n")), last)
		case <-time.After(150 * time.Millisecond):
		}
	}
}
