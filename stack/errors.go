package stack

import "fmt"

// InputError is an option that cannot be used.
type InputError struct{ What, Remedy string }

func (e *InputError) Error() string { return fmt.Sprintf("%s: %s", e.What, e.Remedy) }

// ExitCode is the command line's for bad input.
func (*InputError) ExitCode() int { return 2 }

// SetupError is a host that cannot carry the bed, or a step of bringing it up that failed.
type SetupError struct {
	What   string
	Remedy string
	Err    error
}

func (e *SetupError) Error() string {
	s := e.What
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

func (e *SetupError) Unwrap() error { return e.Err }

// ExitCode is the command line's for a failed preflight or set-up.
func (*SetupError) ExitCode() int { return 3 }
