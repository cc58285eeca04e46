// Package source says which state of the project's source a program was made from.
package source

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
)

const module = "github.com/vmnet-project/vmnet"

// Set by the Makefile with -ldflags -X; empty in a plain go build or go run.
var (
	tree  string
	dirty string
)

// Tree is the tree object of the source that this program was built from, and whether the source differed from
// it. Without what the Makefile puts in, it is asked of the build's version-control stamp, then of the checkout
// that the program runs in; "" means that nobody knows.
func Tree(ctx context.Context) (hash string, changed bool) {
	if tree != "" {
		return tree, dirty == "true"
	}
	if revision, modified := stamp(); revision != "" {
		if hash, err := git(ctx, ".", "rev-parse", "--verify", revision+"^{tree}"); err == nil {
			return hash, modified
		}
	}
	top, err := git(ctx, ".", "rev-parse", "--show-toplevel")
	if err != nil || !isOurs(top) {
		return "", false
	}
	hash, err = git(ctx, top, "rev-parse", "--verify", "HEAD^{tree}")
	if err != nil {
		return "", false
	}
	status, err := git(ctx, top, "status", "--porcelain")
	return hash, err != nil || status != ""
}

func stamp() (revision string, modified bool) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", false
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.modified":
			modified = s.Value == "true"
		}
	}
	return revision, modified
}

// isOurs keeps a program that runs in somebody else's repository from naming that one's tree.
func isOurs(top string) bool {
	body, err := os.ReadFile(filepath.Join(top, "go.mod"))
	return err == nil && strings.HasPrefix(string(body), "module "+module+"\n")
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}
