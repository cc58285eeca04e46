package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/internal/progress"
	"github.com/vmnet-project/vmnet/internal/watchdog"
	"github.com/vmnet-project/vmnet/stack"
)

// downTime bounds taking a bed down after a run.
const downTime = 5 * time.Minute

// session is a bed that is open, and what holds for it.
type session struct {
	bed *bed.Bed
	// passing is true where the bed is taken down after the command: nothing needs to be cleaned up in it.
	passing     bool
	identityDir string
}

// onBed does work on the bed that was named, or else on the one that up made, or else on one that it brings up and,
// unless keep, takes down. When the machine or a component dies, work's context ends at once, and the error says what
// died and what it said last.
func (a *app) onBed(ctx context.Context, beds bedFlags, keep bool, p *progress.Reporter, work func(context.Context, session) error) (err error) {
	o, err := a.stack.options(p)
	if err != nil {
		return err
	}
	passing := false
	if !beds.given() {
		passing = !keep && !isUp(o)
		if _, err := stack.Up(ctx, o); err != nil {
			return errors.Join(err, a.afterUp(ctx, o, passing, p))
		}
		if passing {
			defer func() { err = errors.Join(err, down(ctx, o)) }()
		}
	}
	options, err := beds.options(o)
	if err != nil {
		return err
	}
	b, err := bed.Open(ctx, options)
	if err != nil {
		return err
	}
	if !passing {
		defer func() { err = errors.Join(err, closeBed(ctx, b)) }()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if !beds.given() {
		go watchMachine(ctx, o, cancel)
	}
	platform := func(ctx context.Context) []string { return platformNamespaces(ctx, b) }
	go func() {
		if err := watchdog.Watch(ctx, b.Kube, platform, func(d *watchdog.DiedError) { p.Printf("%v", d) }); err != nil {
			cancel(err)
		}
	}()
	err = work(ctx, session{bed: b, passing: passing, identityDir: identityDir(o, beds.given())})
	var died *watchdog.DiedError
	if errors.As(context.Cause(ctx), &died) {
		return died
	}
	return err
}

// isUp says whether a finished bed of up is there.
func isUp(o stack.Options) bool {
	_, err := os.Stat(filepath.Join(o.BedDir(), bed.ProvenanceFile))
	return err == nil
}

// afterUp takes away what an interrupted up had made; after a failure it stays for a look.
func (a *app) afterUp(ctx context.Context, o stack.Options, passing bool, p *progress.Reporter) error {
	if passing && errors.Is(context.Cause(ctx), errInterrupted) {
		return down(ctx, o)
	}
	if s, err := stack.Current(context.WithoutCancel(ctx), o); err == nil && s.Bed != "" {
		p.Printf("what was made stays for a look; vmnet down takes it away")
	}
	return nil
}

func down(ctx context.Context, o stack.Options) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), downTime)
	defer cancel()
	return stack.Down(ctx, o)
}

// watchMachine ends a run when the machine that carries the bed ends.
func watchMachine(ctx context.Context, o stack.Options, cancel context.CancelCauseFunc) {
	m, ok := stack.Machine(o)
	if !ok {
		return
	}
	select {
	case <-ctx.Done():
	case <-m.Exited():
		cancel(&watchdog.DiedError{What: "the machine", Reason: fmt.Sprintf("process %d has ended", m.PID), Log: m.LastLines(20)})
	}
}
