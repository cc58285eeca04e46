package fault

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

// trunk is the physical side as beds of our own have it.
var trunk = &bed.Physical{Network: "trunk", Bridge: "br-trunk", Peers: []bed.VLANPeer{
	{HostSpec: bed.HostSpec{Name: "vlan-1925", Address: "198.51.100.1"}, VLAN: 1925, Prefix: 24},
	{HostSpec: bed.HostSpec{Name: "vlan-1924", Address: "192.0.2.1"}, VLAN: 1924, Prefix: 24, DHCP: true}}}

func onVLAN(name string) model.VMSpec {
	return model.VMSpec{Name: name, Interfaces: []model.InterfaceSpec{{Name: "default"}, {Name: "nic-vlan-1924", MAC: "02:86:5E:00:00:14"}}}
}

func TestPhysicalVariables(t *testing.T) {
	v := map[string]string{}
	if err := ofUnderlay(v, trunk); err != nil {
		t.Fatal(err)
	}
	ofLeases(v, []model.VMSpec{{Name: "vm-a", Interfaces: []model.InterfaceSpec{{}}}, onVLAN("vm-l")},
		[]model.ServedLease{{MAC: "02:86:5e:00:00:13", IP: "192.0.2.130"}, {MAC: "02:86:5e:00:00:14", IP: "192.0.2.139"}}, "vm-l")
	want := map[string]string{"bridge": "br-trunk", "vlan": "1924", "peer": "192.0.2.1", "dhcp": "/run/vmnet-dhcp-1924", "other": "198.51.100.1",
		"other_vlan": "1925", "no_vlan": "4094", "free_1": "192.0.2.2", "free_2": "192.0.2.3", "vm_l_vlan": "192.0.2.139",
		"vlan_mac": "02:86:5e:00:00:14", "vlan_ip": "192.0.2.139"}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("%v", v)
	}
}

// TestBesides: addresses in the host's half of the subnet, not its own, nor the subnet's first and last.
func TestBesides(t *testing.T) {
	for at, want := range map[string]string{"192.0.2.1/24": "[192.0.2.2 192.0.2.3]", "192.0.2.2/24": "[192.0.2.1 192.0.2.3]",
		"192.0.2.254/24": "[192.0.2.129 192.0.2.130]", "192.0.2.1/30": "", "x/24": "", "192.0.2.1/32": ""} {
		address, prefix, _ := strings.Cut(at, "/")
		h := bed.VLANPeer{HostSpec: bed.HostSpec{Address: address}, Prefix: map[string]int{"24": 24, "30": 30, "32": 32}[prefix]}
		got, err := besides(h)
		if (err != nil) != (want == "") || err == nil && textOf(got) != want {
			t.Errorf("%s: %v %v", at, got, err)
		}
	}
}

func textOf[T interface{ String() string }](all []T) string {
	var words []string
	for _, a := range all {
		words = append(words, a.String())
	}
	return "[" + strings.Join(words, " ") + "]"
}

func TestPlacesOnThePhysicalSide(t *testing.T) {
	w := &World{Bed: &bed.Bed{}, Facts: model.Facts{Nodes: []model.Node{{Name: "n1"}, {Name: "n2"}}}}
	spots, err := w.spots(t.Context(), Switches, "vm-l")
	if err != nil || len(spots) != 2 || spots[1] != (spot{Where: Switch, Of: "vm-l", Node: "n2"}) {
		t.Errorf("%v %v", spots, err)
	}
	if spots, err := w.spots(t.Context(), VLANHost, "vm-l"); err != nil || len(spots) != 1 {
		t.Errorf("%v %v", spots, err)
	}
	if _, _, err := (spot{Where: VLANHost}).enter(t.Context(), w); err == nil {
		t.Error("a bed without a physical side has a host on a VLAN")
	}
	w.Bed.Underlay = &bed.Underlay{Physical: trunk}
	if _, _, err := (spot{Where: VLANHost}).enter(t.Context(), w); err == nil || !strings.Contains(err.Error(), "vlan-1924") {
		t.Errorf("%v", err)
	}
}

// TestServedLine runs the scripts on files as the DHCP server's are.
func TestServedLine(t *testing.T) {
	const mine, others = "02:86:5e:00:00:18,set:norouter", "02:86:5e:00:00:1a,set:norouter"
	dir := t.TempDir()
	at := func(file string) string { return filepath.Join(dir, file) }
	hosts := func() string {
		raw, err := os.ReadFile(at("hosts"))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	run := func(dhcp, script string) (string, error) {
		return shell{}.Run(t.Context(), "set -e\ndhcp="+dhcp+" vlan_mac=02:86:5e:00:00:18 was="+mine+" free_1=192.0.2.2\n"+script)
	}
	for file, text := range map[string]string{"hosts": mine + "\n" + others + "\n", "pid": "0\n"} {
		if err := os.WriteFile(at(file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if was, err := run(dir, servedNow); err != nil || strings.TrimSpace(was) != mine {
		t.Errorf("%q %v", was, err)
	}
	for _, c := range []struct{ script, want string }{
		{served(""), others + "\n"}, {served(""), others + "\n"}, {served("$was"), others + "\n" + mine + "\n"}, {served("$was"), others + "\n" + mine + "\n"},
		{served("$was,$free_1"), others + "\n" + mine + ",192.0.2.2\n"}, {served("$was"), others + "\n" + mine + "\n"},
	} {
		if out, err := run(dir, c.script); err != nil || hosts() != c.want {
			t.Errorf("%s: %q %v, hosts %q", c.script, out, err, hosts())
		}
	}
	if out, err := run(at("gone"), served("$was")); err != nil {
		t.Errorf("a server that is gone: %q %v", out, err)
	}
}

// TestMappedAndBack: what others have written meanwhile stays.
func TestMappedAndBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mappings")
	tools := `vs() { case "$*" in
*get*) printf '"%s"\n' "$(cat ` + file + `)" ;;
*set*) for a; do :; done; printf %s "${a#*=}" | tr -d '"' > ` + file + ` ;; esac; }
bridge=br-trunk
`
	step := func(before, script, want string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := shell{}.Run(t.Context(), "set -e\n"+tools+script)
		raw, _ := os.ReadFile(file)
		if err != nil || string(raw) != want {
			t.Errorf("%q %v: %s", out, err, raw)
		}
	}
	step("physnet:breth0,trunk:br-trunk", mapped.Change, "physnet:breth0,trunk:br-trunk,vmnet-unmapped:br-trunk")
	step("physnet:breth0,trunk:br-trunk,vmnet-unmapped:br-trunk", mapped.Revert, "physnet:breth0,trunk:br-trunk")
	step("physnet:breth0,trunk:br-trunk,vmnet-unmapped:br-trunk,x:y", mapped.Revert, "physnet:breth0,trunk:br-trunk,x:y")
	step("physnet:breth0,trunk:br-trunk", mapped.Revert, "physnet:breth0,trunk:br-trunk")
}

// TestVLANSwitch reads OVN's rows as its tools print them.
func TestVLANSwitch(t *testing.T) {
	const tools = `port=s4_virt-launcher-vm-l-4qd6j
nb() { case "$*" in
"--bare --columns=name find Logical_Switch_Port external_ids:pod=true") printf '%s\n' s4_virt-launcher-vm-l-4qd6j '' s4_client '' s4.demo.vlan.1924_s4_virt-launcher-vm-l-4qd6j ;;
"lsp-get-ls s4.demo.vlan.1924_s4_virt-launcher-vm-l-4qd6j") echo "7c1b7faf-bbad-4470-97b5-5464f4103aa2 (demo.vlan.1924_ovn_localnet_switch)" ;;
"--bare --columns=ports list Logical_Switch demo.vlan.1924_ovn_localnet_switch") echo u1 u2 ;;
"get Logical_Switch_Port u1 type") echo '""' ;;
"get Logical_Switch_Port u2 type") echo localnet ;;
"get Logical_Switch_Port u2 tag_request") echo 1924 ;;
*) echo "asked: $*" >&2; return 1 ;;
esac; }
`
	if out, err := (shell{}).Run(t.Context(), "set -e\n"+tools+vlanSwitch); err != nil || strings.TrimSpace(out) != "demo.vlan.1924_ovn_localnet_switch" {
		t.Errorf("%q %v", out, err)
	}
	if out, err := (shell{}).Run(t.Context(), "set -e\n"+tools+otherTag("vm-l")[1].(Script).Save); err != nil || strings.TrimSpace(out) != "u2 1924" {
		t.Errorf("%q %v", out, err)
	}
	if out, err := (shell{}).Run(t.Context(), "set -e\n"+tools+"port=x\n"+vlanSwitch); err == nil {
		t.Errorf("a VM without such a port: %q", out)
	}
}

// TestFlowsAreTakenBack: a fault's own flows, also where there are none, and where the bridge went.
func TestFlowsAreTakenBack(t *testing.T) {
	seen := map[string]string{}
	for _, f := range localnet() {
		for _, s := range f.Steps {
			s, ok := s.(Script)
			if !ok || !strings.Contains(s.Change, "add-flow") {
				continue
			}
			cookie := regexp.MustCompile(`cookie=(0x[0-9a-f]+)`).FindStringSubmatch(s.Change)
			if cookie == nil || !strings.Contains(s.Revert, "cookie="+cookie[1]+"/-1") || strings.Count(s.Change, cookie[0]) != strings.Count(s.Change, "add-flow") {
				t.Errorf("%s: its flows are not taken back by their cookie", f.ID)
				continue
			}
			if seen[cookie[1]] != "" {
				t.Errorf("%s and %s take back each other's flows", f.ID, seen[cookie[1]])
			}
			seen[cookie[1]] = f.ID
			if out, err := (shell{}).Run(t.Context(), "set -e\nbridge=vmnet-no-such\n"+s.Revert); err != nil {
				t.Errorf("%s: a bridge that is gone: %q %v", f.ID, out, err)
			}
		}
	}
	if len(seen) == 0 {
		t.Error("no fault adds flows")
	}
}
