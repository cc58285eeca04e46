package bed

import (
	"context"
	"io"

	"al.essio.dev/pkg/shellescape"
)

// Runner is a place where commands run.
type Runner interface {
	// Place names it for evidence, as "node worker", "peer outside", "guest vm-a", "pod client".
	Place() string
	// Run runs one command to its end and returns what it printed. A command that ends with another exit
	// code than 0 gives a *CommandError, with stdout as well; anything else is a problem with the place.
	// When ctx ends, Run returns; the command itself may run on where the place offers no way to end it.
	Run(ctx context.Context, argv ...string) (stdout string, err error)
}

// Streamer is a place where a command's stdin and stdout can be joined to ours, as a way to somewhere else.
type Streamer interface {
	Runner
	// Stream runs a command until it ends or ctx does, which may come long after.
	Stream(ctx context.Context, stdin io.Reader, stdout io.Writer, argv ...string) error
}

// Host is a machine outside the cluster, on which commands can also be started and stopped later.
type Host interface {
	Streamer
	Name() string
	// Address is its IP on the network that it shares with the nodes.
	Address() string
	// Interface is the link that holds Address.
	Interface() string
	// Start starts a command and returns once it runs there; ctx bounds the start alone. What was not
	// stopped is stopped by Bed.Close, and by the place itself when the connection breaks.
	Start(ctx context.Context, argv ...string) (Process, error)
}

// Process is a command that was started on a Host.
type Process interface {
	// Await waits until the output so far (stdout or stderr) holds the text, as tcpdump's "listening on".
	// It fails when the command ends before that.
	Await(ctx context.Context, text string) error
	// Stop sends SIGINT to the command where it runs, waits for its end and returns all that it printed.
	// That it ended by the signal is no error; calling it again returns the same.
	Stop(ctx context.Context) (stdout, stderr string, err error)
}

// CommandLine renders a command as a shell would read it, for evidence and for places that take one string.
func CommandLine(argv []string) string { return shellescape.QuoteCommand(argv) }
