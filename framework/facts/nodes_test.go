package facts

import (
	"slices"
	"testing"
)

func TestPodSubnet(t *testing.T) {
	for in, want := range map[string]string{
		`{"default":["10.244.1.0/24"]}`:                       "10.244.1.0/24",
		`{"default":["fd00:10:244:2::/64","10.244.1.0/24"]}`:  "10.244.1.0/24",
		`{"default":"10.128.2.0/23","other":["10.1.0.0/24"]}`: "10.128.2.0/23",
		`{"default":["fd00:10:244:2::/64"]}`:                  "",
		`{"other":["10.1.0.0/24"]}`:                           "",
		``:                                                    "",
	} {
		got, err := podSubnet(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
}

func TestGateway(t *testing.T) {
	for name, tc := range map[string]struct {
		in, bridge string
		ips        []string
	}{
		"kind": {`{"default":{"mode":"shared","bridge-id":"breth0","interface-id":"breth0_k-worker","mac-address":"02:42:ac:12:00:03",` +
			`"ip-addresses":["172.18.0.3/16"],"ip-address":"172.18.0.3/16","next-hops":["172.18.0.1"],"node-port-enable":"true","vlan-id":"0"}}`,
			"breth0", []string{"172.18.0.3"}},
		"dual stack": {`{"default":{"bridge-id":"br-ex","ip-addresses":["10.0.0.5/24","fd00::5/64"]}}`, "br-ex", []string{"10.0.0.5", "fd00::5"}},
		"old":        {`{"default":{"bridge-id":"br-ex","ip-address":"10.0.0.5/24"}}`, "br-ex", []string{"10.0.0.5"}},
		"disabled":   {`{"default":{"mode":""}}`, "", nil},
		"bad":        {`{"default":{"bridge-id":"br-ex","ip-address":"here"}}`, "", nil},
	} {
		bridge, ips, err := gateway(tc.in)
		if bridge != tc.bridge || !slices.Equal(ips, tc.ips) || (err == nil) != (tc.bridge != "") {
			t.Errorf("%s: %q, %v, %v", name, bridge, ips, err)
		}
	}
}
