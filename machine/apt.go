package machine

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/internal/files"
	"github.com/vmnet-project/vmnet/internal/tail"
)

// apt is an apt with settings, lists and downloads of its own: the host's stay as they are.
type apt struct {
	dir string
}

// hostSettings are the host's own settings that reach a mirror may need, by their prefix.
var hostSettings = []string{"Acquire::http::", "Acquire::https::", "Acquire::Check-Date ", "Acquire::Check-Valid-Until ", "Acquire::Retries "}

// newApt writes the settings for trixie and its backports.
func newApt(ctx context.Context, dir, mirror string) (*apt, error) {
	for _, d := range []string{"etc/preferences.d", "etc/trusted.gpg.d", "etc/apt.conf.d", "state/lists/partial", "cache/archives/partial", "log"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, fmt.Errorf("apt: %w", err)
		}
	}
	var list strings.Builder
	for _, suite := range []string{"trixie", "trixie-backports"} {
		fmt.Fprintf(&list, "deb [signed-by=%s] %s %s main\n", debianKeyring, mirror, suite)
	}
	conf, err := carriedSettings(ctx)
	if err != nil {
		return nil, err
	}
	conf += fmt.Sprintf(`Dir::Etc "%[1]s/etc/";
Dir::State "%[1]s/state/";
Dir::State::status "%[1]s/status";
Dir::Cache "%[1]s/cache/";
Dir::Log "%[1]s/log/";
APT::Sandbox::User "root";
Acquire::Languages "none";
`, dir)
	for name, text := range map[string]string{"etc/sources.list": list.String(), "apt.conf": conf, "status": ""} {
		if err := files.Replace(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, fmt.Errorf("apt: %w", err)
		}
	}
	return &apt{dir: dir}, nil
}

// carriedSettings are the host's proxy and the like, as lines of apt.conf(5).
func carriedSettings(ctx context.Context) (string, error) {
	dump, err := output(ctx, "apt-config", "dump")
	if err != nil {
		return "", err
	}
	return filterSettings(dump), nil
}

func filterSettings(dump string) string {
	var keep strings.Builder
	for _, line := range strings.Split(dump, "\n") {
		for _, prefix := range hostSettings {
			if strings.HasPrefix(line, prefix) {
				keep.WriteString(line + "\n")
			}
		}
	}
	return keep.String()
}

func (a *apt) run(ctx context.Context, dir string, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = 2 * time.Second
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "APT_CONFIG="+filepath.Join(a.dir, "apt.conf"), "LC_ALL=C")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := runBound(cmd); err != nil {
		return "", fmt.Errorf("%s: %w%s", strings.Join(argv, " "), err, lastWords(tail.Lines(errs.String(), 12)))
	}
	return out.String(), nil
}

// newestKernelSource asks the mirror for the newest linux-source-VERSION.
func (a *apt) newestKernelSource(ctx context.Context) (string, error) {
	if _, err := a.run(ctx, a.dir, "apt-get", "-qq", "update"); err != nil {
		return "", fmt.Errorf("package lists of Debian: %w", err)
	}
	names, err := a.run(ctx, a.dir, "apt-cache", "pkgnames", kernelSource)
	if err != nil {
		return "", err
	}
	name := newest(strings.Fields(names))
	if name == "" {
		return "", fmt.Errorf("the mirror has no package %sVERSION", kernelSource)
	}
	return name, nil
}

const kernelSource = "linux-source-"

// newest of the names linux-source-MAJOR.MINOR, "" if there is none.
func newest(names []string) string {
	type version struct {
		name         string
		major, minor int
	}
	var all []version
	for _, n := range names {
		major, minor, ok := strings.Cut(strings.TrimPrefix(n, kernelSource), ".")
		a, errA := strconv.Atoi(major)
		b, errB := strconv.Atoi(minor)
		if ok && errA == nil && errB == nil {
			all = append(all, version{n, a, b})
		}
	}
	if len(all) == 0 {
		return ""
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].major != all[j].major {
			return all[i].major < all[j].major
		}
		return all[i].minor < all[j].minor
	})
	return all[len(all)-1].name
}

// download puts the package's file into dir and returns its path.
func (a *apt) download(ctx context.Context, dir, name string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("download of %s: %w", name, err)
	}
	if _, err := a.run(ctx, dir, "apt-get", "-qq", "download", name); err != nil {
		return "", fmt.Errorf("download of %s: %w", name, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, name+"_*.deb"))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("download of %s: no file %s_*.deb in %s", name, name, dir)
	}
	return files[len(files)-1], nil
}
