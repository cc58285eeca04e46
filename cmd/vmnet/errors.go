package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/report"
	"github.com/vmnet-project/vmnet/internal/progress"
)

// exitCoder is an error that knows its exit code.
type exitCoder interface{ ExitCode() int }

// inputError is something that the user gave and that cannot be used.
type inputError struct {
	err    error
	remedy string
}

func (e *inputError) Error() string {
	if e.remedy == "" {
		return e.err.Error()
	}
	return e.err.Error() + "; " + e.remedy
}
func (e *inputError) Unwrap() error { return e.err }
func (*inputError) ExitCode() int   { return report.ExitInput }

// setupError is a run that could not come to a conclusion.
type setupError struct{ err error }

func (e *setupError) Error() string { return e.err.Error() }
func (e *setupError) Unwrap() error { return e.err }
func (*setupError) ExitCode() int   { return report.ExitSetup }

// verdictError carries the exit code of a run that came to its end; what there is to say is in the table.
type verdictError int

func (e verdictError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }
func (e verdictError) ExitCode() int { return int(e) }

// nothingError is a selection without a claim.
type nothingError struct{ why string }

func (e nothingError) Error() string { return "nothing selected: " + e.why }
func (nothingError) ExitCode() int   { return report.ExitNothing }

// exitCode is the one place where an error becomes an exit code.
func exitCode(ctx context.Context, err error) int {
	if err == nil {
		return report.ExitProven
	}
	if errors.Is(context.Cause(ctx), errInterrupted) || errors.Is(err, errInterrupted) {
		return report.ExitInterrupted
	}
	var input *bed.InputError
	if errors.As(err, &input) {
		return report.ExitInput
	}
	var unreachable *bed.UnreachableError
	if errors.As(err, &unreachable) {
		return report.ExitSetup
	}
	var coder exitCoder
	if errors.As(err, &coder) {
		return coder.ExitCode()
	}
	return report.ExitNotProven
}

// complain writes an error as one line, after what there is to know about it, and returns the exit code.
func complain(ctx context.Context, stderr io.Writer, err error) int {
	code := exitCode(ctx, err)
	var verdict verdictError
	if err == nil || errors.As(err, &verdict) {
		return code
	}
	if code == report.ExitInterrupted {
		fmt.Fprintln(stderr, "vmnet: interrupted") // what the interrupt broke is of no interest
		return code
	}
	line, details, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	if details != "" {
		fmt.Fprintln(stderr, progress.Plain(details))
	}
	fmt.Fprintln(stderr, "vmnet:", strings.TrimRight(line, ": "))
	return code
}
