package parse

import (
	"testing"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
)

func TestServedLeases(t *testing.T) {
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
	for name, c := range map[string]struct {
		text string
		want []model.ServedLease
	}{
		"recorded": {recorded(t, "wire/vlan1924.leases"), []model.ServedLease{
			{MAC: "02:86:5e:00:00:14", IP: "192.0.2.139", Expires: at(1795561482)},
			{MAC: "02:86:5e:00:00:16", IP: "192.0.2.141", Expires: at(1795561507)}}},
		"none":                   {"", nil},
		"named, without end":     {"0 02:86:5E:00:00:14 192.0.2.139 vm-l *\n", []model.ServedLease{{MAC: "02:86:5e:00:00:14", IP: "192.0.2.139", Hostname: "vm-l"}}},
		"DHCPv6 is left out":     {"0 02:86:5e:00:00:14 192.0.2.139 * *\nduid 00:01:00:01\n0 1234 2001:db8::5 * 00:01\n", []model.ServedLease{{MAC: "02:86:5e:00:00:14", IP: "192.0.2.139"}}},
		"only a server's own ID": {"duid 00:01:00:01\n", nil},
	} {
		got, err := ServedLeases(c.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		same(t, name, c.want, got)
	}
	for text, words := range map[string]string{
		"1795561482 02:86:5e:00:00:14 192.0.2.139":      "line 1: 3 fields, want 5",
		"\nsoon 02:86:5e:00:00:14 192.0.2.139 * *":      "line 2: expiry",
		"-1 02:86:5e:00:00:14 192.0.2.139 * *":          "expiry",
		"1 06-02:86:5e:00:00:14 192.0.2.139 * *":        "MAC",
		"1 02:86:5e:00:00:14 192.0.2 * *":               "IP",
		"1 02:86:5e:00:00:14 192.0.2.139 * * and so on": "8 fields",
	} {
		_, err := ServedLeases(text)
		refuses(t, words, err)
	}
}

func TestBridgeMappings(t *testing.T) {
	rows, err := Table(recorded(t, "n1/ovs-config.json"))
	if err != nil || len(rows) != 1 {
		t.Fatalf("%v, %v", rows, err)
	}
	for text, want := range map[string]map[string]string{
		rows[0].Map("external_ids")["ovn-bridge-mappings"]: {"physnet": "breth0", "trunk": "br-phys"},
		"":                       {},
		"physnet:br-ex":          {"physnet": "br-ex"},
		" a:b , c:d,":            {"a": "b", "c": "d"},
		"a:first,a:second,b:any": {"a": "second", "b": "any"},
	} {
		got, err := BridgeMappings(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		same(t, text, want, got)
	}
	for _, text := range []string{"physnet", "physnet:", ":breth0", "a:b:c", "physnet:breth0,trunk"} {
		_, err := BridgeMappings(text)
		refuses(t, "is not NETWORK:BRIDGE", err)
	}
}
