package kind

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// engineOf is a docker command that writes down what it is asked, a line a call, and answers by a shell's case on it.
func engineOf(t *testing.T, cases string) (e Engine, asked func() []string) {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\nline=$(printf '%s ' \"$@\" | tr '\\n' ' ')\necho \"$line\" >>" + dir + "/asked\ncd " + dir + "\ncase \"$*\" in\n" + cases + "esac\n"
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(script), 0o755); err != nil { //nolint:gosec // a command
		t.Fatal(err)
	}
	return Engine{BinDir: dir}, func() []string {
		text, err := os.ReadFile(filepath.Join(dir, "asked"))
		if err != nil {
			t.Fatal(err)
		}
		return lines(string(text))
	}
}

const physicalAnswers = `"ps "*) echo c-worker; echo c-control-plane ;;
"network inspect "*" c-trunk") echo 0123456789ab ;;
"inspect "*c-control-plane) echo 172.19.0.2 ;;
"inspect "*c-worker) echo 172.19.0.3 ;;
"inspect "*c-vlan-1924) echo 172.19.0.4 ;;
"inspect "*c-vlan-1925) echo 172.19.0.5 ;;
"exec c-control-plane ip "*) echo '2: eth0    inet 172.18.0.2/16 scope global eth0'; echo '3: eth1    inet 172.19.0.2/16 scope global eth1' ;;
"exec c-worker ip "*) echo '3: LINK    inet 172.19.0.3/16 scope global LINK' ;;
"exec c-vlan-1924 ip "*) echo '2: eth0    inet 172.19.0.4/16 scope global eth0' ;;
"exec c-vlan-1925 ip "*) echo '2: eth0    inet 172.19.0.5/16 scope global eth0' ;;
`

func physicalOptions(e Engine) *Options {
	return &Options{Name: "c", NodeImage: "node:1", Engine: e, Components: Source{}}
}

func TestStartPhysical(t *testing.T) {
	e, asked := engineOf(t, strings.ReplaceAll(physicalAnswers, "LINK", "eth1"))
	p, err := startPhysical(t.Context(), physicalOptions(e))
	if err != nil {
		t.Fatal(err)
	}
	peer := func(name, address string, vlan int, dhcp bool) bed.VLANPeer {
		return bed.VLANPeer{VLAN: vlan, Prefix: 24, DHCP: dhcp, HostSpec: bed.HostSpec{Name: name, Address: address, Interface: "eth0",
			Container: &bed.ContainerExec{Name: "c-" + name, BinDir: e.BinDir}}}
	}
	want := &bed.Physical{Network: "trunk", Bridge: "br-trunk", Interface: "eth1",
		Peers: []bed.VLANPeer{peer("vlan-1924", "192.0.2.1", 1924, true), peer("vlan-1925", "198.51.100.1", 1925, false)}}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("%+v", p)
	}
	file := filepath.Join(t.TempDir(), UnderlayFile)
	if err := (&bed.Underlay{Physical: p}).Write(file); err != nil {
		t.Errorf("a bed does not take it: %v", err)
	}
	all := asked()
	for _, words := range []string{
		"network create --driver bridge --internal --label io.github.vmnet-project.cluster=c c-trunk",
		"network connect c-trunk c-control-plane", "network connect c-trunk c-worker",
		"--name c-vlan-1924 --hostname vlan-1924 --network c-trunk", "--name c-vlan-1925 --hostname vlan-1925 --network c-trunk",
		"run --detach --label io.github.vmnet-project.cluster=c --cap-add NET_ADMIN",
		"--network host --cap-add NET_ADMIN --entrypoint sh node:1 -c set -e", "hairpin off",
		"sh eth0 1924 192.0.2.1/24", "sh eth0 1925 198.51.100.1/24",
	} {
		if !slices.ContainsFunc(all, func(line string) bool { return strings.Contains(line, words) }) {
			t.Errorf("no %q in\n%s", words, strings.Join(all, "\n"))
		}
	}
	if last := all[len(all)-1]; !strings.HasSuffix(last, "sh 0123456789ab ") { // when every port is there
		t.Errorf("the last is %q", last)
	}
	for _, node := range []string{"c-control-plane", "c-worker"} { // its address must not stay as a route of the node
		if !slices.ContainsFunc(all, func(line string) bool {
			return strings.HasPrefix(line, "exec "+node+" sh -c") && strings.Contains(line, "flush") && strings.HasSuffix(line, "sh eth1 ")
		}) {
			t.Errorf("%s keeps the network's address", node)
		}
	}
}

func TestStartPhysicalTakesOverTheNetwork(t *testing.T) {
	e, asked := engineOf(t, `"network ls "*c-trunk*"label=io.github.vmnet-project.cluster=c"*) echo 0123 ;;
`+strings.ReplaceAll(physicalAnswers, "LINK", "eth1"))
	if _, err := startPhysical(t.Context(), physicalOptions(e)); err != nil {
		t.Fatal(err)
	}
	for _, line := range asked() {
		if strings.HasPrefix(line, "network create") {
			t.Error(line)
		}
	}
}

func TestStartPhysicalFails(t *testing.T) {
	for name, c := range map[string]struct{ cases, says string }{
		"no network":       {"\"network create \"*) echo no >&2; exit 1 ;;\n" + physicalAnswers, "making the physical side's network"},
		"no nodes":         {"\"ps \"*) ;;\n" + physicalAnswers, "the cluster has no nodes"},
		"not joined":       {"*\"c-trunk c-worker\") exit 1 ;;\n" + physicalAnswers, "joining c-worker to the physical side"},
		"links differ":     {strings.ReplaceAll(physicalAnswers, "LINK", "eth2"), `["eth1" "eth2"]: one name is needed`},
		"a peer is not up": {"*\"run \"*vlan-1925*) exit 1 ;;\n" + physicalAnswers, "starting the peer vlan-1925"},
		"ports reflect":    {"\"run --rm \"*) exit 1 ;;\n" + physicalAnswers, "the physical side's bridge"},
		"no VLAN link":     {"*\"sh eth0 1924 \"*) exit 1 ;;\n" + physicalAnswers, "VLAN 1924 of the peer vlan-1924"},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := engineOf(t, strings.ReplaceAll(c.cases, "LINK", "eth1"))
			if _, err := startPhysical(t.Context(), physicalOptions(e)); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
}

// What Delete takes follows from labels on the engine alone, so that nothing of this process needs to have lived.
func TestRemoveNetworks(t *testing.T) {
	const answers = `"network ls --filter label=io.github.vmnet-project.cluster=c "*) echo 1 kind; echo 2 c-trunk; echo 3 busy ;;
"network inspect "*" 3") echo 1 ;;
"network inspect "*) echo 0 ;;
`
	removed := func(asked []string) []string {
		return slices.DeleteFunc(asked, func(line string) bool { return !strings.HasPrefix(line, "network rm") })
	}
	e, asked := engineOf(t, answers)
	if err := removeNetworks(t.Context(), e, "c"); err != nil {
		t.Fatal(err)
	}
	if got := removed(asked()); !slices.Equal(got, []string{"network rm 1 ", "network rm 2 "}) {
		t.Errorf("%q", got)
	}
	e, asked = engineOf(t, "\"network rm 1\") exit 1 ;;\n"+answers)
	if err := removeNetworks(t.Context(), e, "c"); err == nil || !strings.Contains(err.Error(), "network kind: ") {
		t.Errorf("%v", err)
	}
	if got := removed(asked()); len(got) != 2 {
		t.Errorf("one that fails hides the other: %q", got)
	}
}

// An image that nobody publishes is built once.
func TestBuildImage(t *testing.T) {
	c := Published{}.VLANPeer("").Containers[0]
	if (Published{}).Outside("").Containers[0].Dockerfile != "" || !strings.Contains(c.Dockerfile, netshootImage) {
		t.Errorf("%+v", c)
	}
	e, asked := engineOf(t, `"image ls "*) [ ! -e built ] || echo 0123 ;;
"build "*) for dir; do :; done; cp "$dir/Dockerfile" built ;;
`)
	for range 2 {
		if err := buildImage(t.Context(), e, c); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(filepath.Join(e.BinDir, "built")); err != nil || string(text) != c.Dockerfile {
		t.Errorf("%q, %v", text, err)
	}
	builds := slices.DeleteFunc(asked(), func(line string) bool { return !strings.HasPrefix(line, "build ") })
	if len(builds) != 1 {
		t.Errorf("%q", builds)
	}
}
