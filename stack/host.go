package stack

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// What a cold build and a run need at least.
const (
	diskCold   = 30 << 30
	diskWarm   = 8 << 30
	memoryHost = 12 << 30
)

// root refuses a user who may neither build images nor start a machine.
func root(uid int) error {
	if uid == 0 {
		return nil
	}
	return &SetupError{What: "not root", Remedy: "building images and starting a machine need root: run it with sudo, or bring a Docker engine, helm and a registry in reach"}
}

// supported refuses hosts that the builds and the machine do not know.
func supported(osRelease string) error {
	if runtime.GOARCH != "amd64" {
		return &SetupError{What: "the host is " + runtime.GOARCH, Remedy: "machine and image builds know x86-64 alone: bring a Docker engine and a registry in reach"}
	}
	data, err := os.ReadFile(osRelease)
	if err != nil {
		return &SetupError{What: "the host's release is unknown", Err: err, Remedy: "machine and image builds know Debian and Ubuntu"}
	}
	id := map[string]string{}
	for line := range strings.Lines(string(data)) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
		id[k] = strings.Trim(v, `"`)
	}
	if !slices.Contains(strings.Fields(id["ID"]+" "+id["ID_LIKE"]), "debian") {
		return &SetupError{What: "the host is " + id["PRETTY_NAME"], Remedy: "machine and image builds know Debian and Ubuntu: bring a Docker engine and a registry in reach"}
	}
	return nil
}

// memory refuses a host that the machine's guests would push into swap.
func memory(meminfo string) error {
	f, err := os.Open(meminfo)
	if err != nil {
		return &SetupError{What: "memory", Err: err}
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var kib uint64
		if n, _ := fmt.Sscanf(s.Text(), "MemAvailable: %d kB", &kib); n == 1 && kib<<10 < memoryHost {
			return &SetupError{What: fmt.Sprintf("%d MiB of memory are available", kib>>10), Remedy: fmt.Sprintf("the machine needs %d MiB: end something, or run on a larger host", memoryHost>>20)}
		}
	}
	return nil
}

// disk refuses a cache directory whose file system is too full for what is still to be built.
func disk(cache string, statfs func(string, *unix.Statfs_t) error) error {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return &SetupError{What: "the cache directory", Err: err, Remedy: "set XDG_CACHE_HOME to a place that can be written"}
	}
	var s unix.Statfs_t
	if err := statfs(cache, &s); err != nil {
		return &SetupError{What: "the cache directory " + cache, Err: err}
	}
	need := uint64(diskCold)
	if _, err := os.Stat(filepath.Join(cache, builtMark)); err == nil {
		need = diskWarm
	}
	if free := s.Bavail * uint64(s.Bsize); free < need {
		return &SetupError{What: fmt.Sprintf("%d MiB are free at %s", free>>20, cache), Remedy: fmt.Sprintf("%d MiB are needed: free some, or set XDG_CACHE_HOME to a larger disk", need>>20)}
	}
	return nil
}

// missing lists the packages that dpkg does not have.
func missing(ctx context.Context, packages []string) []string {
	slices.Sort(packages)
	packages = slices.Compact(packages)
	return slices.DeleteFunc(packages, func(p string) bool {
		out, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${db:Status-Status}", p).Output()
		return err == nil && string(out) == "installed"
	})
}
