package fault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// journalFile holds, in the bed's directory, what is needed to take back what is injected now: a selftest that is killed
// leaves it, and the next one on the bed begins with it.
const journalFile = "selftest.undo"

// reversal is what takes a change back, as data.
type reversal interface {
	takeBack(ctx context.Context, w *World) error
}

// record is one reversal of the journal; one of the pointers is set.
type record struct {
	ID   int  `json:"id"`
	Done bool `json:"done,omitempty"`
	// Fault is why it was made, Namespace the scenario's main one.
	Fault     string       `json:"fault,omitempty"`
	Namespace string       `json:"namespace,omitempty"`
	Script    *reverted    `json:"script,omitempty"`
	Apply     *Apply       `json:"apply,omitempty"`
	Retarget  *retargeted  `json:"retarget,omitempty"`
	Renumber  *renumbered  `json:"renumber,omitempty"`
	Unlabel   *Unlabel     `json:"unlabel,omitempty"`
	Header    *journalHead `json:"header,omitempty"`
}

// journalHead is the first line.
type journalHead struct {
	// Cluster is the UID of the cluster that the changes were made in.
	Cluster string `json:"cluster"`
}

func (r record) reversal() (reversal, error) {
	switch {
	case r.Script != nil:
		return r.Script, nil
	case r.Apply != nil:
		return r.Apply, nil
	case r.Retarget != nil:
		return r.Retarget, nil
	case r.Renumber != nil:
		return r.Renumber, nil
	case r.Unlabel != nil:
		return r.Unlabel, nil
	}
	return nil, fmt.Errorf("%s: it was kept by another version of vmnet, and how it is taken back is not known", r.Fault)
}

// journal is a file of records, one a line: what is injected, and later that it was taken back. Its methods do nothing
// where there is none.
type journal struct {
	mu      sync.Mutex
	path    string
	cluster string
	next    int
	pending []record
}

// openJournal reads what is there. What belongs to another cluster went with that.
func openJournal(dir, cluster string) (*journal, error) {
	j := &journal{path: filepath.Join(dir, journalFile), cluster: cluster}
	raw, err := os.ReadFile(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	}
	if err != nil {
		return nil, fmt.Errorf("what an earlier selftest left: %w", err)
	}
	whole := bytes.LastIndexByte(raw, '\n') + 1 // the rest was cut off while it was written: then nothing was changed yet
	for i, line := range bytes.Split(bytes.TrimSpace(raw[:whole]), []byte("\n")) {
		var r record
		switch err := json.Unmarshal(line, &r); {
		case len(line) == 0:
		case err != nil:
			return nil, fmt.Errorf("%s, line %d: %w", j.path, i+1, err)
		case r.Header != nil && r.Header.Cluster != cluster:
			return j, os.Remove(j.path)
		case r.Done:
			j.pending = slices.DeleteFunc(j.pending, func(p record) bool { return p.ID == r.ID })
		case r.Header == nil:
			j.pending = append(j.pending, r)
		}
		j.next = max(j.next, r.ID)
	}
	return j, os.Truncate(j.path, int64(whole))
}

// left are the records that were not taken back, the last one first.
func (j *journal) left() []record {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	all := slices.Clone(j.pending)
	slices.Reverse(all)
	return all
}

// add keeps a record, and returns once it is on the disk.
func (j *journal) add(r record) (int, error) {
	if j == nil {
		return 0, nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.next++
	r.ID = j.next
	lines := []record{r}
	if len(j.pending) == 0 {
		lines = []record{{Header: &journalHead{j.cluster}}, r}
	}
	if err := j.write(lines...); err != nil {
		return 0, fmt.Errorf("keep what takes it back: %w", err)
	}
	j.pending = append(j.pending, r)
	return r.ID, nil
}

// strike forgets a record that was taken back; with the last one the file goes.
func (j *journal) strike(id int) error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	before := len(j.pending)
	j.pending = slices.DeleteFunc(j.pending, func(p record) bool { return p.ID == id })
	switch {
	case len(j.pending) == before:
		return nil // a second undo
	case len(j.pending) == 0:
		return os.Remove(j.path)
	}
	return j.write(record{ID: id, Done: true})
}

func (j *journal) write(records ...record) error {
	f, err := os.OpenFile(j.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for _, r := range records {
		raw, failed := json.Marshal(r)
		if failed == nil {
			_, failed = f.Write(append(raw, '\n'))
		}
		err = errors.Join(err, failed)
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// pledge keeps how a change is taken back, before it is made, and gives the undo.
func (w *World) pledge(r record) (Undo, error) {
	way, err := r.reversal()
	if err != nil {
		return nil, err
	}
	r.Fault = w.fault
	if w.Running != nil {
		r.Namespace = w.Running.Namespace
	}
	id, err := w.journal.add(r)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		if err := way.takeBack(ctx, w); err != nil {
			return err
		}
		return w.journal.strike(id)
	}, nil
}
