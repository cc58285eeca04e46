package stack

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/vmnet-project/vmnet/internal/files"
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
	return files.Replace(statePath(o), data, 0o644)
}

func loadState(o Options) (s state, ok bool) {
	data, err := os.ReadFile(statePath(o))
	return s, err == nil && json.Unmarshal(data, &s) == nil
}

// lock keeps two runs from building or taking down at once.
func lock(cache string) (unlock func(), err error) {
	unlock, err = files.TryLock(filepath.Join(cache, "lock"))
	switch {
	case errors.Is(err, files.ErrLocked):
		return nil, &SetupError{What: "another vmnet is bringing a bed up or down", Remedy: "wait for it, or end it"}
	case err != nil:
		return nil, &SetupError{What: "the cache directory", Err: err, Remedy: "set XDG_CACHE_HOME to a place that can be written"}
	}
	return unlock, nil
}
