package machine

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func TestIdentityIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "identity")
	if err := ensureIdentity(dir); err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	key, known := read(userKeyFile), read(knownHostsFile)
	_, hosts, pinned, _, _, err := ssh.ParseKnownHosts([]byte(known))
	if err != nil || !slices.Equal(hosts, []string{hostAlias}) {
		t.Fatalf("known_hosts: %v, %v", hosts, err)
	}
	signer, err := ssh.ParsePrivateKey([]byte(read(hostKeyFile)))
	if err != nil || string(signer.PublicKey().Marshal()) != string(pinned.Marshal()) {
		t.Errorf("another host key is pinned: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, userKeyFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("private key: %v, %v", info.Mode(), err)
	}
	if err := ensureIdentity(dir); err != nil {
		t.Fatal(err)
	}
	if read(userKeyFile) != key || read(knownHostsFile) != known {
		t.Error("a second call made new keys")
	}
}

// TestWrappers runs the docker wrapper with a root whose loader only says how it was called, from a cache with
// blanks and quotes in its path.
func TestWrappers(t *testing.T) {
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("no ssh")
	}
	cache := filepath.Join(t.TempDir(), `it's a "cache"`)
	root := filepath.Join(cache, "root")
	loader := filepath.Join(root, "usr/lib64/ld-linux-x86-64.so.2")
	for _, d := range []string{filepath.Dir(loader), filepath.Join(root, "usr/lib/x86_64-linux-gnu"), filepath.Join(root, "usr/bin"), filepath.Join(cache, "machine/vmnet")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script := "#!/bin/sh\necho \"$DOCKER_HOST\"\necho \"${PATH%%:*}\"\nfor a; do echo \"$a\"; done\n"
	for name, text := range map[string]string{loader: script, filepath.Join(root, "usr/bin/docker"): ""} {
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	o, err := Options{Cache: cache}.complete()
	if err != nil {
		t.Fatal(err)
	}
	host, addr, err := chooseSubnet(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeWrappers(o, &state{Name: o.Name, Root: root, Host: host, Address: addr}); err != nil {
		t.Fatal(err)
	}
	bin := binDir(o.stateDir())
	cmd := exec.Command(filepath.Join(bin, "docker"), "ps", "a b")
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	out, err := cmd.Output()
	want := strings.Join([]string{"ssh://root@192.168.128.78", bin, "--library-path", filepath.Join(root, "usr/lib/x86_64-linux-gnu"), filepath.Join(root, "usr/bin/docker"), "ps", "a b"}, "\n") + "\n"
	if err != nil || string(out) != want {
		t.Errorf("got %q, %v, want %q", out, err, want)
	}
	// ssh -G prints what it would do, without a connection.
	out, err = exec.Command(filepath.Join(bin, "ssh"), "-G", "root@192.0.2.1").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"stricthostkeychecking true", "hostkeyalias " + hostAlias, "batchmode yes", "controlpath " + controlSocket} {
		if !strings.Contains(string(out), line+"\n") {
			t.Errorf("ssh is not told %q", line)
		}
	}
	if _, err := dockerClient(filepath.Join(cache, "none")); err == nil {
		t.Error("a root without docker is taken")
	}
}

func TestSettle(t *testing.T) {
	o, err := Options{Cache: t.TempDir()}.complete()
	if err != nil {
		t.Fatal(err)
	}
	if err := ensureIdentity(o.identityDir()); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(o.Cache, "r")
	stale := filepath.Join(dir, "etc/ssh/ssh_host_rsa_key")
	if err := os.MkdirAll(filepath.Dir(stale), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stale, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // settling again changes nothing
		if err := settle(o, dir); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(stale); err == nil {
		t.Error("a host key of the packages is left")
	}
	for name, mode := range map[string]os.FileMode{
		"root/.ssh/authorized_keys": 0o600, "etc/ssh/ssh_host_ed25519_key": 0o600, "usr/local/sbin/vmnet-network": 0o755,
		"etc/docker/daemon.json": 0o644, "etc/machine-id": 0o644,
	} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, want mode %v", name, err, mode)
		}
	}
	if to, err := os.Readlink(filepath.Join(dir, "etc/systemd/system/getty@tty1.service")); to != "/dev/null" {
		t.Errorf("getty is not masked: %q, %v", to, err)
	}
}

func TestRootKeyDependsOnTheKeys(t *testing.T) {
	keys := map[string]bool{}
	for range 2 {
		o := Options{Cache: t.TempDir()}
		if err := ensureIdentity(o.identityDir()); err != nil {
			t.Fatal(err)
		}
		k, err := rootKey(o)
		if err != nil {
			t.Fatal(err)
		}
		keys[k] = true
	}
	if len(keys) != 2 {
		t.Error("two identities, one root")
	}
}

func TestDiskKey(t *testing.T) {
	base := Disk{Root: "/c/root/1", NodeTag: "n:1", Store: "/s", Key: "k"}
	seen := map[string]bool{base.key(Options{DiskGiB: 40}): true}
	for name, d := range map[string]Disk{
		"root": {Root: "/c/root/2", NodeTag: "n:1", Store: "/s", Key: "k"}, "tag": {Root: "/c/root/1", NodeTag: "n:2", Store: "/s", Key: "k"},
		"store": {Root: "/c/root/1", NodeTag: "n:1", Key: "k"}, "key": {Root: "/c/root/1", NodeTag: "n:1", Store: "/s", Key: "l"},
	} {
		if k := d.key(Options{DiskGiB: 40}); seen[k] {
			t.Errorf("the key does not depend on the %s", name)
		} else {
			seen[k] = true
		}
	}
	if seen[base.key(Options{DiskGiB: 50})] {
		t.Error("the key does not depend on the size")
	}
}

// TestLauncherWaits: without the line that says that the state is written nothing is started.
func TestLauncherWaits(t *testing.T) {
	flag := filepath.Join(t.TempDir(), "started")
	cmd := exec.Command("sh", "-c", launcher, "sh", "/nowhere", "1m", "0", "touch", flag)
	if err := cmd.Run(); err == nil {
		t.Error("it went on without the line")
	}
	if _, err := os.Stat(flag); err == nil {
		t.Error("the machine was started")
	}
}

// TestSandboxLeavesNothing needs root: mounts and processes end with the program.
func TestSandboxLeavesNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	mark := "sleep 7654"
	err := sandbox(ctx, log, true, "sh", "-c", "mount -t tmpfs t "+dir+" && touch "+dir+"/here && "+mark+" & "+mark+"; true")
	if err == nil {
		t.Fatal("it ended by itself")
	}
	if _, err := os.Stat(filepath.Join(dir, "here")); err == nil {
		t.Error("its mount is seen outside")
	}
	deadline := time.Now().Add(5 * time.Second)
	for running(t, mark) && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	if running(t, mark) {
		t.Error("its processes live")
	}
	if err := sandbox(context.Background(), log, false, "sh", "-c", "echo why; exit 3"); err == nil || !strings.Contains(err.Error(), "why") {
		t.Errorf("the error does not say why: %v", err)
	}
}

func running(t *testing.T, mark string) bool {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err == nil && strings.Join(strings.Split(strings.TrimRight(string(data), "\x00"), "\x00"), " ") == mark {
			return true
		}
	}
	return false
}
