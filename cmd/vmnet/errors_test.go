package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/report"
	"github.com/vmnet-project/vmnet/stack"
)

func TestExitCode(t *testing.T) {
	interrupted, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want int
	}{
		{t.Context(), nil, 0},
		{t.Context(), errors.New("a bug"), report.ExitNotProven},
		{t.Context(), verdictError(1), report.ExitNotProven},
		{t.Context(), &bed.InputError{What: "kubeconfig"}, report.ExitInput},
		{t.Context(), fmt.Errorf("open: %w", &bed.InputError{What: "kubeconfig", Err: errors.New("x")}), report.ExitInput},
		{t.Context(), &report.FileError{File: "f", Err: errors.New("x")}, report.ExitInput},
		{t.Context(), &stack.InputError{What: "DOCKER"}, report.ExitInput},
		{t.Context(), &inputError{errors.New("x"), "y"}, report.ExitInput},
		{t.Context(), &bed.UnreachableError{Server: "s", Err: errors.New("x")}, report.ExitSetup},
		{t.Context(), fmt.Errorf("up: %w", &stack.SetupError{What: "disk"}), report.ExitSetup},
		{t.Context(), &setupError{errors.New("x")}, report.ExitSetup},
		{t.Context(), nothingError{"why"}, report.ExitNothing},
		{interrupted, context.Canceled, report.ExitInterrupted},
		{interrupted, &stack.SetupError{What: "cut short"}, report.ExitInterrupted},
		{interrupted, nil, 0}, // what came to its end before the interrupt was heard
	} {
		if got := exitCode(c.ctx, c.err); got != c.want {
			t.Errorf("exit code of %v is %d, want %d", c.err, got, c.want)
		}
	}
}

// What there is to know comes first, the one line that counts is the last.
func TestComplain(t *testing.T) {
	var out bytes.Buffer
	err := &stack.SetupError{What: "the machine ended", Remedy: "its last lines:\n[ 1.0] Kernel panic\n[ 1.1] end"}
	if code := complain(t.Context(), &out, err); code != report.ExitSetup {
		t.Errorf("exit code %d", code)
	}
	want := "[ 1.0] Kernel panic\n[ 1.1] end\nvmnet: the machine ended; its last lines\n"
	if out.String() != want {
		t.Errorf("said %q, want %q", out.String(), want)
	}
}
