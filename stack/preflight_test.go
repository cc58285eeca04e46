package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/vmnet-project/vmnet/kind"
)

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestModulesAreFoundLoadedBuiltInAndOnDisk(t *testing.T) {
	proc, mods := t.TempDir(), t.TempDir()
	write(t, filepath.Join(proc, "modules"), "openvswitch 204800 0 - Live 0x0\ngeneve 49152 0 - Live 0x0\n")
	write(t, filepath.Join(mods, "modules.builtin"), "kernel/drivers/net/dummy.ko\n")
	write(t, filepath.Join(mods, "modules.dep"), "kernel/drivers/net/vrf.ko.xz: kernel/net/core/x.ko.xz\nkernel/net/8021q/8021q.ko.zst:\n")
	if got := lackingModules(proc, mods); len(got) != 0 {
		t.Errorf("lacking %v, want none", got)
	}
	if got := lackingModules(proc, t.TempDir()); strings.Join(got, " ") != "vrf dummy 8021q" {
		t.Errorf("lacking %v, want vrf dummy 8021q", got)
	}
}

func TestHostsThatBuildsDoNotKnowAreRefused(t *testing.T) {
	if err := supported(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "Debian and Ubuntu") {
		t.Errorf("no release file: %v", err)
	}
	for name, c := range map[string]struct{ release, refused string }{
		"debian": {"ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n", ""},
		"ubuntu": {"ID=ubuntu\nID_LIKE=debian\n", ""},
		"fedora": {"ID=fedora\nPRETTY_NAME=\"Fedora Linux 44\"\n", "Fedora Linux 44"},
	} {
		err := supported(write(t, filepath.Join(t.TempDir(), name), c.release))
		if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s: %v, want refusal %q", name, err, c.refused)
		}
	}
}

func TestMemoryIsRefusedWithWhatIsNeeded(t *testing.T) {
	dir := t.TempDir()
	if err := memory(write(t, filepath.Join(dir, "much"), "MemTotal: 24000000 kB\nMemAvailable:   20000000 kB\n")); err != nil {
		t.Error(err)
	}
	err := memory(write(t, filepath.Join(dir, "little"), "MemTotal: 24000000 kB\nMemAvailable:   4000000 kB\n"))
	if err == nil || !strings.Contains(err.Error(), "3906 MiB") || !strings.Contains(err.Error(), "12288 MiB") {
		t.Errorf("got %v", err)
	}
}

// A stand-in for docker on PATH, since the question is how each kind of answer is read.
func TestDockerThatDoesNotAnswerIsAnError(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	t.Setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
	fake := func(script string) {
		if err := os.WriteFile(filepath.Join(bin, "docker"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	fake("echo 'Cannot connect to the Docker daemon' >&2; exit 1")
	for _, asked := range []string{"", DockerHost} {
		_, err := chooseDocker(context.Background(), asked)
		if err == nil || !strings.Contains(err.Error(), "tcp://127.0.0.1:1 does not answer (Cannot connect") || !strings.Contains(err.Error(), "DOCKER=machine") {
			t.Errorf("asked %q: %v", asked, err)
		}
	}
	fake("echo 'permission denied while trying to connect to the docker API' >&2; exit 1")
	if _, err := chooseDocker(context.Background(), ""); err == nil || !strings.Contains(err.Error(), "sudo") {
		t.Errorf("not allowed: %v", err)
	}
	if c, err := chooseDocker(context.Background(), DockerMachine); err != nil || c.Taken != DockerMachine {
		t.Errorf("machine asked for: %v %v", c, err)
	}
}

// An engine whose kernel lacks what OVN-Kubernetes needs is left alone; one that was asked for is refused.
func TestDockerOnAKernelWithoutOpenvswitch(t *testing.T) {
	const absent = "Docker's kernel lacks openvswitch"
	if c, err := engine("", absent, nil); err != nil || c.Taken != DockerMachine || c.Why != absent {
		t.Errorf("nothing asked for: %v, %v", c, err)
	}
	var refused *SetupError
	if _, err := engine(DockerHost, absent, nil); !errors.As(err, &refused) || refused.ExitCode() != 3 ||
		!strings.Contains(err.Error(), absent) || !strings.Contains(err.Error(), "DOCKER=machine") {
		t.Errorf("asked for: %v", err)
	}
}

// What to do is in the first line, which is the one that the command ends with.
func TestErrorsSayWhatToDoFirst(t *testing.T) {
	full := fmt.Errorf("build guest: exit status 1:\ncp: write: %w", unix.ENOSPC)
	said := fmt.Errorf("build guest: exit status 1:\ncp: write: No space left on device")
	for _, err := range []error{full, said} {
		line, details, _ := strings.Cut(setup("the images", err).Error(), "\n")
		if !strings.HasPrefix(line, "the images: build guest: exit status 1; a disk is full") || !strings.Contains(line, "XDG_CACHE_HOME") || !strings.HasPrefix(details, "cp: write") {
			t.Errorf("%q, then %q", line, details)
		}
	}
	if err := setup("the images", errors.New("another")); err.Error() != "the images: another" {
		t.Error(err)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for _, o := range []Options{{Docker: "podman"}, {Images: "mirror"}, {Nodes: 9}, {Nodes: -1}, {Checkouts: map[string]string{"multus": "/nowhere"}}} {
		if _, err := Preflight(context.Background(), o); err == nil {
			t.Errorf("%+v was taken", o)
		} else if in, ok := err.(*InputError); !ok || in.ExitCode() != 2 {
			t.Errorf("%+v: %v is no InputError", o, err)
		}
	}
}

func TestOneRunAtATime(t *testing.T) {
	cache := t.TempDir()
	unlock, err := lock(cache)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock(cache); err == nil || !strings.Contains(err.Error(), "another vmnet") {
		t.Errorf("second lock: %v", err)
	}
	unlock()
	again, err := lock(cache)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestNotRootIsRefused(t *testing.T) {
	if err := root(0); err != nil {
		t.Error(err)
	}
	var refused *SetupError
	if err := root(1000); !errors.As(err, &refused) || refused.ExitCode() != 3 || !strings.Contains(refused.Remedy, "sudo") {
		t.Errorf("got %v", err)
	}
}

func TestAFullDiskIsRefusedWithWhatIsNeeded(t *testing.T) {
	cache := t.TempDir()
	free := func(mib uint64) func(string, *unix.Statfs_t) error {
		return func(_ string, s *unix.Statfs_t) error {
			s.Bsize, s.Bavail = 4096, mib<<20/4096
			return nil
		}
	}
	if err := disk(cache, free(31<<10)); err != nil {
		t.Error(err)
	}
	var refused *SetupError
	if err := disk(cache, free(20<<10)); !errors.As(err, &refused) || !strings.Contains(err.Error(), "20480 MiB") || !strings.Contains(err.Error(), "30720 MiB") {
		t.Errorf("before anything is built: %v", err)
	}
	write(t, filepath.Join(cache, builtMark), "")
	if err := disk(cache, free(20<<10)); err != nil {
		t.Errorf("after a build: %v", err)
	}
	if err := disk(cache, free(7<<10)); !errors.As(err, &refused) || !strings.Contains(err.Error(), "8192 MiB") {
		t.Errorf("after a build, nearly full: %v", err)
	}
}

func TestPublishedImagesNeedHelm(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if c, err := chooseImages(t.Context(), Options{}); err != nil || c.Taken != ImagesSource || !strings.Contains(c.Why, "no helm") {
		t.Errorf("nothing asked for: %v, %v", c, err)
	}
	var refused *SetupError
	if _, err := chooseImages(t.Context(), Options{Images: ImagesRegistry}); !errors.As(err, &refused) || !strings.Contains(refused.Remedy, "install helm") {
		t.Errorf("registry asked for: %v", err)
	}
	write(t, filepath.Join(os.Getenv("PATH"), "helm"), "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(os.Getenv("PATH"), "helm"), 0o755); err != nil {
		t.Fatal(err)
	}
	if c, err := chooseImages(t.Context(), Options{Images: ImagesRegistry}); err != nil || c.Taken != ImagesRegistry {
		t.Errorf("registry asked for, and helm is there: %v, %v", c, err)
	}
}

// Another's cluster of our name, which came up meanwhile, must be none that down takes away.
func TestATakenNameIsForgotten(t *testing.T) {
	o, err := Options{Cache: t.TempDir()}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(o.Cache, "store")
	write(t, filepath.Join(store, "blob"), "x")
	plan := Plan{Docker: Choice{Taken: DockerHost}}
	if err := saveState(o, state{Plan: plan, Nodes: 2, Stores: []string{store}}); err != nil {
		t.Fatal(err)
	}
	if unlessTaken(o, plan, errors.New("another")) == nil {
		t.Error("an error was lost")
	}
	if _, ok := loadState(o); !ok {
		t.Error("the state is gone after another error")
	}
	err = setup("the cluster", unlessTaken(o, plan, &kind.NameTakenError{Name: ClusterName, Nodes: []string{"vmnet-control-plane"}}))
	var failed *SetupError
	if !errors.As(err, &failed) || failed.ExitCode() != 3 || !strings.Contains(err.Error(), "kind delete cluster --name vmnet") || strings.Contains(err.Error(), "vmnet down") {
		t.Errorf("got %v", err)
	}
	if _, ok := loadState(o); ok {
		t.Error("down would take another's cluster away")
	}
	if _, err := os.Stat(store); err == nil {
		t.Error("the store is left")
	}
}
