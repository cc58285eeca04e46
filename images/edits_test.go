package images

import (
	"os"
	"path/filepath"
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

// What is built with another edit is another thing in the cache.
func TestEditsAreInTheKey(t *testing.T) {
	multus, _ := find("multus")
	b := testBuilder(t)
	keys := map[string]bool{b.moduleKey(multus): true}
	multus.edits = append([]edit{}, multus.edits...)
	multus.edits[0].to += " // other"
	keys[b.moduleKey(multus)] = true
	multus.edits = nil
	keys[b.moduleKey(multus)] = true
	if len(keys) != 3 {
		t.Errorf("%d keys for three ways to build Multus", len(keys))
	}
}
