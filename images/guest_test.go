package images

import (
	"bytes"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// guestFiles lays the guest's scripts out as they are in the guest.
func guestFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := copyEmbedded("files/guest", dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func sh(t *testing.T, env []string, argv ...string) string {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return string(out)
}

func TestGuestScriptsParse(t *testing.T) {
	dir := guestFiles(t)
	for _, name := range []string{"init", "dhcp", "seed"} {
		sh(t, nil, "sh", "-n", filepath.Join(dir, name))
	}
}

const hostKey = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\nAAAAGm5vbmU=\n-----END OPENSSH PRIVATE KEY-----\n"

func TestGuestSeed(t *testing.T) {
	indented := strings.ReplaceAll(strings.TrimRight(hostKey, "\n"), "\n", "\n    ")
	for name, c := range map[string]struct {
		userData, metaData         string
		hostname, keys, host, user string
	}{
		"as vmnet writes it": {
			userData: "#cloud-config\nusers:\n  - name: root\n    ssh_authorized_keys:\n      - ssh-ed25519 AAAA one@x\nssh_keys:\n  ed25519_private: |\n    " + indented + "\n  ed25519_public: ssh-ed25519 BBBB\n",
			metaData: `{"instance-id":"vm-a.x","local-hostname":"vm-a"}`,
			hostname: "vm-a", keys: "ssh-ed25519 AAAA one@x\n", host: hostKey,
		},
		"lists at their key's column, quotes, another user": {
			userData: "#cloud-config\nssh_pwauth: false\nusers:\n- default\n- name: 'fedora'\n  sudo: ALL=(ALL) NOPASSWD:ALL\n  ssh_authorized_keys:\n  - \"ssh-rsa AAAA b\"\n  - 'ssh-ed25519 CCCC'\n  shell: /bin/bash\nruncmd:\n- echo ssh-rsa no\n",
			metaData: "instance-id: x\nlocal-hostname: vm-b\n",
			hostname: "vm-b", keys: "ssh-rsa AAAA b\nssh-ed25519 CCCC\n", user: "fedora",
		},
		"keys at the top, one line, carriage returns": {
			userData: "#cloud-config\r\nssh_authorized_keys: [\"ssh-ed25519 AAAA a\", 'ssh-ed25519 BBBB']\r\n",
			hostname: "guest", keys: "ssh-ed25519 AAAA a\nssh-ed25519 BBBB\n",
		},
		"host key first, in double quotes": {
			userData: "#cloud-config\nssh_keys:\n  ed25519_private: \"" + strings.ReplaceAll(hostKey, "\n", `\n`) + "\"\nssh_authorized_keys:\n  # mine\n  - ssh-ed25519 AAAA\n\n  - ssh-ed25519 BBBB\n",
			hostname: "guest", keys: "ssh-ed25519 AAAA\nssh-ed25519 BBBB\n", host: hostKey,
		},
		"another block that looks like keys": {
			userData: "#cloud-config\nwrite_files:\n- path: /x\n  content: |\n    ssh_authorized_keys:\n    - ssh-rsa EVIL\nssh_authorized_keys:\n- ssh-ed25519 GOOD\n",
			hostname: "guest", keys: "ssh-ed25519 GOOD\n",
		},
		"host key in a stripped block": {
			userData: "#cloud-config\nssh_keys:\n    ed25519_private: |-\n          " + strings.ReplaceAll(strings.TrimRight(hostKey, "\n"), "\n", "\n          ") + "\nusers: []\n",
			hostname: "guest", host: hostKey,
		},
	} {
		t.Run(name, func(t *testing.T) {
			seed, root := t.TempDir(), t.TempDir()
			for file, text := range map[string]string{
				filepath.Join(seed, "user-data"): c.userData, filepath.Join(seed, "meta-data"): c.metaData,
				filepath.Join(root, "etc/passwd"): "root:x:0:0:root:/root:/bin/sh\n", filepath.Join(root, "etc/shadow"): "",
			} {
				if err := put(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			sh(t, nil, filepath.Join(guestFiles(t), "seed"), seed, root)
			for file, want := range map[string]string{
				"etc/hostname": c.hostname + "\n", "root/.ssh/authorized_keys": c.keys, "etc/dropbear/openssh_host_key": c.host,
			} {
				got, err := os.ReadFile(filepath.Join(root, file))
				if err != nil || string(got) != want {
					t.Errorf("%s is %q (%v), want %q", file, got, err, want)
				}
			}
			users, _ := os.ReadFile(filepath.Join(root, "etc/passwd"))
			if c.user != "" && !strings.Contains(string(users), "\n"+c.user+":x:0:0:") {
				t.Errorf("no user %s in %q", c.user, users)
			}
			if n := strings.Count(string(users), "root:x"); n != 1 {
				t.Errorf("root is there %d times", n)
			}
		})
	}
}

// TestGuestDHCPHook runs the hook with an ip that writes down how it is called.
func TestGuestDHCPHook(t *testing.T) {
	dir := guestFiles(t)
	bin := t.TempDir()
	fake := "#!/bin/sh\necho \"$*\" >>\"$CALLS\"\n"
	if err := put(filepath.Join(bin, "ip"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	lease := []string{"ip=10.0.2.2", "mask=24", "router=10.0.2.1", "dns=10.96.0.10", "mtu=1400", "lease=86313600", "hostname=vm-a", "domain=cluster.local"}
	for name, c := range map[string]struct {
		event string
		env   []string
		calls string
	}{
		"bound": {"bound", append([]string{"interface=eth0"}, lease...), `link set eth0 mtu 1400
-4 addr flush dev eth0 scope global
addr replace 10.0.2.2/24 brd + dev eth0 metric 100 valid_lft 86313600 preferred_lft 86313600
route replace default via 10.0.2.1 dev eth0 proto dhcp src 10.0.2.2 metric 100
`},
		"renew on the second NIC, without MTU": {"renew", []string{"interface=eth1", "ip=192.168.1.5", "mask=24", "lease=3600"}, `addr replace 192.168.1.5/24 brd + dev eth1 metric 101 valid_lft 3600 preferred_lft 3600
`},
		"classless routes hide the router": {"bound", append([]string{"interface=eth1", "staticroutes=10.9.0.0/16 10.0.2.9 10.8.0.1/32 0.0.0.0"}, lease...), `link set eth1 mtu 1400
-4 addr flush dev eth1 scope global
addr replace 10.0.2.2/24 brd + dev eth1 metric 101 valid_lft 86313600 preferred_lft 86313600
route replace 10.9.0.0/16 via 10.0.2.9 dev eth1 proto dhcp src 10.0.2.2 metric 101
route replace 10.8.0.1/32 dev eth1 proto dhcp src 10.0.2.2 metric 101 scope link
`},
		"deconfig": {"deconfig", []string{"interface=eth0"}, "-4 addr flush dev eth0\nlink set eth0 up\n"},
		"nak":      {"nak", []string{"interface=eth0"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for _, d := range []string{"run", "etc", "dev"} {
				if err := os.Mkdir(filepath.Join(root, d), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			calls := filepath.Join(root, "calls")
			env := append([]string{"PATH=" + bin + ":" + os.Getenv("PATH"), "CALLS=" + calls, "GUEST_ROOT=" + root}, c.env...)
			sh(t, env, filepath.Join(dir, "dhcp"), c.event)
			got, err := os.ReadFile(calls)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			if string(got) != c.calls {
				t.Errorf("calls\n%swant\n%s", got, c.calls)
			}
			if name != "bound" {
				return
			}
			for file, want := range map[string]string{
				"etc/resolv.conf": "search cluster.local\nnameserver 10.96.0.10\n",
				"run/lease.eth0":  "ip=10.0.2.2\nmask=24\nrouter=10.0.2.1\ndns=10.96.0.10\nmtu=1400\nlease=86313600\nhostname=vm-a\ndomain=cluster.local\n",
				"dev/console":     "guest: eth0 has 10.0.2.2/24\n",
			} {
				if got, _ := os.ReadFile(filepath.Join(root, file)); string(got) != want {
					t.Errorf("%s is %q, want %q", file, got, want)
				}
			}
		})
	}
}

// TestInitramfs reads the archive back as the kernel does.
func TestInitramfs(t *testing.T) {
	root := t.TempDir()
	if err := put(filepath.Join(root, "bin/tool"), []byte("hello"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := link("bin/tool", filepath.Join(root, "init")); err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := writeInitramfs(&buf, root); err != nil {
		t.Fatal(err)
	}
	data := buf.Bytes()
	got := map[string]string{}
	for at := 0; ; {
		if string(data[at:at+6]) != "070701" {
			t.Fatalf("no header at %d: %q", at, hex.EncodeToString(data[at:at+6]))
		}
		field := func(i int) int {
			n, err := strconv.ParseInt(string(data[at+6+8*i:at+14+8*i]), 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			return int(n)
		}
		mode, size, nameSize := field(1), field(6), field(11)
		name := string(data[at+110 : at+110+nameSize-1])
		if name == "TRAILER!!!" {
			break
		}
		at = (at + 110 + nameSize + 3) / 4 * 4
		got[name] = strconv.FormatInt(int64(mode), 8) + " " + string(data[at:at+size])
		at = (at + size + 3) / 4 * 4
	}
	for name, want := range map[string]string{"bin": "40755 ", "bin/tool": "100755 hello", "init": "120777 bin/tool"} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
}
