package stack

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vmnet-project/vmnet/internal/tail"
)

// kernelModules are what OVN-Kubernetes and the scenarios need of the kernel that Docker runs on.
var kernelModules = []string{"openvswitch", "geneve", "vrf", "dummy", "8021q"}

// chooseDocker takes the host's engine if it answers and its kernel has what is needed.
func chooseDocker(ctx context.Context, asked string) (Choice, error) {
	if asked == DockerMachine {
		return Choice{DockerMachine, "asked for"}, nil
	}
	absent, fault := hostDocker(ctx)
	return engine(asked, absent, fault)
}

// engine takes the machine where the host's engine is absent, and never in place of one that is at fault.
func engine(asked, absent string, fault error) (Choice, error) {
	switch {
	case fault != nil:
		return Choice{}, fault
	case absent == "":
		return Choice{DockerHost, "the host's engine answers, and its kernel has " + strings.Join(kernelModules, ", ")}, nil
	case asked == DockerHost:
		return Choice{}, &SetupError{What: absent, Remedy: "see to that, or take DOCKER=machine"}
	}
	return Choice{DockerMachine, absent}, nil
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
		said, remedy := tail.Line(string(out), err.Error()), "start it, or take DOCKER=machine"
		if strings.Contains(said, "permission denied") {
			remedy = "run it with sudo, or as a member of the group docker"
		}
		return "", &SetupError{What: "the Docker engine at " + endpoint + " does not answer (" + said + ")", Remedy: remedy}
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
