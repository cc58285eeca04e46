// Package internal_test holds the tests of the repository itself.
package internal_test

import (
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/vmnet-project/vmnet/"

// allowed is which of our packages each one may import: imports run one way. A name stands for the packages below it,
// too. What is not listed here may import what it likes (cmd).
var allowed = map[string][]string{
	"framework/model":     {},
	"framework/judge":     {"framework/model"},
	"framework/parse":     {"framework/model"},
	"framework/bed":       {"framework/model", "internal/tail"},
	"framework/transport": {"framework/model", "framework/bed"},
	"framework/report":    {"framework/model", "internal/files"},
	"framework/facts":     {"framework/model", "framework/bed", "framework/parse"},
	"framework/scenario":  {"framework/model", "framework/bed", "framework/transport", "framework/parse", "framework/facts", "manifests"},
	"framework/observe":   {"framework/model", "framework/bed", "framework/transport", "framework/parse", "framework/scenario"},
	"framework/fault": {"framework/model", "framework/bed", "framework/transport", "framework/parse", "framework/scenario",
		"framework/facts", "framework/observe", "framework/judge", "manifests"},
	"internal/files": {},
	"internal/tail":  {},
	"manifests":      {},
	"images":         {"internal/files", "internal/tail"},
	"machine":        {"internal/files", "internal/tail"},
	"kind":           {"framework/bed", "framework/model", "internal/tail", "manifests"},
	"stack":          {"framework/bed", "images", "internal/files", "internal/tail", "kind", "machine", "manifests"},
	"suites":         {"framework", "suites"},
}

// Imports run one way: cmd → suites → scenario, observe, judge, fault → bed, transport, parse → model.
func TestImports(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = filepath.WalkDir(root, func(dir string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if name := entry.Name(); dir != root && (name == "testdata" || strings.HasPrefix(name, ".") || name == "bin" || name == "out") {
			return fs.SkipDir
		}
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil && dir != root {
			return fs.SkipDir // a module of its own
		}
		p, err := build.ImportDir(dir, build.IgnoreVendor)
		if err != nil {
			return nil //nolint:nilerr // no Go package there
		}
		rel, err := filepath.Rel(root, dir)
		if err != nil {
			return err
		}
		from, rule := ruleOf(filepath.ToSlash(rel))
		if rule == nil {
			return nil
		}
		seen++
		for _, imported := range p.Imports {
			if to, ours := strings.CutPrefix(imported, module); ours && !below(to, from) && !slices.ContainsFunc(rule, func(a string) bool { return below(to, a) }) {
				t.Errorf("%s imports %s; it may import %s", rel, to, strings.Join(rule, ", "))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 5 {
		t.Errorf("looked at %d packages alone", seen)
	}
}

// ruleOf finds the nearest package above that has a rule.
func ruleOf(rel string) (string, []string) {
	for at := rel; at != "." && at != "/"; at = filepath.Dir(at) {
		if rule, ok := allowed[at]; ok {
			return at, rule
		}
	}
	return "", nil
}

func below(name, parent string) bool { return name == parent || strings.HasPrefix(name, parent+"/") }
