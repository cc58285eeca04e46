package images

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
)

func testBuilder(t *testing.T) *builder {
	t.Helper()
	b, err := newBuilder(context.Background(), Options{Cache: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestKeysChangeWithInputs(t *testing.T) {
	if key("ab", "c") == key("a", "bc") {
		t.Error("parts run into each other")
	}
	tree := fstest.MapFS{"c/go.mod.txt": {Data: []byte("v1")}}
	before, err := keyOfFS(tree, "c")
	if err != nil {
		t.Fatal(err)
	}
	tree["c/go.mod.txt"] = &fstest.MapFile{Data: []byte("v2")}
	if after, _ := keyOfFS(tree, "c"); after == before {
		t.Error("another lockfile, the same key")
	}

	b := testBuilder(t)
	base := b.resultKey()
	if b.resultKey() != base {
		t.Fatal("a key that changes by itself")
	}
	b.goEnv["GOVERSION"] = "go0"
	if b.resultKey() == base {
		t.Error("another Go, the same result")
	}
	b = testBuilder(t)
	b.Checkouts["ovn-kubernetes"], b.sources["ovn-kubernetes"] = "/src", "one"
	one := b.resultKey()
	b.sources["ovn-kubernetes"] = "two"
	if one == base || b.resultKey() == one {
		t.Error("the result does not follow the checkout")
	}
	r := rootByName("virt")
	was := b.rootKey(r)
	r.packages = append([]string{"vim"}, r.packages...)
	if b.rootKey(r) == was {
		t.Error("another package, the same root file system")
	}
	for _, c := range components {
		if c.version() == "" {
			t.Errorf("%s: no version of %s in its lockfile", c.name, c.module)
		}
	}
}

func TestArtifactIsBuiltOnce(t *testing.T) {
	b := testBuilder(t)
	var builds atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			dir, err := b.artifact(t.Context(), "bin", "x", "0123456789abcdef", func(dir string) error {
				builds.Add(1)
				return os.WriteFile(filepath.Join(dir, "x"), nil, 0o644)
			})
			if err != nil || !isDir(dir) {
				t.Errorf("%s: %v", dir, err)
			}
		}()
	}
	wg.Wait()
	if builds.Load() != 1 {
		t.Errorf("built %d times", builds.Load())
	}
}

func TestArtifactThatFailedIsNotThere(t *testing.T) {
	b := testBuilder(t)
	broken := errors.New("broken")
	_, err := b.artifact(t.Context(), "bin", "x", "0123456789abcdef", func(dir string) error {
		if err := os.WriteFile(filepath.Join(dir, "half"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatalf("error %v", err)
	}
	dir, err := b.artifact(t.Context(), "bin", "x", "0123456789abcdef", func(dir string) error {
		left, err := os.ReadDir(dir)
		if len(left) > 0 {
			t.Errorf("starts with what the last one left: %v", left)
		}
		return err
	})
	if err != nil || !isDir(dir) {
		t.Fatalf("%s %v", dir, err)
	}
}

func TestCheckoutIdentity(t *testing.T) {
	c, _ := find("ovn-kubernetes")
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.org"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v %s", args, err, out)
		}
	}
	identity := func() string {
		t.Helper()
		id, err := checkoutIdentity(t.Context(), c, dir)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	if _, err := checkoutIdentity(t.Context(), c, dir); err == nil || !strings.Contains(err.Error(), c.module) {
		t.Errorf("an empty folder: %v", err)
	}
	mod := filepath.Join(dir, "go-controller/go.mod")
	if err := put(mod, []byte("module "+c.module+"\n\ngo 1.24\n\nreplace example.org/a => ./a\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "one")
	clean := identity()
	if err := os.WriteFile(filepath.Join(dir, "new.go"), []byte("package x"), 0o644); err != nil {
		t.Fatal(err)
	}
	untracked := identity()
	if err := os.WriteFile(filepath.Join(dir, "new.go"), []byte("package y"), 0o644); err != nil {
		t.Fatal(err)
	}
	changed := identity()
	git("add", ".")
	git("commit", "-q", "-m", "two")
	committed := identity()
	seen := map[string]bool{clean: true, untracked: true, changed: true, committed: true}
	if len(seen) != 4 {
		t.Errorf("states of the checkout that look alike: %v %v %v %v", clean, untracked, changed, committed)
	}

	if os.Geteuid() != 0 {
		t.Skip("the rest runs go in namespaces of its own, which needs root")
	}
	b, err := newBuilder(t.Context(), Options{Cache: t.TempDir(), Checkouts: map[string]string{"ovn-kubernetes": dir}})
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	if err := put(filepath.Join(work, "go.mod"), []byte("module x\n\ngo 1.24\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := b.replaceByCheckout(t.Context(), c, work, dir); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(filepath.Join(work, "go.mod"))
	for _, want := range []string{c.module + " => " + dir + "/go-controller", "example.org/a => " + dir + "/go-controller/a"} {
		if !strings.Contains(string(got), want) {
			t.Errorf("go.mod lacks %q:\n%s", want, got)
		}
	}
	if _, err := newBuilder(t.Context(), Options{Cache: t.TempDir(), Checkouts: map[string]string{"ovnk": dir}}); err == nil || !strings.Contains(err.Error(), "ovn-kubernetes") {
		t.Errorf("an unknown component: %v", err)
	}
}

func TestResultOfThisCacheOnly(t *testing.T) {
	b := testBuilder(t)
	path := filepath.Join(b.Cache, "results/x.json")
	r := &Result{NodeRoot: filepath.Join(b.Cache, "n"), Store: filepath.Join(b.Cache, "s"), Manifests: filepath.Join(b.Cache, "m"), Key: "k"}
	if err := writeResult(path, r); err != nil {
		t.Fatal(err)
	}
	if b.readResult(path) != nil {
		t.Error("a result whose parts are gone")
	}
	for _, d := range []string{r.NodeRoot, r.Store, r.Manifests} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.readResult(path); got == nil || got.Key != "k" {
		t.Errorf("result %+v", got)
	}
	r.Store = t.TempDir()
	if err := writeResult(path, r); err != nil {
		t.Fatal(err)
	}
	if b.readResult(path) != nil {
		t.Error("a result that points into another cache")
	}
}
