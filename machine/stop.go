package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/vmnet-project/vmnet/internal/files"
)

// Stop ends the machine and removes what Start made: process, network interfaces, disk, connection, setting of the
// host. The console's log stays. Stopping what is not there is no error.
func Stop(ctx context.Context, o Options) (err error) {
	o, err = o.complete()
	if err != nil {
		return err
	}
	if _, err := os.Stat(o.stateDir()); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := requireRoot(); err != nil {
		return err
	}
	unlock, err := files.Lock(ctx, filepath.Join(o.stateDir(), lockFile))
	if err != nil {
		return err
	}
	defer unlock()
	return undo(ctx, o)
}

// undo goes on after a failure and forgets the state only when all of it is gone.
func undo(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	dir := o.stateDir()
	s, err := readState(dir)
	if err != nil {
		return err
	}
	if s == nil {
		return nil
	}
	errs := []error{endConnection(ctx, dir, s)}
	if err := s.Process.kill(ctx); err != nil {
		return fmt.Errorf("stopping machine %s: %w", o.Name, err)
	}
	errs = append(errs, removeCable(ctx, s.Links))
	if s.MapCount != nil {
		errs = append(errs, giveBack(o, s))
	}
	for _, f := range []string{cowFile, "ram", "uml", "docker", "bin", controlSocket} {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, f)))
	}
	unfinished, err := filepath.Glob(filepath.Join(dir, "."+stateFile+"-*")) // of a write that was interrupted
	errs = append(errs, err)
	for _, f := range unfinished {
		errs = append(errs, os.Remove(f))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stopping machine %s: %w", o.Name, err)
	}
	if err := os.Remove(filepath.Join(dir, stateFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("stopping machine %s: %w", o.Name, err)
	}
	return nil
}

// endConnection ends the ssh that holds the connection for the others.
func endConnection(ctx context.Context, dir string, s *state) error {
	if _, err := os.Stat(filepath.Join(dir, controlSocket)); err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := output(ctx, filepath.Join(binDir(dir), "ssh"), "-O", "exit", "root@"+s.Address.String())
	if err == nil || ctx.Err() == nil {
		return nil // a socket that nobody listens on is an answer, too
	}
	return err
}

// giveBack restores vm.max_map_count. If another machine of this cache runs it inherits the duty instead, and a
// value that somebody else has set since stays.
func giveBack(o Options, s *state) error {
	others, err := filepath.Glob(filepath.Join(o.Cache, "machine", "*", stateFile))
	if err != nil {
		return err
	}
	for _, f := range others {
		dir := filepath.Dir(f)
		if dir == o.stateDir() {
			continue
		}
		other, err := readState(dir)
		if err != nil || other == nil || !other.Process.alive() {
			continue
		}
		switch {
		case other.MapCount == nil:
			other.MapCount = s.MapCount
		case other.MapCount.Old == s.MapCount.Set:
			other.MapCount.Old = s.MapCount.Old
		default:
			continue
		}
		return other.write(dir)
	}
	now, err := readSetting(mapCountPath)
	if err != nil || now != s.MapCount.Set {
		return err
	}
	return writeSetting(mapCountPath, s.MapCount.Old)
}
