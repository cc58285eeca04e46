package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/report"
)

// asProgram makes the test's own binary behave as vmnet, so that exit codes and output are the program's.
const asProgram = "VMNET_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

type outcome struct {
	code           int
	stdout, stderr string
}

// vmnet runs the program with a cache of its own, and no variable of the developer's.
func vmnet(t *testing.T, environ []string, args ...string) outcome {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append([]string{asProgram + "=1", "HOME=" + t.TempDir(), "XDG_CACHE_HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}, environ...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func file(t *testing.T, name, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// kubeconfig names a cluster on a port of this host where nothing listens.
func kubeconfig(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return file(t, "kubeconfig", fmt.Sprintf(clusterAt, address))
}

const clusterAt = `apiVersion: v1
kind: Config
current-context: c
clusters: [{name: c, cluster: {server: "https://%s"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
`

// Bad input is answered by one line that names it and the remedy, and by the exit code of its kind.
func TestBadInput(t *testing.T) {
	closed := kubeconfig(t)
	broken, empty := file(t, "kubeconfig", "clusters: ["), file(t, "kubeconfig", "")
	badUnderlay := file(t, "underlay.yaml", "outside: 7\n")
	observations := func(body string) string { return filepath.Dir(file(t, "o.json", body)) }
	for _, c := range []struct {
		name    string
		environ []string
		args    []string
		code    int
		words   []string // of the line
	}{
		{"unknown command", nil, []string{"frob"}, 2, []string{"frob", "--help"}},
		{"unknown flag", nil, []string{"list", "--frob"}, 2, []string{"--frob", "--help"}},
		{"flag without value", nil, []string{"list", "--claims"}, 2, []string{"--claims"}},
		{"argument too many", nil, []string{"status", "x"}, 2, []string{"x"}},
		{"unknown scenario", nil, []string{"run", "--scenario", "cluster-netwrk"}, 2, []string{"cluster-netwrk", "did you mean cluster-network?"}},
		{"unknown claim", nil, []string{"run", "--claims", "CN-99"}, 2, []string{"CN-99", "CN-09"}},
		{"unknown claim, listed", nil, []string{"list", "--claims", "CN-09,XX-01"}, 2, []string{"XX-01"}},
		{"unknown claim by variable", []string{"CLAIMS=XX-01"}, []string{"list"}, 2, []string{"XX-01"}},
		{"no kubeconfig", nil, []string{"run", "--kubeconfig", "/nowhere/kubeconfig"}, 2, []string{"/nowhere/kubeconfig", "name one that is there"}},
		{"broken kubeconfig", nil, []string{"run", "--kubeconfig", broken}, 2, []string{broken, "kubectl config view"}},
		{"empty kubeconfig", nil, []string{"run", "--kubeconfig", empty}, 2, []string{empty, "names no cluster"}},
		{"cluster does not answer", nil, []string{"run", "--kubeconfig", closed, "--out", t.TempDir()}, 3, []string{"127.0.0.1", "does not answer", "its kubeconfig"}},
		{"logs of a cluster that does not answer", nil, []string{"logs", "multus", "--kubeconfig", closed}, 3, []string{"does not answer"}},
		{"no bed directory", nil, []string{"run", "--bed", "/nowhere/bed"}, 2, []string{"/nowhere/bed"}},
		{"no underlay file", nil, []string{"run", "--kubeconfig", closed, "--underlay", "/nowhere/underlay.yaml"}, 2, []string{"/nowhere/underlay.yaml"}},
		{"broken underlay file", nil, []string{"run", "--kubeconfig", closed, "--underlay", badUnderlay}, 2, []string{badUnderlay}},
		{"underlay without cluster", nil, []string{"run", "--underlay", badUnderlay}, 2, []string{"--kubeconfig"}},
		{"ssh with nothing up", nil, []string{"ssh", "vm-a"}, 2, []string{"no cluster is up", "vmnet up"}},
		{"logs with nothing up", nil, []string{"logs", "multus"}, 2, []string{"no cluster is up"}},
		{"no machine", nil, []string{"logs", "machine"}, 2, []string{"no machine runs"}},
		{"judge nothing", nil, []string{"judge"}, 2, []string{"1 arg"}},
		{"judge what is not there", nil, []string{"judge", "/nowhere/out"}, 2, []string{"/nowhere/out"}},
		{"judge an empty directory", nil, []string{"judge", t.TempDir()}, 2, []string{"holds no observations"}},
		{"judge broken JSON", nil, []string{"judge", observations("{")}, 2, []string{"o.json", "no observation"}},
		{"judge other JSON", nil, []string{"judge", observations(`{"kind":"Pod"}`)}, 2, []string{"o.json", "no observation"}},
		{"judge another format", nil, []string{"judge", observations(`{"format":99,"scenario":"cluster-network"}`)}, 2, []string{"format 99"}},
		{"judge an unknown scenario", nil, []string{"judge", observations(`{"format":1,"scenario":"moon"}`)}, 2, []string{"moon"}},
		{"bad engine", nil, []string{"up", "--docker", "podman"}, 2, []string{"podman", "host or machine"}},
		{"bad images", []string{"IMAGES=floppy"}, []string{"preflight"}, 2, []string{"floppy", "registry or source"}},
		{"bad number of nodes", []string{"NODES=two"}, []string{"up"}, 2, []string{"two", "1 to 8"}},
		{"too many nodes", nil, []string{"up", "--nodes", "99"}, 2, []string{"99", "1 to 8"}},
		{"checkout of no component", []string{"CHECKOUT_MOON=/tmp"}, []string{"up"}, 2, []string{"moon", "ovn-kubernetes"}},
		{"checkout that is not there", nil, []string{"up", "--checkout", "ovn-kubernetes=/nowhere"}, 2, []string{"/nowhere"}},
		{"out cannot be written", nil, []string{"judge", observations(`{"format":1,"scenario":"cluster-network"}`), "--out", "/proc/nowhere"}, 2, []string{"/proc/nowhere"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := vmnet(t, c.environ, c.args...)
			if got.code != c.code {
				t.Errorf("exit code %d, want %d: %s", got.code, c.code, got.stderr)
			}
			if strings.Count(got.stderr, "\n") != 1 || !strings.HasPrefix(got.stderr, "vmnet: ") {
				t.Errorf("not one line: %q", got.stderr)
			}
			for _, w := range c.words {
				if !strings.Contains(got.stderr, w) {
					t.Errorf("%q does not name %q", got.stderr, w)
				}
			}
			if got.stdout != "" {
				t.Errorf("output %q", got.stdout)
			}
		})
	}
}

// Selecting nothing is told apart from proving something.
func TestNothingSelected(t *testing.T) {
	for _, args := range [][]string{{"list", "--claims", " , "}, {"list", "--scenario", ""}} {
		if got := vmnet(t, nil, args...); got.code != 0 {
			t.Errorf("%v: an empty list is all, but exit code is %d: %s", args, got.code, got.stderr)
		}
	}
	if got := exitCode(t.Context(), nothingError{"why"}); got != report.ExitNothing {
		t.Errorf("exit code %d, want %d", got, report.ExitNothing)
	}
}

// ^C ends a command that waits for a cluster, at once and with its own exit code.
func TestInterrupt(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	config := file(t, "kubeconfig", fmt.Sprintf(clusterAt, silent.Addr()))
	cmd := exec.Command(os.Args[0], "run", "--kubeconfig", config, "--out", t.TempDir())
	cmd.Env = append(os.Environ(), asProgram+"=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := silent.Accept() // now it waits
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	began := time.Now()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code says it
	if code := cmd.ProcessState.ExitCode(); code != report.ExitInterrupted {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	if !strings.HasSuffix(stderr.String(), "vmnet: interrupted\n") || time.Since(began) > 5*time.Second {
		t.Errorf("after %s: %q", time.Since(began), &stderr)
	}
}

// A set-up that fails is one line, too, and leaves a report in which nothing has run.
func TestSetupFails(t *testing.T) {
	out := t.TempDir()
	// an engine that does not answer: nothing listens on that socket
	got := vmnet(t, []string{"DOCKER_HOST=unix:///nowhere/docker.sock", "DOCKER=host", "IMAGES=registry", "OUT=" + out}, "run")
	lines := strings.Split(strings.TrimSpace(got.stderr), "\n")
	if got.code != report.ExitSetup || len(lines) != 2 || !strings.HasPrefix(lines[0], "report: "+out) || !strings.HasPrefix(lines[1], "vmnet: ") {
		t.Errorf("exit code %d, %q", got.code, got.stderr)
	}
	if got.stdout != "" {
		t.Errorf("output %q", got.stdout)
	}
	r, counts := verdicts(t, filepath.Join(out, "latest"))
	if counts[model.DidNotRun] != len(r.Claims) || !strings.HasSuffix(lines[1], r.Stopped) {
		t.Errorf("%v, stopped: %q", counts, r.Stopped)
	}
}

// With nothing up, there is nothing to take down, and status says so; both succeed.
func TestNothingUp(t *testing.T) {
	if got := vmnet(t, nil, "status"); got.code != 0 || got.stdout != "nothing is up\n" {
		t.Errorf("status: %+v", got)
	}
	if got := vmnet(t, nil, "down"); got.code != 0 {
		t.Errorf("down: %+v", got)
	}
}

func TestHelp(t *testing.T) {
	got := vmnet(t, nil)
	for _, command := range []string{"preflight", "up", "status", "ssh", "logs", "run", "judge", "selftest", "list", "down", "version", "130 interrupted"} {
		if !strings.Contains(got.stdout, command) {
			t.Errorf("help does not name %s", command)
		}
	}
	if got.code != 0 || got.stderr != "" {
		t.Errorf("exit code %d, %q", got.code, got.stderr)
	}
}
