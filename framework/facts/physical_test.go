package facts

import (
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

func TestSwitchOf(t *testing.T) {
	recorded, err := os.ReadFile("testdata/ovs-config.json")
	if err != nil {
		t.Fatal(err)
	}
	const none = `{"data":[[["map",[["system-id","x"]]]]],"headings":["external_ids"]}`
	for name, tc := range map[string]struct {
		out, file, err string
		mappings       map[string]string
	}{
		"recorded":      {out: string(recorded) + "\n" + separator + "\n", mappings: map[string]string{"physnet": "breth0", "trunk": "br-phys"}},
		"with plugin":   {out: none + "\n" + separator + "\n/opt/cni/bin/cnv-bridge\n/usr/lib/cni/cnv-bridge\n", file: "/opt/cni/bin/cnv-bridge"},
		"no mappings":   {out: none + "\n" + separator + "\n"},
		"broken ones":   {out: strings.Replace(none, `"system-id","x"`, `"ovn-bridge-mappings","physnet"`, 1) + separator + "\n", err: "is not NETWORK:BRIDGE"},
		"no row":        {out: `{"data":[],"headings":["external_ids"]}` + separator + "\n", err: "0 rows"},
		"no table":      {out: separator + "\n", err: "empty answer"},
		"another world": {out: "hello", err: "unexpected answer"},
	} {
		mappings, file, err := switchOf(tc.out)
		if tc.err != "" {
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: %v, want %q", name, err, tc.err)
			}
			continue
		}
		if err != nil || file != tc.file || !maps.Equal(mappings, tc.mappings) {
			t.Errorf("%s: %v, %q, %v", name, mappings, file, err)
		}
	}
}

func TestPlugin(t *testing.T) {
	nodes := []model.Node{{Name: "a"}, {Name: "b"}}
	const file = "/opt/cni/bin/cnv-bridge"
	for name, tc := range map[string]struct {
		found []string
		want  model.Presence
	}{
		"nowhere":     {[]string{"", ""}, model.Presence{Reason: "no node has the plugin cnv-bridge in /opt/cni/bin, /var/lib/cni/bin, /usr/lib/cni"}},
		"on one node": {[]string{"", file}, model.Presence{Reason: "nodes with the plugin cnv-bridge: 1 of 2 (b:" + file + ")"}},
		"everywhere":  {[]string{file, file}, model.Presence{Present: true, Reason: "nodes with the plugin cnv-bridge: 2 of 2 (a:" + file + ", b:" + file + ")"}},
	} {
		if got := plugin(nodes, len(nodes), tc.found); got != tc.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestPhysical(t *testing.T) {
	f := model.Facts{Features: map[model.Feature]model.Presence{}}
	physical(&bed.Bed{}, &f)
	if got, want := f.Features[model.FeaturePhysical], (model.Presence{Reason: "the underlay describes no physical side (underlay.yaml: physical)"}); got != want {
		t.Errorf("%+v", got)
	}
	peer := func(name, address string) bed.VLANPeer {
		return bed.VLANPeer{HostSpec: bed.HostSpec{Name: name, Address: address}}
	}
	physical(&bed.Bed{Underlay: &bed.Underlay{Physical: &bed.Physical{Network: "trunk",
		Peers: []bed.VLANPeer{peer("vlan-1924", "192.0.2.1"), peer("vlan-1925", "198.51.100.1")}}}}, &f)
	if got, want := f.Features[model.FeaturePhysical], (model.Presence{Present: true,
		Reason: "underlay: physical network trunk, peers vlan-1924 at 192.0.2.1, vlan-1925 at 198.51.100.1"}); got != want {
		t.Errorf("%+v", got)
	}
}
