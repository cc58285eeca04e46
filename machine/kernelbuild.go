package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/vmnet-project/vmnet/internal/files"
	"github.com/vmnet-project/vmnet/internal/tail"
)

// kernelBuild is one kernel in the making.
type kernelBuild struct {
	o    Options
	tool Toolchain
	deb  string
	dir  string
}

func (b *kernelBuild) log() string { return filepath.Join(b.dir, "log") }

// run runs a command of the toolchain in the build's directory, its output goes to the log.
func (b *kernelBuild) run(ctx context.Context, argv ...string) (err error) {
	log, err := os.OpenFile(b.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	fmt.Fprintf(log, "+ %s\n", strings.Join(argv, " "))
	if err := b.tool.Run(ctx, b.dir, []string{"LC_ALL=C"}, log, argv...); err != nil {
		return fmt.Errorf("%s: %w%s", path.Base(argv[0]), err, lastWords(tail.File(b.log(), 12)))
	}
	return nil
}

// prepared is true when an interrupted build has its source.
func (b *kernelBuild) prepared() bool {
	_, err := os.Stat(filepath.Join(b.dir, "src"))
	return err == nil
}

// prepare makes src: unpacked, patched and configured. It is there as a whole or not at all.
func (b *kernelBuild) prepare(ctx context.Context) error {
	for _, d := range []string{"src.new", "deb"} {
		if err := os.RemoveAll(filepath.Join(b.dir, d)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(b.dir, "src.new"), 0o755); err != nil {
		return err
	}
	if _, err := output(ctx, "dpkg-deb", "--extract", b.deb, filepath.Join(b.dir, "deb")); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(b.dir, "deb/usr/src/linux-source-*.tar.xz"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("%s has %d archives usr/src/linux-source-*.tar.xz, one expected", b.deb, len(archives))
	}
	if err := b.run(ctx, "tar", "-xf", archives[0], "-C", "src.new", "--strip-components=1"); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(b.dir, "deb")); err != nil {
		return err
	}
	patches, err := kernelPatches(b.o)
	if err != nil {
		return err
	}
	for _, name := range patches {
		data, err := kernelFiles.ReadFile(name)
		if err != nil {
			return err
		}
		file := filepath.Join(b.dir, path.Base(name))
		if err := files.Replace(file, data, 0o644); err != nil {
			return err
		}
		if err := b.run(ctx, "patch", "--batch", "--forward", "-p1", "-d", "src.new", "-i", file); err != nil {
			return err
		}
	}
	wanted, err := kernelConfig(b.o)
	if err != nil {
		return err
	}
	if err := files.Replace(filepath.Join(b.dir, "um.config"), wanted, 0o644); err != nil {
		return err
	}
	if err := b.run(ctx, "make", "-s", "-C", "src.new", "ARCH=um", "KCONFIG_ALLCONFIG="+filepath.Join(b.dir, "um.config"), "allnoconfig"); err != nil {
		return err
	}
	config, err := os.ReadFile(filepath.Join(b.dir, "src.new", ".config"))
	if err != nil {
		return err
	}
	if refused := refusedLines(string(wanted), string(config)); len(refused) > 0 {
		return fmt.Errorf("this source does not know or accept: %s", strings.Join(refused, ", "))
	}
	return os.Rename(filepath.Join(b.dir, "src.new"), filepath.Join(b.dir, "src"))
}

var settingRE = regexp.MustCompile(`(?m)^CONFIG_[A-Z0-9_]+=.*$`)

// refusedLines are the settings of wanted that config does not have: options that went away or depend on something
// that is not set.
func refusedLines(wanted, config string) []string {
	have := map[string]bool{}
	for _, l := range settingRE.FindAllString(config, -1) {
		have[l] = true
	}
	var refused []string
	for _, l := range settingRE.FindAllString(wanted, -1) {
		if !have[l] {
			refused = append(refused, l)
		}
	}
	return refused
}

// compile makes linux; make itself knows what is done already. The objects are removed at the end.
func (b *kernelBuild) compile(ctx context.Context) error {
	jobs := b.o.Jobs
	if jobs < 1 {
		jobs = runtime.NumCPU()
	}
	if err := b.run(ctx, "make", "-s", "-C", "src", "ARCH=um", "-j"+strconv.Itoa(jobs), "linux"); err != nil {
		return err
	}
	if err := b.run(ctx, "strip", "-o", "linux.new", "src/linux"); err != nil {
		return err
	}
	file := filepath.Join(b.dir, "linux.new")
	if out, err := exec.CommandContext(ctx, file, "--version").CombinedOutput(); err != nil {
		return fmt.Errorf("the kernel does not run on this host: %w%s", err, lastWords(tail.Lines(string(out), 12)))
	}
	if err := os.Rename(filepath.Join(b.dir, "src", ".config"), filepath.Join(b.dir, "config")); err != nil {
		return err
	}
	if err := os.Rename(file, filepath.Join(b.dir, "linux")); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(b.dir, "src"))
}
