package machine

import (
	"net/netip"
	"os"
	"testing"
)

func prefixes(t *testing.T, list ...string) []netip.Prefix {
	t.Helper()
	var all []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func TestChooseSubnet(t *testing.T) {
	for name, c := range map[string]struct {
		used       []string
		host, addr string
	}{
		"nothing in use":           {nil, "192.168.128.77/30", "192.168.128.78"},
		"first one in use":         {[]string{"192.168.128.0/24"}, "192.168.129.77/30", "192.168.129.78"},
		"one address in it":        {[]string{"192.168.128.78/32"}, "192.168.129.77/30", "192.168.129.78"},
		"beside it":                {[]string{"192.168.128.80/28"}, "192.168.128.77/30", "192.168.128.78"},
		"a larger network":         {[]string{"192.168.128.0/20"}, "192.168.144.77/30", "192.168.144.78"},
		"all of 192.168":           {[]string{"192.168.0.0/16"}, "198.19.0.77/30", "198.19.0.78"},
		"all of it and the next":   {[]string{"192.168.0.0/16", "198.19.0.0/24"}, "198.19.1.77/30", "198.19.1.78"},
		"IPv6 is nothing to it":    {[]string{"fd00::/8"}, "192.168.128.77/30", "192.168.128.78"},
		"every candidate in use":   {[]string{"192.0.0.0/4"}, "", ""},
		"Docker's own do not meet": {[]string{"172.16.0.0/12", "10.0.0.0/8"}, "192.168.128.77/30", "192.168.128.78"},
	} {
		t.Run(name, func(t *testing.T) {
			host, addr, err := chooseSubnet(prefixes(t, c.used...))
			if c.host == "" {
				if err == nil {
					t.Fatalf("got %s, want an error", host)
				}
				return
			}
			if err != nil || host.String() != c.host || addr.String() != c.addr {
				t.Errorf("got %s, %s, %v, want %s, %s", host, addr, err, c.host, c.addr)
			}
		})
	}
}

func TestParseUsed(t *testing.T) {
	routes, err := os.ReadFile("testdata/routes.json")
	if err != nil {
		t.Fatal(err)
	}
	addrs, err := os.ReadFile("testdata/addrs.json")
	if err != nil {
		t.Fatal(err)
	}
	used, err := parseUsed(routes, addrs)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, u := range used {
		have[u.String()] = true
	}
	for _, want := range []string{"192.0.2.0/24", "192.0.2.2/32", "127.0.0.0/8"} {
		if !have[want] {
			t.Errorf("%s is in use, but not in %v", want, used)
		}
	}
	if have["0.0.0.0/0"] {
		t.Error("a default route is no subnet in use")
	}
}

func TestParseUsedSplitDefault(t *testing.T) {
	used, err := parseUsed([]byte(`[{"dst":"0.0.0.0/1"},{"dst":"128.0.0.0/1"},{"type":"blackhole","dst":"192.168.128.0/24"}]`), []byte(`[{}]`))
	if err != nil {
		t.Fatal(err)
	}
	if len(used) != 1 || used[0].String() != "192.168.128.0/24" {
		t.Errorf("got %v, want 192.168.128.0/24 alone", used)
	}
}

func FuzzParseUsed(f *testing.F) {
	f.Add([]byte(`[{"dst":"default"},{"dst":"10.0.0.1"}]`), []byte(`[{"addr_info":[{"local":"10.0.0.1","prefixlen":24}]}]`))
	f.Fuzz(func(t *testing.T, routes, addrs []byte) {
		used, err := parseUsed(routes, addrs)
		if err != nil {
			return
		}
		for _, u := range used {
			if !u.IsValid() {
				t.Errorf("invalid prefix from %q and %q", routes, addrs)
			}
		}
		if host, addr, err := chooseSubnet(used); err == nil {
			for _, u := range used {
				if u.Contains(addr) || u.Contains(host.Addr()) {
					t.Errorf("%s chosen, but %s is in use", host, u)
				}
			}
		}
	})
}
