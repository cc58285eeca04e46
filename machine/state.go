package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/vmnet-project/vmnet/internal/files"
)

// state is what one machine has, or is about to have, on the host. It is written before each thing is made.
type state struct {
	Name string `json:"name"`
	// Links are the host's end and the machine's end.
	Links [2]string `json:"links"`
	// Host is the address of the host's end, Address the machine's.
	Host    netip.Prefix `json:"host"`
	Address netip.Addr   `json:"address"`
	Disk    string       `json:"disk"`
	Kernel  string       `json:"kernel"`
	Root    string       `json:"root"`
	// Process is nil until there is one.
	Process *process `json:"process,omitempty"`
	// MapCount is nil unless vm.max_map_count was changed.
	MapCount *savedValue `json:"mapCount,omitempty"`
	Created  time.Time   `json:"created"`
}

// savedValue is a setting of the host that has to go back.
type savedValue struct {
	Old int `json:"old"`
	Set int `json:"set"`
}

const (
	stateFile = "state.json"
	lockFile  = ".lock"
)

// readState returns nil without an error when there is none.
func readState(dir string) (*state, error) {
	path := filepath.Join(dir, stateFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("machine state: %w", err)
	}
	var s state
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("machine state %s does not parse: %w", path, err)
	}
	return &s, nil
}

// write replaces the file as a whole: a reader sees the old or the new one.
func (s *state) write(dir string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("machine state: %w", err)
	}
	if err := files.Replace(filepath.Join(dir, stateFile), append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("machine state: %w", err)
	}
	return nil
}
