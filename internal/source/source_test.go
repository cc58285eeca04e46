package source

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Without what the Makefile puts in, the checkout that the program runs in is asked, if it is one of ours.
func TestTree(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git here")
	}
	for mod, ours := range map[string]bool{module: true, module + "-fork": false, "example.com/other": false} {
		dir := t.TempDir()
		t.Chdir(dir)
		write(t, "go.mod", "module "+mod+"\n\ngo 1.25.0\n")
		for _, args := range [][]string{{"init", "-q"}, {"add", "."},
			{"-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false", "commit", "-qm", "x"}} {
			if out, err := git(t.Context(), dir, args...); err != nil {
				t.Fatalf("git %v: %v: %s", args, err, out)
			}
		}
		want := ""
		if ours {
			var err error
			if want, err = git(t.Context(), dir, "rev-parse", "HEAD^{tree}"); err != nil {
				t.Fatal(err)
			}
		}
		if hash, changed := Tree(t.Context()); hash != want || changed {
			t.Errorf("module %s: tree %q, changed %v; want %q", mod, hash, changed, want)
		}
		write(t, "new.go", "package x\n")
		if _, changed := Tree(t.Context()); changed != ours {
			t.Errorf("module %s with a new file: changed %v", mod, changed)
		}
	}
	t.Chdir(t.TempDir())
	if hash, changed := Tree(t.Context()); hash != "" || changed {
		t.Errorf("outside of any checkout: %q, %v", hash, changed)
	}
}

func TestTreePutIn(t *testing.T) {
	defer func(a, b string) { tree, dirty = a, b }(tree, dirty)
	tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
	for value, want := range map[string]bool{"true": true, "false": false} {
		dirty = value
		if hash, changed := Tree(t.Context()); hash != tree || changed != want {
			t.Errorf("dirty=%s: %q, %v", value, hash, changed)
		}
	}
}

func write(t *testing.T, name, body string) {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
}
