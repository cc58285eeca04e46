package images

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/internal/tail"
)

func TestDebianMirror(t *testing.T) {
	for name, c := range map[string]struct{ sources, want string }{
		"deb822":       {"Types: deb\nURIs: http://deb.debian.org/debian\nSuites: bookworm\n", "http://deb.debian.org/debian"},
		"one line":     {"deb https://mirror.example.org/debian/ trixie main\n", "https://mirror.example.org/debian"},
		"options":      {"deb [arch=amd64 signed-by=/x.gpg] http://a.example.org/debian trixie main", "http://a.example.org/debian"},
		"security":     {"deb http://deb.debian.org/debian-security trixie-security main", ""},
		"other vendor": {"deb https://packages.example.org/apt stable main", ""},
		"ubuntu":       {"URIs: http://archive.ubuntu.com/ubuntu/", ""},
		"comment":      {"# deb http://deb.debian.org/debian trixie main", ""},
		"mirror list":  {"deb mirror+file:/etc/apt/mirrors/debian.list trixie main", ""},
	} {
		if got := debianMirror(c.sources); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func FuzzDebianMirror(f *testing.F) {
	f.Add("deb [a=b] http://x/debian y main\nURIs: https://z/debian/")
	f.Fuzz(func(t *testing.T, s string) {
		if m := debianMirror(s); m != "" && (!strings.HasPrefix(m, "http") || strings.ContainsAny(m, " \n")) {
			t.Errorf("mirror %q", m)
		}
	})
}

func TestArchiveNames(t *testing.T) {
	got := archiveNames("lock\npartial\nbusybox-static_1%3a1.37.0-6+b9_amd64.deb\ndash_0.5.12-12_amd64.deb\n")
	if want := []string{"busybox-static 1:1.37.0-6+b9", "dash 0.5.12-12"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestModulesAndWhatTheyNeed(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"kernel/net/virtio_net.ko.xz", "kernel/char/virtio-rng.ko", "modules.builtin"} {
		if err := put(dir+"/"+f, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := moduleFiles(dir)
	want := map[string]string{"virtio_net": "kernel/net/virtio_net.ko.xz", "virtio_rng": "kernel/char/virtio-rng.ko"}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v %v, want %v", got, err, want)
	}
	for modinfo, want := range map[string]string{
		"license=GPL\x00depends=net_failover,failover\x00name=virtio_net\x00": "net_failover failover",
		"depends=\x00name=failover\x00":                                       "",
		"":                                                                    "",
	} {
		if got := strings.Join(dependsOf([]byte(modinfo)), " "); got != want {
			t.Errorf("%q needs %q, want %q", modinfo, got, want)
		}
	}
}

// The words are those of the go command.
func TestBuildFailureSaysWhatToDo(t *testing.T) {
	b := testBuilder(t)
	b.goEnv["GOPROXY"] = "https://proxy.example.org"
	c, _ := find("multus")
	for words, want := range map[string]string{
		"gopkg.in/k8snetworkplumbingwg/multus-cni.v4@v4.99.0: invalid version: unknown revision v4.99.0": "change the version in images/components/multus/go.mod.txt",
		"reading https://proxy.example.org/x/@v/v4.99.9.info: 403 Forbidden":                             "change the version in images/components/multus/go.mod.txt",
		"reading https://proxy.example.org/x/@v/v9.9.9.mod: 404 Not Found":                               "https://proxy.example.org",
		"Get \"https://proxy.example.org/x\": dial tcp: lookup proxy.example.org: no such host":          "check the network and GOPROXY",
		"go: go.mod requires go >= 1.99.0 (running go 1.26.8; GOTOOLCHAIN=local)":                        "install a newer one",
		"x.go:1:2: undefined: y": "logs/bin-multus",
	} {
		err := b.explain(t.Context(), c, errors.New("exit status 1:\n"+words))
		line, details, _ := strings.Cut(err.Error(), "\n")
		for _, part := range []string{"component multus", c.version(), "exit status 1", want} {
			if !strings.Contains(line, part) {
				t.Errorf("%q lacks %q in its first line", err, part)
			}
		}
		if details != words {
			t.Errorf("%q: lacks %q below", err, words)
		}
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	l := &lastWords{max: 100}
	for range 200 {
		if _, err := l.Write([]byte("filler line\n")); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = l.Write([]byte("the end\n"))
	if got := strings.Join(tail.Lines(string(l.buf), 2), "\n"); got != "filler line\nthe end" {
		t.Errorf("%q", got)
	}
	if len(l.buf) > 300 {
		t.Errorf("keeps %d bytes", len(l.buf))
	}
}

// A changed go.mod without its go.sum makes the go command speak of go.sum
// alone: whether the version is there at all is asked of the proxy.
func TestBuildFailureAsksForTheVersion(t *testing.T) {
	c, _ := find("multus")
	b := testBuilder(t)
	proxy := t.TempDir()
	b.goEnv["GOPROXY"], b.goEnv["GOMODCACHE"], b.goEnv["GOSUMDB"] = "file://"+proxy, t.TempDir(), "off"
	words := errors.New("missing go.sum entry for module providing package x")
	if err := b.explain(t.Context(), c, words); !strings.Contains(err.Error(), "change the version in") {
		t.Errorf("the version is not there, and the error says %q", err)
	}
	info := `{"Version":"` + c.version() + `"}`
	for ending, text := range map[string]string{"info": info, "mod": "module " + c.module + "\n"} {
		if err := put(proxy+"/"+c.module+"/@v/"+c.version()+"."+ending, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.explain(t.Context(), c, words); !strings.Contains(err.Error(), "lockfile is incomplete") {
		t.Errorf("the version is there, and the error says %q", err)
	}
}
