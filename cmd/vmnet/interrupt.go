package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/vmnet-project/vmnet/framework/report"
)

// errInterrupted is the cause of a context that the user ended.
var errInterrupted = errors.New("interrupted")

// interruptible ends the context on the first ^C (or SIGTERM, or a terminal that is gone), so that what was made is taken down, and the program on the
// second one.
func interruptible(parent context.Context, stderr io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // under nohup a run goes on
		signal.Notify(signals, syscall.SIGHUP)
	}
	done := make(chan struct{})
	go func() {
		for n := 1; ; n++ {
			select {
			case <-done:
				return
			case <-signals:
				if n > 1 {
					fmt.Fprintln(stderr, "\nvmnet: left at once; vmnet down takes away what is still there")
					os.Exit(report.ExitInterrupted)
				}
				fmt.Fprintln(stderr, "\nvmnet: interrupted, tidying up; press ^C again to leave at once")
				cancel(errInterrupted)
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}
