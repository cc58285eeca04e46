package kind

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestParseNetwork(t *testing.T) {
	recorded, err := os.ReadFile("testdata/network-inspect.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, gateway, subnet, err string }{
		{name: "recorded", text: string(recorded), gateway: "172.18.0.1", subnet: "172.18.0.0/16"},
		{name: "IPv6 first", text: `[{"Name":"kind","IPAM":{"Config":[{"Subnet":"fc00:f853:ccd:e793::/64","Gateway":"fc00:f853:ccd:e793::1"},{"Subnet":"192.0.2.0/24","Gateway":"192.0.2.1/24"}]}}]`, gateway: "192.0.2.1", subnet: "192.0.2.0/24"},
		{name: "IPv6 alone", text: `[{"Name":"kind","IPAM":{"Config":[{"Subnet":"fc00::/64","Gateway":"fc00::1"}]}}]`, err: "no IPv4 subnet"},
		{name: "no gateway", text: `[{"Name":"kind","IPAM":{"Config":[{"Subnet":"192.0.2.0/24"}]}}]`, err: "not an address"},
		{name: "foreign gateway", text: `[{"Name":"kind","IPAM":{"Config":[{"Subnet":"192.0.2.0/24","Gateway":"10.0.0.1"}]}}]`, err: "not an address"},
		{name: "none", text: `[]`, err: "no IPv4 subnet"},
		{name: "no JSON", text: `Error: no such network`, err: "invalid character"},
	} {
		n, err := parseNetwork(c.text)
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, want %q", c.name, err, c.err)
			}
		case err != nil || n.Gateway.String() != c.gateway || n.Subnet.String() != c.subnet:
			t.Errorf("%s: %+v, %v", c.name, n, err)
		}
	}
}

func FuzzParseNetwork(f *testing.F) {
	f.Add(`[{"Name":"kind","IPAM":{"Config":[{"Subnet":"192.0.2.0/24","Gateway":"192.0.2.1"}]}}]`)
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := parseNetwork(text); err == nil && !n.Subnet.Contains(n.Gateway) {
			t.Errorf("%+v from %q", n, text)
		}
	})
}

const addresses = "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n" +
	"10: eth0    inet 172.18.0.4/16 brd 172.18.255.255 scope global eth0\\       valid_lft forever preferred_lft forever\n"

func TestInterfaceOf(t *testing.T) {
	if name, err := interfaceOf(addresses, "172.18.0.4"); err != nil || name != "eth0" {
		t.Errorf("%q, %v", name, err)
	}
	for _, address := range []string{"172.18.0.40", "172.18.0", ""} {
		if name, err := interfaceOf(addresses, address); err == nil {
			t.Errorf("%q is on %s", address, name)
		}
	}
}

func FuzzInterfaceOf(f *testing.F) {
	f.Add(addresses, "172.18.0.4")
	f.Fuzz(func(t *testing.T, out, address string) {
		if name, err := interfaceOf(out, address); err == nil && !strings.Contains(out, name) {
			t.Errorf("%q from %q", name, out)
		}
	})
}

func status(restarts int32, waiting string, exitCode int32, run time.Duration) corev1.ContainerStatus {
	s := corev1.ContainerStatus{Name: "c", Image: "i", RestartCount: restarts}
	if waiting != "" {
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: waiting}
	} else {
		s.State.Running = &corev1.ContainerStateRunning{}
	}
	if run > 0 {
		end := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
		s.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: exitCode,
			StartedAt: metav1.NewTime(end.Add(-run)), FinishedAt: metav1.NewTime(end)}
	}
	return s
}

func TestDead(t *testing.T) {
	for _, c := range []struct {
		name   string
		status corev1.ContainerStatus
		want   string
	}{
		{"runs", status(0, "", 0, 0), ""},
		{"starts", status(0, "ContainerCreating", 0, 0), ""},
		{"ended twice, waits", status(1, "CrashLoopBackOff", 1, time.Second), ""},
		{"ended twice, runs", status(2, "", 1, time.Second), ""},
		{"ended three times, waits", status(2, "CrashLoopBackOff", 137, time.Second), "ended 3 times, exit 137"},
		{"ended three times, runs", status(3, "", 2, time.Second), "ended 3 times, exit 2"},
		{"three orderly restarts", status(3, "", 0, time.Second), ""},
		{"lost its lease after minutes", status(4, "", 1, 5*time.Minute), ""},
		{"image missing", status(0, "ErrImageNeverPull", 0, 0), "ErrImageNeverPull: i"},
		{"pull fails once", status(0, "ErrImagePull", 0, 0), ""},
		{"pull fails", status(0, "ImagePullBackOff", 0, 0), "ImagePullBackOff: i"},
	} {
		for _, init := range []bool{false, true} {
			p := &corev1.Pod{}
			if init {
				p.Status.InitContainerStatuses = []corev1.ContainerStatus{c.status}
			} else {
				p.Status.ContainerStatuses = []corev1.ContainerStatus{status(0, "", 0, 0), c.status}
			}
			if _, reason := dead(p); reason != c.want {
				t.Errorf("%s (init %v): %q, want %q", c.name, init, reason, c.want)
			}
		}
	}
}

// One virt-handler of two is not KubeVirt on every node, nor is one of one, nor none of none.
func TestDaemonSetReady(t *testing.T) {
	for name, c := range map[string]struct {
		status appsv1.DaemonSetStatus
		ready  bool
	}{
		"not seen yet":     {appsv1.DaemonSetStatus{}, false},
		"seen":             {appsv1.DaemonSetStatus{ObservedGeneration: 2}, false},
		"for one so far":   {appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: 1, UpdatedNumberScheduled: 1, NumberReady: 1}, false},
		"one of two":       {appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: 2, UpdatedNumberScheduled: 2, NumberReady: 1}, false},
		"an older version": {appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: 2, UpdatedNumberScheduled: 1, NumberReady: 2}, false},
		"of an older spec": {appsv1.DaemonSetStatus{ObservedGeneration: 1, DesiredNumberScheduled: 2, UpdatedNumberScheduled: 2, NumberReady: 2}, false},
		"both":             {appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: 2, UpdatedNumberScheduled: 2, NumberReady: 2}, true},
	} {
		d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Generation: 2}, Status: c.status}
		if got := daemonSetReady(d, 2); got != c.ready {
			t.Errorf("%s: ready %t", name, got)
		}
	}
}

// kind's announcements become steps, each ended once and with its outcome.
func TestLogger(t *testing.T) {
	var got []string
	l := newLogger(func(name string) func(error) {
		got = append(got, "> "+name)
		return func(err error) {
			if err != nil {
				name += " failed"
			}
			got = append(got, "< "+name)
		}
	})
	l.V(0).Infof(" • %s  ...\n", "Preparing nodes 📦 📦 ")
	l.V(0).Infof(" ✓ %s\n", "Preparing nodes 📦 📦 ")
	l.V(0).Infof(" • %s  ...\n", "Starting control-plane 🕹️")
	l.V(3).Info("[init] Using Kubernetes version\n\nthe last line\n")
	l.V(0).Infof(" ✗ %s\n", "Starting control-plane 🕹️")
	l.close(errors.New("x"))
	l.V(0).Infof(" • %s  ...\n", "nobody waits any more")
	want := []string{"> kind: Preparing nodes", "< kind: Preparing nodes", "> kind: Starting control-plane", "< kind: Starting control-plane failed"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	if _, _, lines := l.state(); !slices.Contains(lines, "the last line") {
		t.Errorf("not kept: %q", lines)
	}
}

func TestHoldRestoresTheEnvironment(t *testing.T) {
	t.Setenv("PATH", "/usr/bin:/bin")
	t.Setenv("DOCKER_HOST", "before")
	t.Setenv("DOCKER_CONTEXT", "")
	if err := os.Unsetenv("DOCKER_CONTEXT"); err != nil {
		t.Fatal(err)
	}
	e := Engine{DockerHost: "ssh://root@192.0.2.1", BinDir: "/opt/tools"}
	first, err := e.hold()
	if err != nil {
		t.Fatal(err)
	}
	second, err := e.hold()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (Engine{}).hold(); err == nil {
		t.Error("two engines at once")
	}
	first()
	first() // more than once does no harm
	if os.Getenv("DOCKER_HOST") != e.DockerHost || os.Getenv("PATH") != "/opt/tools:/usr/bin:/bin" {
		t.Errorf("while held: %s %s", os.Getenv("DOCKER_HOST"), os.Getenv("PATH"))
	}
	second()
	if _, set := os.LookupEnv("DOCKER_CONTEXT"); set || os.Getenv("DOCKER_HOST") != "before" || os.Getenv("PATH") != "/usr/bin:/bin" {
		t.Errorf("after: %s %s", os.Getenv("DOCKER_HOST"), os.Getenv("PATH"))
	}
	other, err := (Engine{}).hold()
	if err != nil {
		t.Fatal(err)
	}
	other()
}

func TestMissingDocker(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var missing *MissingError
	if _, err := (Engine{}).Docker(t.Context(), "version"); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
	if err := (Published{}).Check(t.Context()); !errors.As(err, &missing) || missing.Tool != "helm" {
		t.Errorf("%v", err)
	}
}

// Real files: hard links for what is never written, copies of the databases, an earlier node's store made anew.
func TestPrepareStores(t *testing.T) {
	dir := t.TempDir()
	store := filepath.Join(dir, "store")
	for _, name := range []string{"content/blob", "metadata/meta.db", "tmpmounts/left"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(store, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(store, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(ctx context.Context, argv ...string) (string, error) {
		out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
		return string(out), err
	}
	inode := func(path string) uint64 {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Ino
	}
	for round := range 2 {
		stores, err := PrepareStores(t.Context(), run, store, 2)
		if err != nil || len(stores) != 2 || stores[0] == stores[1] {
			t.Fatalf("%v, %v", stores, err)
		}
		for _, s := range stores {
			if inode(filepath.Join(s, "content/blob")) != inode(filepath.Join(store, "content/blob")) {
				t.Errorf("%s: the images are copied", s)
			}
			if inode(filepath.Join(s, "metadata/meta.db")) == inode(filepath.Join(store, "metadata/meta.db")) {
				t.Errorf("%s: the database is shared", s)
			}
			if left, _ := os.ReadDir(filepath.Join(s, "tmpmounts")); len(left) != 0 {
				t.Errorf("%s: %v", s, left)
			}
			used := filepath.Join(s, "used")
			if _, err := os.Stat(used); err == nil {
				t.Errorf("round %d: %s is that of an earlier node", round, s)
			}
			if err := os.WriteFile(used, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := PrepareStores(t.Context(), run, filepath.Join(dir, "nothing"), 1); err == nil {
		t.Error("a store that is not there is no error")
	}
}

func archive(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	w := tar.NewWriter(zipped)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestFetchChart(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		err   string
	}{
		{name: "chart", files: map[string]string{"r-1/helm/ovn-kubernetes/Chart.yaml": "name: x", "r-1/helm/ovn-kubernetes/templates/a.yaml": "a", "r-1/README.md": "no"}},
		{name: "no chart", files: map[string]string{"r-1/README.md": "no"}, err: "holds no chart"},
		{name: "climbs out", files: map[string]string{"r-1/helm/ovn-kubernetes/../../../../out": "no"}, err: "holds no chart"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write(archive(t, c.files))
			}))
			defer server.Close()
			dir := t.TempDir()
			chart, err := fetchChart(t.Context(), server.URL, filepath.Join(dir))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("%v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for name, there := range map[string]bool{"Chart.yaml": true, "templates/a.yaml": true, "README.md": false} {
				if _, err := os.Stat(filepath.Join(chart, name)); (err == nil) != there {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	if _, err := fetchChart(t.Context(), server.URL, t.TempDir()); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("%v", err)
	}
}

func TestHelmArgs(t *testing.T) {
	for image, want := range map[string][2]string{
		"":                              {"ghcr.io/ovn-kubernetes/ovn-kubernetes/ovn-kube-ubuntu", "release-1.3"},
		"registry.test:5000/ovn:v1":     {"registry.test:5000/ovn", "v1"},
		"registry.test:5000/ovn":        {"registry.test:5000/ovn", "latest"},
		"ghcr.io/x/ovn@sha256:0123abcd": {"ghcr.io/x/ovn@sha256", "0123abcd"},
	} {
		args := Published{Image: image}.helmArgs("/bed/kubeconfig", "/chart", "172.18.0.2")
		for _, set := range []string{"global.image.repository=" + want[0], "global.image.tag=" + want[1],
			"k8sAPIServer=https://172.18.0.2:6443", "podNetwork=10.244.0.0/16/24", "global.enableNetworkSegmentation=true"} {
			if !slices.Contains(args, set) {
				t.Errorf("%q: no %s in %q", image, set, args)
			}
		}
	}
}

// Delete waits for a creation that nobody waits for any more, but not for ever.
func TestCreationsUnderWay(t *testing.T) {
	c := creations{of: map[string]chan struct{}{}}
	if c.wait(t.Context(), "a", time.Hour) {
		t.Error("a creation that never began")
	}
	finished := c.begin("a")
	if !c.wait(t.Context(), "a", time.Millisecond) {
		t.Error("not seen under way")
	}
	go finished()
	c.wait(t.Context(), "a", time.Hour)
	for range 1000 {
		if !c.wait(t.Context(), "a", time.Hour) {
			return
		}
	}
	t.Error("never over")
}
