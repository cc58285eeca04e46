package bed

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/vmnet-project/vmnet/framework/internal/sshtest"
)

const physicalText = `physical:
  network: trunk
  bridge: br-trunk
  interface: eth1
  peers:
  - {name: vlan-1924, vlan: 1924, address: 192.0.2.1, prefix: 24, interface: eth0, dhcp: true, container: {name: one}}
  - {name: vlan-1925, vlan: 1925, address: 198.51.100.1, prefix: 24, interface: eth0, ssh: {address: two, user: root, identityFile: key, knownHosts: known}}
`

func TestPhysicalIsRead(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, UnderlayFile)
	if err := os.WriteFile(file, []byte(physicalText), 0o600); err != nil {
		t.Fatal(err)
	}
	want := &Underlay{Physical: &Physical{Network: "trunk", Bridge: "br-trunk", Interface: "eth1", Peers: []VLANPeer{
		{HostSpec: HostSpec{Name: "vlan-1924", Address: "192.0.2.1", Interface: "eth0", Container: &ContainerExec{Name: "one"}}, VLAN: 1924, Prefix: 24, DHCP: true},
		{HostSpec: HostSpec{Name: "vlan-1925", Address: "198.51.100.1", Interface: "eth0", SSH: &SSHExec{Address: "two", User: "root",
			IdentityFile: filepath.Join(dir, "key"), KnownHosts: filepath.Join(dir, "known")}}, VLAN: 1925, Prefix: 24},
	}}}
	got, err := ReadUnderlay(file)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v, %v", got.Physical, err)
	}
	if err := got.Write(file); err != nil {
		t.Fatal(err)
	}
	if again, err := ReadUnderlay(file); err != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("written and read: %+v, %v", again.Physical, err)
	}
	got.Physical.Peers[0].VLAN = 0
	oneLineNaming(t, got.Write(file), file, "physical.peers[0].vlan is 0")
}

func TestPhysicalIsChecked(t *testing.T) {
	for name, c := range map[string]struct{ old, new, says string }{
		"VLAN 0":                {"vlan: 1924", "vlan: 0", "physical.peers[0].vlan is 0: a number from 1 to 4094 is needed"},
		"VLAN 4095":             {"vlan: 1925", "vlan: 4095", "physical.peers[1].vlan is 4095"},
		"negative VLAN":         {"vlan: 1925", "vlan: -1", "physical.peers[1].vlan is -1"},
		"two on one VLAN":       {"vlan: 1925", "vlan: 1924", "physical.peers[1].vlan is 1924, and so is another peer's"},
		"two on one subnet":     {"198.51.100.1", "192.0.2.129", "physical.peers[1].address: 192.0.2.0/24 on VLAN 1925 overlaps 192.0.2.0/24 on VLAN 1924"},
		"two of one name":       {"name: vlan-1925", "name: vlan-1924", "physical.peers: two hosts are named vlan-1924"},
		"physnet":               {"network: trunk", "network: physnet", "physical.network is physnet, which OVN-Kubernetes has"},
		"no network":            {"  network: trunk\n", "", "physical.network is missing"},
		"a network with ,":      {"network: trunk", "network: 'a,b'", `physical.network is "a,b"`},
		"a network with :":      {"network: trunk", "network: 'a:b'", `physical.network is "a:b"`},
		"no bridge":             {"  bridge: br-trunk\n", "", "physical.bridge is missing"},
		"a bridge with :":       {"bridge: br-trunk", "bridge: 'br:x'", `physical.bridge is "br:x"`},
		"a bridge's long name":  {"bridge: br-trunk", "bridge: br-of-sixteen-ch", "at most 15 characters"},
		"a link with ,":         {"interface: eth1\n", "interface: 'eth1,eth2'\n", `physical.interface is "eth1,eth2"`},
		"bridge and link alike": {"interface: eth1\n", "interface: br-trunk\n", "physical.interface and physical.bridge are both br-trunk"},
		"no peers":              {physicalText[strings.Index(physicalText, "  peers"):], "  peers: []\n", "physical.peers is empty"},
		"one peer":              {physicalText[strings.Index(physicalText, "  - {name: vlan-1925"):], "", "physical.peers has one host"},
		"no prefix":             {"prefix: 24", "prefix: 0", "physical.peers[0].prefix is 0"},
		"a prefix of 31":        {"prefix: 24", "prefix: 31", "physical.peers[0].prefix is 31"},
		"IPv6":                  {"192.0.2.1", "2001:db8::1", `physical.peers[0].address is "2001:db8::1": an IPv4 address is needed`},
		"a name as an IP":       {"192.0.2.1", "peer", `physical.peers[0].address is "peer": an IP address is needed`},
		"no way in":             {", container: {name: one}", "", "physical.peers[0].container or physical.peers[0].ssh is needed"},
		"two ways in":           {"ssh: {", "container: {name: two}, ssh: {", "physical.peers[1].container and physical.peers[1].ssh are both given"},
		"no interface":          {"24, interface: eth0", "24", "physical.peers[0].interface is missing"},
		"unknown field":         {"dhcp: true", "dhcpd: true", "dhcpd"},
		"outside by that name": {"physical:\n", "outside: {name: vlan-1925, address: 192.0.2.9, interface: eth0, container: {name: o}}\nphysical:\n",
			"two hosts are named vlan-1925"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), UnderlayFile)
			text := strings.Replace(physicalText, c.old, c.new, 1)
			if text == physicalText {
				t.Fatalf("%q is not there", c.old)
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := ReadUnderlay(file)
			oneLineNaming(t, err, file, c.says)
		})
	}
}

// physicalBed has a peer behind a docker command that answers, or does not, and one on a real SSH server.
func physicalBed(t *testing.T, docker string) (*Bed, *sshtest.Server) {
	t.Helper()
	host, _ := newKey(t)
	client, key := newKey(t)
	server := sshtest.Start(t, host, client.PublicKey())
	line := knownhosts.Line([]string{knownhosts.Normalize(server.Address)}, host.PublicKey())
	command := write(t, "docker", docker, 0o755)
	u := &Underlay{Physical: &Physical{Network: "trunk", Bridge: "br-trunk", Peers: []VLANPeer{
		{HostSpec: HostSpec{Name: "one", Address: "192.0.2.1", Interface: "eth0", Container: &ContainerExec{Name: "box", BinDir: filepath.Dir(command)}}, VLAN: 1, Prefix: 24},
		{HostSpec: HostSpec{Name: "two", Address: "198.51.100.1", Interface: "eth0", SSH: &SSHExec{Address: server.Address, User: "root",
			IdentityFile: write(t, "key", string(key), 0o600), KnownHosts: write(t, "known", line+"\n", 0o600)}}, VLAN: 2, Prefix: 24},
	}}}
	file := filepath.Join(t.TempDir(), UnderlayFile)
	if err := u.Write(file); err != nil {
		t.Fatal(err)
	}
	b := newBed()
	if err := b.openUnderlay(file); err != nil {
		t.Fatal(err)
	}
	return b, server
}

func TestPeers(t *testing.T) {
	b, _ := physicalBed(t, "#!/bin/sh\nshift 2; exec \"$@\"\n")
	if err := b.AskPeers(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p, ok := b.Physical(); !ok || p.Network != "trunk" {
		t.Errorf("%+v", p)
	}
	two, ok := b.Peer("two")
	if !ok || two.Place() != "peer two" || two.Address() != "198.51.100.1" {
		t.Fatalf("%v", two)
	}
	if _, ok := b.Peer("three"); ok {
		t.Error("a peer that the underlay does not name")
	}
	h := two.(*sshHost)
	if h.client == nil {
		t.Fatal("no connection to close")
	}
	if err := b.Close(t.Context()); err != nil || h.client != nil {
		t.Errorf("after Close: %v, %v", h.client, err)
	}
	if _, ok := (&Bed{}).Physical(); ok {
		t.Error("a physical side without an underlay")
	}
	if err := (&Bed{}).AskPeers(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPeersThatCannotBeReached(t *testing.T) {
	b, server := physicalBed(t, "#!/bin/sh\necho 'Error response from daemon: No such container: box' >&2\nexit 1\n")
	if two, _ := b.Peer("two"); two != nil {
		two.(*sshHost).address = "127.0.0.1:1" // nobody listens there
		_ = server
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := b.AskPeers(ctx)
	var input *InputError
	if !errors.As(err, &input) {
		t.Fatalf("%T: %v", err, err)
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 2 {
		t.Fatalf("want a line for each peer: %q", lines)
	}
	for i, words := range [][]string{{"physical.peers: one: cannot be reached", "No such container", "mend its container"},
		{"physical.peers: two: cannot be reached", "connection refused", "mend its ssh"}} {
		for _, w := range words {
			if !strings.Contains(lines[i], w) {
				t.Errorf("%q is not in %q", w, lines[i])
			}
		}
	}
}

func TestPeersFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), UnderlayFile)
	if err := os.WriteFile(file, []byte(physicalText), 0o600); err != nil {
		t.Fatal(err)
	}
	oneLineNaming(t, newBed().openUnderlay(file), "physical.peers[1].ssh.identityFile", "no such file")
}

// The example of the docs is a physical side as it is read.
func TestPhysicalExample(t *testing.T) {
	text, err := os.ReadFile("../../docs/physical-side.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(text), "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	u, err := parseUnderlay([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	if p := u.Physical; p == nil || len(p.Peers) != 2 || !p.Peers[0].DHCP || p.Peers[1].SSH == nil {
		t.Errorf("%+v", p)
	}
}
