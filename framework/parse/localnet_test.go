package parse

import (
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

func TestLocalnetPorts(t *testing.T) {
	got, err := LocalnetPorts(recorded(t, "n1/nb-logical_switch_port.json"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "recorded", got, []model.LocalnetPort{
		{Name: "breth0_s2_primary.udn_n1", PhysicalNetwork: "physnet"},
		{Name: "breth0_n1", PhysicalNetwork: "physnet"},
		{Name: "demo.vlan.1924_ovn_localnet_port", PhysicalNetwork: "trunk", VLAN: 1924},
		{Name: "cluster_udn_cudn.vlan.1924_ovn_localnet_port", PhysicalNetwork: "trunk", VLAN: 1924},
	})
	for name, text := range map[string]string{
		"nothing":         "",
		"another table":   recorded(t, "n1/nb-nat.json"),
		"a column is cut": `{"headings":["name","type","options"],"data":[["a","localnet",["map",[]]]]}`,
	} {
		if got, err := LocalnetPorts(text); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzLocalnetPorts(f *testing.F) {
	fuzz(f, LocalnetPorts, `{"headings":["name","type","options","tag"],"data":[["a","localnet",["map",[["network_name","trunk"]]],1924]]}`,
		`{"headings":["name","type","options","tag"],"data":[["a","",["map",[]],["set",[]]]]}`)
}
