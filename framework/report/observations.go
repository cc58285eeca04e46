package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// FileError is a file or directory that was named and that cannot be used.
type FileError struct {
	File string
	Err  error
}

func (e *FileError) Error() string { return fmt.Sprintf("%s: %v", e.File, e.Err) }

// Unwrap gives the reason.
func (e *FileError) Unwrap() error { return e.Err }

// ExitCode is that of bad input.
func (*FileError) ExitCode() int { return ExitInput }

// WriteObservation stores what was seen of one scenario in dir/observations, replaced whole or not at all.
func WriteObservation(dir string, o model.Observation) error {
	body, err := json.MarshalIndent(o, "", " ")
	if err != nil {
		return fmt.Errorf("encode the observation of %s: %w", o.Scenario, err)
	}
	dir = filepath.Join(dir, ObservationsDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("store the observation of %s: %w", o.Scenario, err)
	}
	return replace(filepath.Join(dir, o.Scenario+".json"), append(body, '\n'))
}

// ReadObservations reads stored observations by scenario: of one file, of a directory of them, or of a report's
// directory. All errors are *FileError.
func ReadObservations(path string) (map[string]model.Observation, error) {
	files, err := observationFiles(path)
	if err != nil {
		return nil, err
	}
	all, from := map[string]model.Observation{}, map[string]string{}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			return nil, &FileError{file, reason(err)}
		}
		o, err := ParseObservation(body)
		if err != nil {
			return nil, &FileError{file, err}
		}
		if other, twice := from[o.Scenario]; twice {
			return nil, &FileError{file, fmt.Errorf("is of scenario %s, and so is %s; name the one to judge", o.Scenario, other)}
		}
		all[o.Scenario], from[o.Scenario] = o, file
	}
	return all, nil
}

func observationFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, &FileError{path, fmt.Errorf("%w; name a directory with observations, as out/latest", reason(err))}
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	for _, dir := range []string{filepath.Join(path, ObservationsDir), path} {
		files, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*.json"))
		if err != nil {
			return nil, &FileError{dir, err}
		}
		files = slices.DeleteFunc(files, func(f string) bool { return filepath.Base(f) == JSONFile })
		if len(files) > 0 {
			return files, nil
		}
	}
	return nil, &FileError{path, errors.New("holds no observations; name a directory with *.json of a run, as out/latest")}
}

// ParseObservation reads one stored observation. What is in another layout, or no observation at all, is refused.
func ParseObservation(body []byte) (model.Observation, error) {
	var o model.Observation
	if err := json.Unmarshal(body, &o); err != nil {
		return o, fmt.Errorf("is no observation: %w", err)
	}
	switch {
	case o.Format == 0 || o.Scenario == "":
		return o, errors.New("is no observation: it names no format and scenario")
	case o.Format != model.FormatVersion:
		return o, fmt.Errorf("is stored in format %d, and this program reads format %d; judge it with the vmnet that wrote it", o.Format, model.FormatVersion)
	}
	return o, nil
}

// Read reads a report.json.
func Read(file string) (Report, error) {
	var r Report
	body, err := os.ReadFile(file)
	if err != nil {
		return r, &FileError{file, reason(err)}
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return r, &FileError{file, fmt.Errorf("is no report: %w", err)}
	}
	if r.Format != FormatVersion {
		return r, &FileError{file, fmt.Errorf("is in format %d, and this program reads format %d", r.Format, FormatVersion)}
	}
	return r, nil
}

// reason is a file error without the path, which the caller names.
func reason(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}
