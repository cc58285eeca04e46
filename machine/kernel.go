package machine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/vmnet-project/vmnet/internal/files"
)

// Toolchain runs commands where make, a C compiler, flex, bison, bc, xz, patch and binutils are. What lies under
// dir is there under the same path.
type Toolchain interface {
	Run(ctx context.Context, dir string, env []string, out io.Writer, argv ...string) error
}

//go:embed kernel/um.config kernel/patches/*.patch
var kernelFiles embed.FS

// kernelPatches are applied in the order of their names.
func kernelPatches(o Options) ([]string, error) {
	if o.Unpatched {
		return nil, nil
	}
	names, err := fs.Glob(kernelFiles, "kernel/patches/*.patch")
	if err != nil {
		return nil, fmt.Errorf("kernel patches: %w", err)
	}
	sort.Strings(names)
	return names, nil
}

// kernelConfig is the fragment for allnoconfig.
func kernelConfig(o Options) ([]byte, error) {
	config, err := kernelFiles.ReadFile("kernel/um.config")
	if err != nil {
		return nil, fmt.Errorf("kernel configuration: %w", err)
	}
	if o.Unpatched { // Kconfig refuses it without its patch
		config = bytes.ReplaceAll(config, []byte("CONFIG_STATIC_LINK=y\n"), nil)
	}
	return config, nil
}

// sourcePackage is the kernel's, kept in the cache: the newest is asked for once, so that a second build needs no mirror.
type sourcePackage struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	File    string `json:"file"` // relative to the kernel's directory
}

// kernelKey names a kernel by all that it is made from.
func kernelKey(o Options, version string) (string, error) {
	names, err := kernelPatches(o)
	if err != nil {
		return "", err
	}
	config, err := kernelConfig(o)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "source %s\nconfig %d\n%s", version, len(config), config)
	for _, n := range names {
		data, err := kernelFiles.ReadFile(n)
		if err != nil {
			return "", fmt.Errorf("kernel: %w", err)
		}
		fmt.Fprintf(h, "%s %d\n%s", n, len(data), data)
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// BuildKernel returns the path of a User-Mode Linux kernel of Debian's newest linux-source (trixie-backports). An
// interrupted build goes on where it was.
func BuildKernel(ctx context.Context, o Options, tool Toolchain) (_ string, err error) {
	o, err = o.complete()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(o.Cache, "kernel")
	unlock, err := files.Lock(ctx, filepath.Join(dir, lockFile))
	if err != nil {
		return "", err
	}
	defer unlock()
	pkg, err := kernelPackage(ctx, o, dir)
	if err != nil {
		return "", fmt.Errorf("kernel: %w", err)
	}
	key, err := kernelKey(o, pkg.Version)
	if err != nil {
		return "", err
	}
	b := &kernelBuild{o: o, tool: tool, deb: filepath.Join(dir, pkg.File), dir: filepath.Join(dir, key)}
	kernel := filepath.Join(b.dir, "linux")
	if _, err := os.Stat(kernel); err == nil {
		return kernel, nil
	}
	type step struct {
		name string
		do   func(context.Context) error
	}
	steps := []step{{"kernel: unpack, patch, configure", b.prepare}, {"kernel: compile", b.compile}}
	if b.prepared() {
		steps = steps[1:]
	}
	for _, step := range steps {
		done := o.Step(step.name)
		err := step.do(ctx)
		done(err)
		if err != nil {
			return "", fmt.Errorf("%s: %w (log: %s)", step.name, err, b.log())
		}
	}
	return kernel, nil
}

// kernelPackage downloads the source unless the cache has it.
func kernelPackage(ctx context.Context, o Options, dir string) (p sourcePackage, err error) {
	record := filepath.Join(dir, "source.json")
	if data, err := os.ReadFile(record); err == nil {
		if err := json.Unmarshal(data, &p); err != nil {
			return p, fmt.Errorf("%s does not parse: remove it: %w", record, err)
		}
		if _, err := os.Stat(filepath.Join(dir, p.File)); err == nil {
			return p, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return p, err
	}
	done := o.Step("kernel: download the source")
	defer func() { done(err) }()
	mirror, err := debianMirror(o.Mirror, "/etc/apt")
	if err != nil {
		return p, err
	}
	a, err := newApt(ctx, filepath.Join(o.Cache, "apt"), mirror)
	if err != nil {
		return p, err
	}
	if p.Name, err = a.newestKernelSource(ctx); err != nil {
		return p, err
	}
	deb, err := a.download(ctx, filepath.Join(dir, "download"), p.Name)
	if err != nil {
		return p, err
	}
	version, err := output(ctx, "dpkg-deb", "--field", deb, "Version")
	if err != nil {
		return p, err
	}
	p.Version = strings.TrimSpace(version)
	p.File = filepath.Join("download", filepath.Base(deb))
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return p, err
	}
	return p, files.Replace(record, append(data, '\n'), 0o644)
}
