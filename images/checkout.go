package images

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// checkoutIdentity is a hash of what the working copy contains: its commit's
// tree, what differs from it, and files that git does not know.
func checkoutIdentity(ctx context.Context, c component, dir string) (string, error) {
	if _, err := moduleDir(c, dir); err != nil {
		return "", err
	}
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...)
		out, err := output(cmd)
		if err != nil {
			return "", fmt.Errorf("component %s: %s must be a git working copy: %w", c.name, dir, err)
		}
		return out, nil
	}
	tree, err := git("rev-parse", "HEAD^{tree}")
	if err != nil {
		return "", err
	}
	diff, err := git("diff", "--binary", "HEAD")
	if err != nil {
		return "", err
	}
	unknown, err := git("ls-files", "--others", "--exclude-standard", "-z", "--full-name")
	if err != nil {
		return "", err
	}
	parts := []string{tree, diff}
	for _, name := range strings.Split(strings.TrimRight(unknown, "\x00"), "\x00") {
		if name == "" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", fmt.Errorf("component %s: %w", c.name, err)
		}
		parts = append(parts, name, string(data))
	}
	return key(parts...), nil
}

// moduleDir finds the component's module in a working copy: the repository's
// root, or the folder that upstream has it in.
func moduleDir(c component, dir string) (string, error) {
	for _, d := range []string{dir, filepath.Join(dir, c.subdir)} {
		data, err := os.ReadFile(filepath.Join(d, "go.mod"))
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(data), "\n") {
			if f := strings.Fields(line); len(f) >= 2 && f[0] == "module" && strings.Trim(f[1], `"`) == c.module {
				return d, nil
			}
		}
	}
	return "", fmt.Errorf("component %s: no module %s in %s or %s; give the top folder of a working copy of it", c.name, c.module, dir, filepath.Join(dir, c.subdir))
}

// replaceByCheckout makes the module in dir build from a working copy. Replace
// lines work in the main module only, so the checkout's are taken over, those
// that point into its own tree by absolute path.
func (b *builder) replaceByCheckout(ctx context.Context, c component, dir, checkout string) error {
	source, err := moduleDir(c, checkout)
	if err != nil {
		return err
	}
	text, err := b.ask(ctx, dir, nil, "go", "mod", "edit", "-json", filepath.Join(source, "go.mod"))
	if err != nil {
		return err
	}
	var mod struct {
		Replace []struct {
			Old, New struct{ Path, Version string }
		}
	}
	if err := json.Unmarshal([]byte(text), &mod); err != nil {
		return fmt.Errorf("go.mod of %s: %w", source, err)
	}
	args := []string{"go", "mod", "edit", "-replace=" + c.module + "=" + source}
	for _, r := range mod.Replace {
		from, to := r.Old.Path, r.New.Path
		if r.Old.Version != "" {
			from += "@" + r.Old.Version
		}
		switch {
		case strings.HasPrefix(to, "."):
			to = filepath.Join(source, to)
		case r.New.Version != "":
			to += "@" + r.New.Version
		}
		args = append(args, "-replace="+from+"="+to)
	}
	return b.onHost(ctx, dir, nil, nil, args...)
}
