package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

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

// Error has what is wrong and what to do in its first line; what a program said of it follows.
func (e *SetupError) Error() string {
	s, details := e.What, ""
	if e.Err != nil {
		var line string
		line, details, _ = strings.Cut(e.Err.Error(), "\n")
		s += ": " + strings.TrimRight(line, ": ")
	}
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	if details != "" {
		s += "\n" + details
	}
	return s
}

func (e *SetupError) Unwrap() error { return e.Err }

// ExitCode is the command line's for a failed preflight or set-up.
func (*SetupError) ExitCode() int { return 3 }

// setup marks an error as one of bringing the bed up, unless it already says what to do.
func setup(what string, err error) error {
	var s *SetupError
	var in *InputError
	if err == nil || errors.As(err, &s) || errors.As(err, &in) || errors.Is(err, context.Canceled) {
		return err
	}
	s = &SetupError{What: what, Err: err}
	if diskFull(err) {
		s.Remedy = fmt.Sprintf("a disk is full: a cold build needs %d GiB; free some, or set XDG_CACHE_HOME to a larger disk, and start again: what is complete is kept", diskCold>>30)
	}
	return s
}

// diskFull says whether that is what went wrong here, or in a program that says so.
func diskFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || strings.Contains(strings.ToLower(err.Error()), "no space left on device")
}
