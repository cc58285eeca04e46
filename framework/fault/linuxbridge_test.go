package fault

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

// unbridged takes a port from its bridge, by its number.
func unbridged(o *model.Observation, index int, path string) {
	links := at(o, model.Steady).Hosts["n2"].Links.Value
	for i := range links {
		if links[i].Index == index {
			links[i].Master = ""
		}
	}
	ofPath(o, path, false)
}

var bridgeSeen = seenBy{
	"LB-01/bridge-port": func(o *model.Observation) { unbridged(o, 50, "vm-b1>pod/neighbour#plain") },
	"LB-04/bridge-port": func(o *model.Observation) { unbridged(o, 100, "vm-b2>pod/neighbour#cnv") },
	"LB-02/other-tag": func(o *model.Observation) {
		const path = "vm-b1>peer/vlan-1924#access"
		ofPath(o, path, false)
		s := at(o, model.Steady)
		f := s.Frames[path]
		f.Value = []model.Frame{{SrcMAC: "02:86:5e:00:00:22", DstMAC: "ff:ff:ff:ff:ff:ff", Proto: "arp", VLANs: []int{1925}}} // the native VLAN of the node's bridge
		s.Frames[path] = f
	},
	"LB-03/vlan-filter": func(o *model.Observation) {
		const path = "vm-b1>peer/vlan-1924#trunk"
		ofPath(o, path, false)
		s := at(o, model.Steady)
		f := s.Frames[path]
		f.Value = []model.Frame{}
		s.Frames[path] = f
		links := s.VMs["vm-b1"].Guest.Links.Value
		links[len(links)-1].Addresses = nil // nobody gives one
	},
	"MC-01/config-renamed": ofCNI(func(c *model.CNI) { c.File, c.Type, c.Delegate = "10-ovn-kubernetes.conf", "ovn-k8s-cni-overlay", "" }),
	"MC-02/no-binary": ofCNI(func(c *model.CNI) {
		c.Binaries = slices.DeleteFunc(c.Binaries, func(b string) bool { return b == "tuning" })
	}),
	"MC-03/mac": ofLink("vm-b1", launcherLinksOf, "poda116c9ed46d", func(l *model.Link) { l.MAC = "02:00:00:00:00:77" }),
	"MC-04/sysctl": func(o *model.Observation) {
		at(o, model.Steady).Physical.Sysctls["vm-b1"].Value["net.ipv4.conf.aba407b81ed-nic.drop_gratuitous_arp"] = "0"
	},
}

func ofCNI(change func(*model.CNI)) func(*model.Observation) {
	return func(o *model.Observation) {
		s := at(o, model.Steady)
		c := s.Physical.CNI["n2"]
		change(&c.Value)
		s.Physical.CNI["n2"] = c
	}
}

// nodeTools stand for a node: its ports' VLANs are a file's lines, as iproute2 prints them.
const nodeTools = `nsenter() { shift 3; "$@"; }
ip() {
case "$*" in
"-o link show dev "*) echo '3: aaf-nic@if50: <BROADCAST> mtu 1500' ;;
"-o link") printf '%s\n' '5: veth5@if3: <UP>' '50: veth9f2a@if3: <UP>' '150: veth1@if3: <UP>' ;;
*) echo "ip $*" >>"$dir/log" ;;
esac; }
bridge() {
case "$*" in
"-j vlan show dev veth9f2a") printf '[{"ifname":"veth9f2a","vlans":['; paste -sd, "$dir/vlans" | tr -d '\n'; echo ']}]' ;;
"vlan add dev veth9f2a vid 1 pvid untagged") sed -i "/\"vlan\":1[,}]/d" "$dir/vlans"; sed -i 's/"PVID",//' "$dir/vlans"; echo '{"vlan":1,"flags":["PVID","Egress Untagged"]}' >>"$dir/vlans" ;;
"vlan add dev veth9f2a vid 1924 pvid untagged") sed -i "/\"vlan\":1924[,}]/d" "$dir/vlans"; sed -i 's/"PVID",//' "$dir/vlans"; echo '{"vlan":1924,"flags":["PVID","Egress Untagged"]}' >>"$dir/vlans" ;;
"vlan add dev veth9f2a vid 1924") sed -i "/\"vlan\":1924[,}]/d" "$dir/vlans"; echo '{"vlan":1924}' >>"$dir/vlans" ;;
"vlan del dev "*) grep -q "\"vlan\":$6[,}]" "$dir/vlans" || return 2; sed -i "/\"vlan\":$6[,}]/d" "$dir/vlans" ;;
*) echo "asked: bridge $*" >&2; return 1 ;;
esac; }
`

// The ports' VLANs are as before once a fault is taken back, twice, whether the plugin lets VLAN 1 through or not.
func TestPortVLANs(t *testing.T) {
	const one, pvid1 = `{"vlan":1,"flags":["Egress Untagged"]}`, `{"vlan":1,"flags":["PVID","Egress Untagged"]}`
	const access, tagged = `{"vlan":1924,"flags":["PVID","Egress Untagged"]}`, `{"vlan":1924}`
	for name, tc := range map[string]struct {
		s             Script
		before, after []string
	}{
		"access, VLAN 1 kept": {accessVLAN("vm-b1", "access"), []string{one, access}, []string{pvid1}},
		"access":              {accessVLAN("vm-b1", "access"), []string{access}, []string{pvid1}},
		"trunk, VLAN 1 kept":  {trunkFiltered("vm-b1", "trunk"), []string{pvid1, tagged}, []string{pvid1}},
		"trunk":               {trunkFiltered("vm-b1", "trunk"), []string{tagged}, nil},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "vlans")
		if err := os.WriteFile(file, []byte(strings.Join(tc.before, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		run := func(script string) string {
			out, err := shell{}.Run(t.Context(), "set -e\ndir="+dir+"\n"+nodeTools+script)
			if err != nil {
				t.Fatalf("%s: %s: %v", name, script, err)
			}
			return strings.TrimSpace(out)
		}
		now := func() []string {
			raw, err := os.ReadFile(file) //nolint:gosec // a test's own
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Fields(strings.ReplaceAll(string(raw), "Egress Untagged", "Egress-Untagged"))
			slices.Sort(lines)
			return lines
		}
		before := now()
		was := "was='" + run(tc.s.Save) + "'\n"
		if !strings.HasPrefix(was, "was='veth9f2a 1924") {
			t.Errorf("%s: %s", name, was)
		}
		run(was + tc.s.Change)
		changed := strings.ReplaceAll(strings.Join(tc.after, " "), "Egress Untagged", "Egress-Untagged")
		if got := strings.Join(now(), " "); got != changed {
			t.Errorf("%s: changed to %s, want %s", name, got, changed)
		}
		for range 2 {
			run(was + tc.s.Revert)
			if got := now(); !slices.Equal(got, before) {
				t.Errorf("%s: %q, before %q", name, got, before)
			}
		}
	}
}

// Files that a fault hides come back, also a second time.
func TestHiddenFiles(t *testing.T) {
	for name, tc := range map[string]struct {
		s     Script
		files []string
		gone  string
	}{
		"configuration": {configRenamed, []string{"etc/cni/net.d/10-ovn.conf", "etc/cni/net.d/00-multus.conflist"}, "etc/cni/net.d/00-multus.conflist"},
		"program":       {pluginGone, []string{"opt/cni/bin/tuning", "opt/cni/bin/bridge"}, "opt/cni/bin/tuning"},
	} {
		root := t.TempDir()
		for _, f := range tc.files {
			f = filepath.Join(root, f)
			if err := os.MkdirAll(filepath.Dir(f), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(f, []byte(f), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		run := func(script string) string {
			out, err := shell{}.Run(t.Context(), "set -e\n"+strings.ReplaceAll(script, "/proc/1/root", root))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return strings.TrimSpace(out)
		}
		hidden := filepath.Join(root, tc.gone)
		was := run(tc.s.Save)
		if was != hidden {
			t.Errorf("%s: %q, want %q", name, was, hidden)
		}
		run("was=" + was + "\n" + tc.s.Change)
		if _, err := os.Stat(hidden); err == nil {
			t.Errorf("%s: %s is still there", name, hidden)
		}
		for range 2 {
			run("was=" + was + "\n" + tc.s.Revert)
			if raw, err := os.ReadFile(hidden); err != nil || string(raw) != hidden { //nolint:gosec // a test's own
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
