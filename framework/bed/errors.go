package bed

import (
	"fmt"
	"strings"

	"github.com/vmnet-project/vmnet/internal/tail"
)

// InputError is something that the user gave and that cannot be used: a file that is missing or does not
// parse, credentials that the cluster refuses. Its text is one line that names it and says what to do.
type InputError struct {
	// What is the file or option, with the field where one is at fault.
	What string
	Err  error
}

func (e *InputError) Error() string { return fmt.Sprintf("%s: %v", e.What, e.Err) }

// Unwrap gives the reason.
func (e *InputError) Unwrap() error { return e.Err }

// UnreachableError is a cluster that did not answer in time.
type UnreachableError struct {
	// Server is the API server's URL.
	Server string
	Err    error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("the cluster at %s does not answer: %v; start it, or mend the server in its kubeconfig", e.Server, e.Err)
}

// Unwrap gives the reason.
func (e *UnreachableError) Unwrap() error { return e.Err }

// CommandError is a command that ran at a place and ended with another exit code than 0. That a place could
// not be reached is never a CommandError.
type CommandError struct {
	Place    string
	Command  string
	ExitCode int
	Stdout   string
	Stderr   string
}

func (e *CommandError) Error() string {
	said := strings.TrimSpace(e.Stderr)
	if said == "" {
		said = strings.TrimSpace(e.Stdout)
	}
	if said == "" {
		said = "no output"
	}
	return fmt.Sprintf("%s: %q ended with exit code %d: %s", e.Place, brief(e.Command), e.ExitCode, lastLines(said, 5))
}

// brief is a command as an error names it: a script would hide the reason.
func brief(command string) string {
	const most = 80
	if runes := []rune(command); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return command
}

// lastLines is the end of what a command said, in one line.
func lastLines(s string, n int) string { return strings.Join(tail.Lines(s, n), "; ") }
