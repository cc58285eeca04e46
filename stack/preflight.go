package stack

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vmnet-project/vmnet/images"
	"github.com/vmnet-project/vmnet/machine"
)

// Plan is what a run takes, and why.
type Plan struct {
	Docker, Images Choice
	// Packages are Debian packages that the run installs on the host.
	Packages []string
}

// Choice is one decision with its reason.
type Choice struct{ Taken, Why string }

// What a cold build and a run need at least.
const (
	diskCold   = 30 << 30
	diskWarm   = 8 << 30
	memoryHost = 12 << 30
)

// kernelModules are what OVN-Kubernetes and the scenarios need of the kernel that Docker runs on.
var kernelModules = []string{"openvswitch", "geneve", "vrf", "dummy", "8021q"}

// registries hold the published images.
var registries = []string{"registry.k8s.io:443", "ghcr.io:443", "quay.io:443"}

// Preflight looks at the host and decides where the engine and the images come from. Its errors say what to do.
func Preflight(ctx context.Context, o Options) (Plan, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Plan{}, err
	}
	var p Plan
	if p.Docker, err = chooseDocker(ctx, o.Docker); err != nil {
		return p, err
	}
	if p.Images, err = chooseImages(ctx, o); err != nil {
		return p, err
	}
	if p.Docker.Taken == DockerMachine || p.Images.Taken == ImagesSource {
		if err := supported("/etc/os-release"); err != nil {
			return p, err
		}
		if err := root(os.Geteuid()); err != nil {
			return p, err
		}
	}
	if p.Docker.Taken == DockerMachine && p.Images.Taken == ImagesRegistry {
		return p, &SetupError{What: "IMAGES=registry with DOCKER=machine", Remedy: "the machine has no way to a registry: take IMAGES=source"}
	}
	if p.Images.Taken == ImagesSource {
		p.Packages = append(p.Packages, images.HostPackages()...)
	}
	if p.Docker.Taken == DockerMachine {
		p.Packages = append(p.Packages, machine.HostPackages()...)
		if err := memory("/proc/meminfo"); err != nil {
			if _, running := machine.Find(o.machine()); !running {
				return p, err
			}
		}
	}
	p.Packages = missing(ctx, p.Packages)
	return p, disk(o.Cache, unix.Statfs)
}

// root refuses a user who may neither build images nor start a machine.
func root(uid int) error {
	if uid == 0 {
		return nil
	}
	return &SetupError{What: "not root", Remedy: "building images and starting a machine need root: run it with sudo, or bring a Docker engine, helm and a registry in reach"}
}

// chooseDocker takes the host's engine if it answers and its kernel has what is needed.
func chooseDocker(ctx context.Context, asked string) (Choice, error) {
	if asked == DockerMachine {
		return Choice{DockerMachine, "asked for"}, nil
	}
	why, fault := hostDocker(ctx)
	switch {
	case fault == nil && why == "":
		return Choice{DockerHost, "the host's engine answers, and its kernel has " + strings.Join(kernelModules, ", ")}, nil
	case asked == DockerHost && fault != nil:
		return Choice{}, fault
	case asked == DockerHost:
		return Choice{}, &SetupError{What: why, Remedy: "install it, or take DOCKER=machine"}
	case fault != nil:
		return Choice{}, fault
	}
	return Choice{DockerMachine, why}, nil
}

// hostDocker says why the host has no engine that can be taken (a machine is then brought), or what is wrong
// with one that is there and should have answered.
func hostDocker(ctx context.Context) (absent string, fault error) {
	cli, err := exec.LookPath("docker")
	if err != nil {
		return "the host has no Docker", nil
	}
	endpoint := os.Getenv("DOCKER_HOST")
	if endpoint == "" {
		if _, err := os.Stat("/var/run/docker.sock"); err != nil {
			return "the host has a Docker client and no engine", nil
		}
		endpoint = "unix:///var/run/docker.sock"
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, cli, "info", "--format", "{{.ServerVersion}}")
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", &SetupError{What: "the Docker engine at " + endpoint + " does not answer (" + lastLine(out, err) + ")", Remedy: "start it, or take DOCKER=machine"}
	}
	if lacking := lackingModules("/proc", runningModules()); len(lacking) > 0 && !strings.HasPrefix(endpoint, "ssh://") {
		return "Docker's kernel lacks " + strings.Join(lacking, ", "), nil
	}
	return "", nil
}

// runningModules is the directory of the running kernel's modules.
func runningModules() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return filepath.Join("/lib/modules", unix.ByteSliceToString(u.Release[:]))
}

// lackingModules lists those of kernelModules that are neither loaded, nor built in, nor there to be loaded.
func lackingModules(proc, modules string) []string {
	var have []string
	for _, f := range []string{filepath.Join(proc, "modules"), filepath.Join(modules, "modules.builtin"), filepath.Join(modules, "modules.dep")} {
		data, _ := os.ReadFile(f)
		for line := range strings.Lines(string(data)) {
			name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			name, _, _ = strings.Cut(strings.TrimSuffix(name, ":"), ".ko")
			have = append(have, filepath.Base(name))
		}
	}
	var lacking []string
	for _, m := range kernelModules {
		if !slices.Contains(have, m) {
			lacking = append(lacking, m)
		}
	}
	return lacking
}

// chooseImages takes published images where every registry answers, helm is there to install them, and none is to be
// replaced by a checkout.
func chooseImages(ctx context.Context, o Options) (Choice, error) {
	_, helm := exec.LookPath("helm")
	switch {
	case o.Images == ImagesRegistry && helm != nil:
		return Choice{}, &SetupError{What: "IMAGES=registry without helm", Remedy: "OVN-Kubernetes' chart needs it: install helm (https://helm.sh/docs/intro/install), or take IMAGES=source"}
	case o.Images != "":
		return Choice{o.Images, "asked for"}, nil
	case len(o.Checkouts) > 0:
		return Choice{ImagesSource, "a component comes from a checkout"}, nil
	case helm != nil:
		return Choice{ImagesSource, "no helm, which published images are installed with"}, nil
	}
	unreached := make([]string, len(registries))
	var wg sync.WaitGroup
	for i, r := range registries {
		wg.Go(func() {
			c, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", r)
			if err != nil {
				unreached[i] = r
				return
			}
			_ = c.Close()
		})
	}
	wg.Wait()
	unreached = slices.DeleteFunc(unreached, func(s string) bool { return s == "" })
	if len(unreached) > 0 {
		return Choice{ImagesSource, "no way to " + strings.Join(unreached, ", ")}, nil
	}
	return Choice{ImagesRegistry, "the registries answer, and helm is there"}, nil
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

func lastLine(out []byte, err error) string {
	lines := strings.Split(string(bytes.TrimSpace(out)), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return last
	}
	return err.Error()
}
