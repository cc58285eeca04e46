package images

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// component builds the commands of c and returns the directory they are in.
func (b *builder) component(ctx context.Context, c component) (string, error) {
	return b.artifact(ctx, "bin", c.name, b.componentKey(c), func(dir string) error {
		module, err := b.module(ctx, c)
		if err != nil {
			return err
		}
		if len(c.commands) > 0 {
			args := append(b.goBuild(c, dir), c.packages(c.commands)...)
			if err := b.onHost(ctx, module, b.env(c, "CGO_ENABLED=0"), b.log("bin-"+c.name), args...); err != nil {
				return b.explain(ctx, c, err)
			}
		}
		if len(c.cgo) == 0 {
			return nil
		}
		root, err := b.buildRoot(ctx)
		if err != nil {
			return err
		}
		args := append(b.goBuild(c, dir), c.packages(c.cgo)...)
		if err := root.Run(ctx, module, b.env(c, "CGO_ENABLED=1"), b.log("bin-"+c.name+"-cgo"), args...); err != nil {
			return b.explain(ctx, c, err)
		}
		return nil
	})
}

func (b *builder) componentKey(c component) string {
	parts := []string{"1", b.moduleKey(c), b.goEnv["GOVERSION"], strings.Join(c.commands, " "), strings.Join(c.cgo, " "), c.ldflags}
	if len(c.cgo) > 0 {
		parts = append(parts, b.rootKey(buildRoot))
	}
	return key(parts...)
}

func (b *builder) goBuild(c component, dir string) []string {
	return []string{"nice", "go", "build", "-trimpath", "-ldflags", strings.TrimSpace("-s -w " + c.ldflags), "-o", dir + "/"}
}

// goEnvironment is what every go command of ours runs with: the host's caches
// and proxy, its toolchain, and none of its flags.
func (b *builder) goEnvironment() []string {
	env := []string{"GOTOOLCHAIN=local", "GOWORK=off", "GOENV=off"}
	for _, k := range []string{"GOMODCACHE", "GOCACHE", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GONOPROXY"} {
		env = append(env, k+"="+b.goEnv[k])
	}
	for _, k := range []string{"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} {
		if v, ok := os.LookupEnv(k); ok {
			env = append(env, k+"="+v)
		}
	}
	return env
}

// env adds what the component needs: with a checkout the lockfile cannot be
// complete, and may be extended.
func (b *builder) env(c component, more ...string) []string {
	mod := "-mod=readonly"
	if b.Checkouts[c.name] != "" {
		mod = "-mod=mod"
	}
	return append(append([]string{"GOFLAGS=-buildvcs=false " + mod}, c.env...), more...)
}

func (b *builder) onHost(ctx context.Context, dir string, env []string, out io.Writer, argv ...string) error {
	cmd := sandbox{}.command(ctx, dir, append(append(os.Environ(), b.goEnvironment()...), env...), argv...)
	cmd.Dir = dir
	return run(cmd, out)
}

func (b *builder) ask(ctx context.Context, dir string, env []string, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), b.goEnvironment()...), env...)
	out, err := output(cmd)
	return strings.TrimSpace(out), err
}

// module writes the component's module to the cache, to be built in: the
// lockfile as it is, or with the module replaced by a checkout.
func (b *builder) module(ctx context.Context, c component) (string, error) {
	return b.artifact(ctx, "modules", c.name, b.moduleKey(c), func(dir string) error {
		for _, name := range []string{"go.mod", "go.sum", "main.go"} {
			data, err := embedded.ReadFile("components/" + c.name + "/" + name + ".txt")
			if err == nil {
				err = put(filepath.Join(dir, name), data, 0o644)
			} else if name == "main.go" {
				err = nil // most have commands of their own
			}
			if err != nil {
				return err
			}
		}
		switch checkout := b.Checkouts[c.name]; {
		case checkout != "": // built as it is
			return b.replaceByCheckout(ctx, c, dir, checkout)
		case len(c.edits) > 0:
			return b.editSource(ctx, c, dir)
		}
		return nil
	})
}

func (b *builder) moduleKey(c component) string {
	parts := []string{b.embeddedKey("components/" + c.name), strings.Join(c.env, " "), b.Checkouts[c.name], b.sources[c.name]}
	for _, e := range c.edits {
		parts = append(parts, e.file, e.from, e.to)
	}
	return key(parts...)
}

// sourceDir is where the sources of a module are that the component builds with.
func (b *builder) sourceDir(ctx context.Context, c component, module string) (string, error) {
	dir, err := b.module(ctx, c)
	if err != nil {
		return "", err
	}
	return b.sourceIn(ctx, c, dir, module)
}

// sourceIn is the same, with the component's module in a directory.
func (b *builder) sourceIn(ctx context.Context, c component, dir, module string) (string, error) {
	if err := b.onHost(ctx, dir, b.env(c), b.log("download-"+c.name), "go", "mod", "download", module); err != nil {
		return "", b.explain(ctx, c, err)
	}
	return b.ask(ctx, dir, b.env(c), "go", "list", "-m", "-f", "{{.Dir}}", module)
}

var (
	notThere = regexp.MustCompile(`(?i)(403 Forbidden|404 Not Found|410 Gone|reading file:.*no such file|unknown revision|no matching versions|invalid version)`)
	offline  = regexp.MustCompile(`(?i)(dial tcp|no such host|i/o timeout|connection refused|TLS handshake)`)
	sums     = regexp.MustCompile(`(?i)(missing go\.sum entry|checksum mismatch|verifying module|updates to go\.mod needed)`)
	oldGo    = regexp.MustCompile(`requires go >= \S+`)
)

// explain says which component failed and what to do about it, in its first line.
func (b *builder) explain(ctx context.Context, c component, err error) error {
	text := err.Error()
	if sums.MatchString(text) { // said of a version that is nowhere, too
		if _, e := b.ask(ctx, "/", b.env(c), "go", "list", "-m", c.module+"@"+c.version()); e != nil {
			err, text = e, e.Error()
		}
	}
	remedy := "the whole output is in " + filepath.Join(b.Cache, "logs", "bin-"+c.name) + "*"
	lock := "images/components/" + c.name + "/go.mod.txt and go.sum.txt"
	switch {
	case notThere.MatchString(text):
		remedy = fmt.Sprintf("the module proxy (%s) does not have it: change the version in %s, or build the component from a checkout", b.goEnv["GOPROXY"], lock)
	case oldGo.MatchString(text):
		remedy = "this machine's Go is " + b.goEnv["GOVERSION"] + ": install a newer one"
	case sums.MatchString(text):
		remedy = "the lockfile is incomplete or wrong: write " + lock + " anew with the go command"
	case offline.MatchString(text):
		remedy = fmt.Sprintf("the module proxy (%s) is not in reach: check the network and GOPROXY", b.goEnv["GOPROXY"])
	}
	return fmt.Errorf("component %s, %s %s, does not build: %s: %w", c.name, c.module, c.version(), remedy, err)
}
