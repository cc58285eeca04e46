package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/internal/files"
)

// The files of a report's directory.
const (
	JSONFile        = "report.json"
	JUnitFile       = "junit.xml"
	TableFile       = "report.txt"
	ObservationsDir = "observations"
	DiagnosticsDir  = "diagnostics"
	latest          = "latest"
)

// Write puts report.json, junit.xml and report.txt into dir. Each file is replaced whole or not at all.
func Write(dir string, r Report) error {
	r.Format = FormatVersion
	if r.Provenance == nil {
		r.Provenance = map[string]string{}
	}
	if r.Timings == nil {
		r.Timings = []Timing{}
	}
	body, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	junit, err := JUnit(r)
	if err != nil {
		return err
	}
	var table strings.Builder
	if err := WriteText(&table, r, View{}); err != nil {
		return err
	}
	return errors.Join(
		replace(filepath.Join(dir, JSONFile), append(body, '\n')),
		replace(filepath.Join(dir, JUnitFile), junit),
		replace(filepath.Join(dir, TableFile), []byte(table.String())))
}

// NewDir makes the directory of a new run, parent/20060102-150405, and moves the link parent/latest to it. Earlier
// runs stay. Nothing is moved when parent/latest is not a link.
func NewDir(parent string, now time.Time) (string, error) {
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", fmt.Errorf("make the output directory: %w", err)
	}
	link := filepath.Join(parent, latest)
	if info, err := os.Lstat(link); err == nil && info.Mode()&os.ModeSymlink == 0 {
		return "", fmt.Errorf("%s is not a link of vmnet's; move it away or choose another --out", link)
	}
	stamp := now.UTC().Format("20060102-150405")
	for i := 1; ; i++ {
		name := stamp
		if i > 1 {
			name = fmt.Sprintf("%s-%d", stamp, i)
		}
		err := os.Mkdir(filepath.Join(parent, name), 0o755)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("make the output directory: %w", err)
		}
		return filepath.Join(parent, name), relink(link, name)
	}
}

// relink points link at target in one step, so that there is always one to follow.
func relink(link, target string) error {
	tmp := fmt.Sprintf("%s.%d", link, os.Getpid())
	if err := os.Symlink(target, tmp); err != nil {
		return fmt.Errorf("link %s: %w", link, err)
	}
	if err := os.Rename(tmp, link); err != nil {
		_ = os.Remove(tmp)
		return fmt.Errorf("link %s: %w", link, err)
	}
	return nil
}

func replace(path string, body []byte) error {
	if err := files.Replace(path, body, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
