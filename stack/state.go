package stack

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// state is what a later Down needs to know of a run that did not come to its end.
type state struct {
	Plan  Plan `json:"plan"`
	Nodes int  `json:"nodes"`
	// Stores are the nodes' image stores on the host, where Docker is the host's.
	Stores []string `json:"stores,omitempty"`
}

func statePath(o Options) string { return filepath.Join(o.Cache, "up.json") }

// saveState is called before anything is made, so that Down finds what a killed run left.
func saveState(o Options, s state) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	tmp := statePath(o) + ".new"
	if err := os.WriteFile(tmp, data, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, statePath(o))
}

func loadState(o Options) (s state, ok bool) {
	data, err := os.ReadFile(statePath(o))
	return s, err == nil && json.Unmarshal(data, &s) == nil
}

// lock keeps two runs from building or taking down at once. The kernel gives it back when a run is killed.
func lock(cache string) (unlock func(), err error) {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, &SetupError{What: "the cache directory", Err: err, Remedy: "set XDG_CACHE_HOME to a place that can be written"}
	}
	f, err := os.OpenFile(filepath.Join(cache, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, &SetupError{What: "the cache directory", Err: err, Remedy: "set XDG_CACHE_HOME to a place that can be written"}
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &SetupError{What: "another vmnet is bringing a bed up or down", Remedy: "wait for it, or end it"}
		}
		return nil, &SetupError{What: "the lock in " + cache, Err: err}
	}
	return func() { f.Close() }, nil
}
