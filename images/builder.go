package images

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// builder is one call of Build or NewBuildRoot.
type builder struct {
	Options
	goEnv   map[string]string // what "go env" says on the host
	sources map[string]string // component to the identity of its checkout

	mu   sync.Mutex
	logs map[string]*os.File
}

func newBuilder(ctx context.Context, o Options) (*builder, error) {
	if o.Cache == "" {
		return nil, fmt.Errorf("images: Options.Cache is empty")
	}
	cache, err := filepath.Abs(o.Cache)
	if err != nil {
		return nil, err
	}
	o.Cache = cache
	if err := os.MkdirAll(filepath.Join(cache, "logs"), 0o755); err != nil {
		return nil, fmt.Errorf("images: %w", err)
	}
	checkouts := o.Checkouts
	o.Checkouts = map[string]string{} // the caller's stays as it is
	b := &builder{Options: o, logs: map[string]*os.File{}, sources: map[string]string{}}
	if b.goEnv, err = hostGo(ctx); err != nil {
		return nil, err
	}
	for name, dir := range checkouts {
		c, ok := find(name)
		if !ok {
			return nil, fmt.Errorf("images: no component %q to take from %s; there are %v", name, dir, Components())
		}
		if b.Checkouts[name], err = filepath.Abs(dir); err != nil {
			return nil, err
		}
		if b.sources[name], err = checkoutIdentity(ctx, c, b.Checkouts[name]); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// hostGo asks the host's Go for its version and its places.
func hostGo(ctx context.Context) (map[string]string, error) {
	cmd := exec.CommandContext(ctx, "go", "env", "-json", "GOVERSION", "GOROOT", "GOMODCACHE", "GOCACHE", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GONOPROXY")
	cmd.Dir = "/" // outside any module
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	data, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("images: Go is needed to build from source (1.25 or newer, in PATH): %w %s", err, complaint.String())
	}
	env := map[string]string{}
	if err := json.Unmarshal(data, &env); err != nil {
		return nil, fmt.Errorf("images: go env: %w", err)
	}
	for _, k := range []string{"GOMODCACHE", "GOCACHE"} { // a new machine's Go has not made them yet
		if err := os.MkdirAll(env[k], 0o755); err != nil {
			return nil, fmt.Errorf("images: %s: %w", k, err)
		}
	}
	return env, nil
}

func (b *builder) step(name string) func(error) {
	if b.Step == nil || strings.HasPrefix(name, kinds["modules"]) { // which takes no time
		return func(error) {}
	}
	return b.Step(name)
}

// log is the file CACHE/logs/NAME, to which a step's output goes.
func (b *builder) log(name string) io.Writer {
	f, err := os.OpenFile(filepath.Join(b.Cache, "logs", name), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return io.Discard // the error's own words are kept by run
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if old := b.logs[name]; old != nil {
		old.Close()
	}
	b.logs[name] = f
	return f
}

func (b *builder) embeddedKey(folder string) string {
	k, err := keyOfFS(embedded, folder)
	if err != nil {
		return err.Error() // cannot be: the tree is in the program
	}
	return k
}
