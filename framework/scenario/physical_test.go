package scenario

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/bed"
)

var (
	trunk  = layout{Network: "trunk", Bridge: "br-trunk", Link: "eth1"}
	uplink = uplinkVLANs{tagged: []int{1924}, native: 1925}
)

// only says that all other runs are over; with none, all are.
func only(run string) overFunc { return func(other string, _ bool) bool { return other != run } }

// begin makes a node with OVN-Kubernetes' own bridges, and what comes on top.
func begin(t *testing.T, ovs vswitch, nic string, commands ...[]string) *fakeNode {
	t.Helper()
	n := newFakeNode(t, ovs, map[string]string{"eth0": "up -", "eth1": nic})
	s := nodeSwitch{name: "n1", runner: n}
	all := append([][]string{setExternalID("system-id", "x"), setExternalID("hostname", "n1"), {"add-br", "br-int"}, {"add-br", "breth0"}, {"add-port", "breth0", "eth0"}}, commands...)
	if err := s.commands(t.Context(), all...); err != nil {
		t.Fatal(err)
	}
	n.calls = 0
	return n
}

// befores are what a run may find on a node.
var befores = map[string]struct {
	nic      string
	commands [][]string
}{
	"as OVN-Kubernetes leaves it": {"up -", [][]string{setExternalID(mappingsKey, "physnet:breth0")}},
	"no mappings":                 {"down -", nil},
	"empty mappings":              {"up -", [][]string{setExternalID(mappingsKey, "")}},
	"others' mappings":            {"up -", [][]string{setExternalID(mappingsKey, "physnet:breth0, other:br-other,")}},
	"the bridge is there":         {"down -", [][]string{setExternalID(mappingsKey, "physnet:breth0"), {"add-br", "br-trunk"}}},
	"with the link in it":         {"up -", [][]string{setExternalID(mappingsKey, "physnet:breth0"), {"add-br", "br-trunk"}, {"add-port", "br-trunk", "eth1"}}},
	"mapped already":              {"up -", [][]string{setExternalID(mappingsKey, "physnet:breth0,trunk:br-trunk"), {"add-br", "br-trunk"}}},
	"all is there": {"up -", [][]string{setExternalID(mappingsKey, "trunk:br-trunk,physnet:breth0"), {"add-br", "br-trunk"},
		{"add-port", "br-trunk", "eth1"}}},
}

func TestPhysicalSideOfANode(t *testing.T) {
	for kind, makeSwitch := range switches(t) {
		for name, before := range befores {
			t.Run(kind+"/"+name, func(t *testing.T) {
				n := begin(t, makeSwitch(t), before.nic, before.commands...)
				s := nodeSwitch{name: "n1", runner: n}
				was := n.state()
				if err := s.join(t.Context(), trunk, uplink, "x1", false, only("x1")); err != nil {
					t.Fatal(err)
				}
				now, err := s.read(t.Context(), true)
				if err != nil {
					t.Fatal(err)
				}
				if now.bridgeOf("eth1") != "br-trunk" || now.bridgeOf(switchUplink) != "br-trunk" || now.bridgeOf("eth0") != "breth0" {
					t.Errorf("bridges: %v", now.bridges)
				}
				had, _, _ := strings.Cut(was[strings.Index(was, mappingsKey+"=")+1:], "\n")
				mappings := now.externalIDs[mappingsKey]
				if !strings.Contains(mappings, "trunk:br-trunk") || strings.Contains(had, "physnet:breth0") && !strings.Contains(mappings, "physnet:breth0") {
					t.Errorf("mappings: %q after %q", mappings, had)
				}
				if l, ok := now.link("eth1"); !ok || len(l.Flags) != 2 {
					t.Errorf("eth1 is not up: %v", l)
				}
				if raw, err := os.ReadFile(filepath.Join(n.links, "../vlans")); err != nil || string(raw) != "1924\n" {
					t.Errorf("VLANs of the uplink: %q, %v", raw, err)
				}
				if r, ok := n.ovs.(*remembered); ok && r.columns[switchUplink] != "vlan_mode=native-untagged tag=1925" {
					t.Errorf("the uplink is %v", r.columns)
				}
				// a second scenario of the process comes and goes
				if err := s.join(t.Context(), trunk, uplink, "x2", false, func(string, bool) bool { return false }); err != nil {
					t.Fatal(err)
				}
				if err := s.leave(t.Context(), "x1", func(string, bool) bool { return false }); err != nil {
					t.Fatal(err)
				}
				if again, err := s.read(t.Context(), true); err != nil || again.externalIDs[mappingsKey] != mappings || again.bridgeOf("eth1") != "br-trunk" {
					t.Errorf("the first one left: %v, %v", again, err)
				}
				if err := s.leave(t.Context(), "x2", only("")); err != nil {
					t.Fatal(err)
				}
				if is := n.state(); is != was {
					t.Errorf("before:\n%safter:\n%s", was, is)
				}
				if err := s.leave(t.Context(), "x2", only("")); err != nil || n.state() != was {
					t.Errorf("to leave twice: %v", err)
				}
			})
		}
	}
}

// Whichever command is the last before a kill, whether or not it happened: the next run restores the node. So it is when
// the kill comes while it is restored.
func TestPhysicalSideInterrupted(t *testing.T) {
	for kind, makeSwitch := range switches(t) {
		for name, before := range befores {
			for _, done := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/%t", kind, name, done), func(t *testing.T) {
					cuts := 0
					for broken := 1; ; broken++ {
						n := begin(t, makeSwitch(t), before.nic, before.commands...)
						was := n.state()
						n.broken, n.done = broken, done
						s := nodeSwitch{name: "n1", runner: n}
						err := s.join(t.Context(), trunk, uplink, "x1", false, only("x1"))
						if err == nil {
							err = s.leave(t.Context(), "x1", only(""))
						}
						cut := err != nil
						if cut && !errors.Is(err, errCut) {
							t.Fatalf("command %d: %v", broken, err)
						}
						n.broken = 0
						if _, err := s.restore(t.Context(), only("")); err != nil {
							t.Fatalf("cut at command %d: %v", broken, err)
						}
						if is := n.state(); is != was {
							t.Errorf("cut at command %d: before:\n%safter:\n%s", broken, was, is)
						}
						if !cut {
							break
						}
						cuts++
					}
					if cuts < 8 { // reads, a transaction, links and a port; a read, links and a transaction
						t.Errorf("%d commands were cut off", cuts)
					}
				})
			}
		}
	}
}

// The next run joins what a killed one left, and leaves the node as the killed one found it.
func TestPhysicalSideOfAKilledRun(t *testing.T) {
	for broken := 3; broken <= 6; broken++ {
		ovs := &remembered{externalIDs: map[string]string{mappingsKey: "physnet:breth0"}, bridges: map[string][]string{}}
		n := begin(t, ovs, "down -")
		was := n.state()
		s := nodeSwitch{name: "n1", runner: n}
		n.broken, n.done = broken, true
		if err := s.join(t.Context(), trunk, uplink, "x1", false, only("x1")); broken < 6 && !errors.Is(err, errCut) {
			t.Fatal(err)
		}
		n.broken = 0
		if err := s.join(t.Context(), trunk, uplink, "x2", false, only("x2")); err != nil {
			t.Fatal(err)
		}
		if note, err := noteIn(ovs.externalIDs); err != nil || len(note.Runs) != 1 || !note.Down || *note.Before != "physnet:breth0" {
			t.Errorf("cut at %d: %+v, %v", broken, note, err)
		}
		if err := s.leave(t.Context(), "x2", only("")); err != nil || n.state() != was {
			t.Errorf("cut at %d: %v\n%s", broken, err, n.state())
		}
	}
}

// What somebody else maps while a run is on stays; a kept run's share stays, too.
func TestPhysicalSideLeavesOthersAlone(t *testing.T) {
	ovs := &remembered{externalIDs: map[string]string{mappingsKey: "physnet:breth0"}, bridges: map[string][]string{}}
	n := begin(t, ovs, "up -")
	s := nodeSwitch{name: "n1", runner: n}
	if err := s.join(t.Context(), trunk, uplink, "kept", true, only("kept")); err != nil {
		t.Fatal(err)
	}
	ovs.externalIDs[mappingsKey] += ",other:br-other"
	keptStays := func(run string, kept bool) bool { return !kept }
	if note, err := s.restore(t.Context(), keptStays); err != nil || note == nil {
		t.Fatalf("%v, %v", note, err)
	}
	if err := s.join(t.Context(), layout{Network: "trunk", Bridge: "br-two", Link: "eth1"}, uplink, "x2", false, func(run string, kept bool) bool { return run != "x2" && !kept }); err == nil ||
		!strings.Contains(err.Error(), "run kept still has physical network trunk by bridge br-trunk") {
		t.Errorf("%v", err)
	}
	if err := s.leave(t.Context(), "kept", keptStays); err != nil {
		t.Fatal(err)
	}
	if got := ovs.externalIDs[mappingsKey]; got != "physnet:breth0,other:br-other" {
		t.Errorf("%q", got)
	}
}

func TestPhysicalSideRefuses(t *testing.T) {
	mapped := func(text string) []string { return setExternalID(mappingsKey, text) }
	for name, c := range map[string]struct {
		want     layout
		links    map[string]string
		commands [][]string
		says     string
	}{
		"no such link":        {want: layout{"trunk", "br-trunk", "eth7"}, says: "node n1: there is no link eth7 (physical.interface); NICs there: eth0, eth1"},
		"a link in use":       {want: layout{"trunk", "br-trunk", "eth0"}, says: "node n1: link eth0 is in bridge breth0 already"},
		"a link with address": {want: trunk, links: map[string]string{"eth1": `up - {"family":"inet","local":"10.0.0.5","prefixlen":24,"scope":"global"}`}, says: "link eth1 has the address 10.0.0.5/24, which would be cut off"},
		"mapped elsewhere":    {want: trunk, commands: [][]string{mapped("trunk:br-x")}, says: "physical network trunk is mapped to bridge br-x there, and not to br-trunk"},
		"broken mappings":     {want: trunk, commands: [][]string{mapped("trunk")}, says: "is not NETWORK:BRIDGE"},
		"nobody maps it": {want: layout{"trunk", "br-trunk", ""}, commands: [][]string{mapped("physnet:breth0")},
			says: `no bridge is mapped to physical network trunk (ovn-bridge-mappings is "physnet:breth0"): map one, or name the link in physical.interface`},
		"its bridge is missing": {want: layout{"trunk", "br-trunk", ""}, commands: [][]string{mapped("trunk:br-trunk")}, says: "Open vSwitch has none of that name"},
		"a foreign bridge":      {want: trunk, links: map[string]string{LinuxBridge: "up -"}, says: "a link vmnet-br0 that no run of vmnet has noted"},
		"a foreign note":        {want: trunk, commands: [][]string{setExternalID(noteKey, "hello")}, says: "take back by hand"},
	} {
		t.Run(name, func(t *testing.T) {
			n := begin(t, &remembered{externalIDs: map[string]string{}, bridges: map[string][]string{}}, "up -", c.commands...)
			for link, state := range c.links {
				if err := os.WriteFile(filepath.Join(n.links, link), []byte(state+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			was := n.state()
			err := nodeSwitch{name: "n1", runner: n}.join(t.Context(), c.want, uplink, "x1", false, only("x1"))
			var input *bed.InputError
			if !errors.As(err, &input) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want one line with %q", err, c.says)
			}
			if is := n.state(); is != was {
				t.Errorf("it was changed all the same:\n%s", is)
			}
		})
	}
}

// A user's own bridge and mapping are used as they are.
func TestPhysicalSideOfTheUser(t *testing.T) {
	n := begin(t, &remembered{externalIDs: map[string]string{}, bridges: map[string][]string{}}, "up -",
		setExternalID(mappingsKey, "trunk:br-own"), []string{"add-br", "br-own"}, []string{"add-port", "br-own", "eth1"})
	was := n.state()
	s := nodeSwitch{name: "n1", runner: n}
	if err := s.join(t.Context(), layout{Network: "trunk", Bridge: "br-own"}, uplink, "x1", false, only("x1")); err != nil {
		t.Fatal(err)
	}
	if now, err := s.read(t.Context(), false); err != nil || now.bridgeOf(switchUplink) != "br-own" || now.externalIDs[mappingsKey] != "trunk:br-own" {
		t.Errorf("%+v, %v", now, err)
	}
	if err := s.leave(t.Context(), "x1", only("")); err != nil || n.state() != was {
		t.Errorf("%v\n%s", err, n.state())
	}
}

func TestUplinkOf(t *testing.T) {
	peer := func(vlan int, dhcp bool) bed.VLANPeer { return bed.VLANPeer{VLAN: vlan, DHCP: dhcp} }
	for name, c := range map[string]struct {
		peers []bed.VLANPeer
		want  string
	}{
		"as kind has it":  {[]bed.VLANPeer{peer(1924, true), peer(1925, false)}, "{[1924] 1925}"},
		"three":           {[]bed.VLANPeer{peer(5, false), peer(6, true), peer(7, false)}, "{[5 6] 7}"},
		"DHCP everywhere": {[]bed.VLANPeer{peer(5, true), peer(6, true)}, "{[5 6] 0}"},
	} {
		if got := fmt.Sprint(uplinkOf(&bed.Physical{Peers: c.peers})); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
