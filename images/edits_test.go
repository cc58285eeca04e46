package images

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An edit is made where its text is there once, and nowhere else: another version of a component may have other text.
func TestEdits(t *testing.T) {
	edits := []edit{{"pkg/a.go", "short = 1", "short = 20"}, {"pkg/a.go", "long = 2", "long = 40"}}
	for source, want := range map[string]string{
		"short = 1\nlong = 2\n":            "short = 20\nlong = 40\n",
		"short = 1\nlong = 3\n":            `pkg/a.go has "long = 2" 0 times`,
		"short = 1\nshort = 1\nlong = 2\n": `pkg/a.go has "short = 1" 2 times`,
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "pkg/a.go")
		if err := put(path, []byte(source), 0o444); err != nil { // as the module cache has it
			t.Fatal(err)
		}
		if err := apply(edits, dir); err != nil {
			if err.Error() != want {
				t.Errorf("%q: %v, want %s", source, err, want)
			}
			continue
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%q became %q (%v), want %q", source, got, err, want)
		}
	}
}

// Each edit of ours is of a component that is built from Go commands, and changes something.
func TestEditsOfComponents(t *testing.T) {
	for _, c := range components {
		for _, e := range c.edits {
			if len(c.commands) == 0 || e.from == e.to || !strings.HasSuffix(e.file, ".go") {
				t.Errorf("%s: %+v", c.name, e)
			}
		}
	}
	if multus, _ := find("multus"); len(multus.edits) == 0 {
		t.Error("Multus gives the API server a quarter of a second")
	}
}
