package parse

import (
	"encoding/json"
	"testing"
)

// Parsers read what other programs print: whatever that is, they must return, not panic. Where they accept it,
// reading it once more gives the same.
func fuzz[T any](f *testing.F, read func(string) (T, error), seeds ...string) {
	f.Helper()
	for _, s := range seeds {
		f.Add(s)
	}
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if v, err := read(text); err == nil {
			again, err := read(text)
			if err != nil {
				t.Fatalf("accepted once, then: %v", err)
			}
			same(t, "read again", v, again)
		}
	})
}

// short is a recorded JSON answer without white space, and of a list its first rows alone: the fuzzer minimises what
// it finds, and is slow on long seeds.
func short(f *testing.F, name string) string {
	f.Helper()
	var v any
	if err := json.Unmarshal([]byte(recorded(f, name)), &v); err != nil {
		f.Fatal(err)
	}
	switch t := v.(type) {
	case []any:
		v = t[:min(2, len(t))]
	case map[string]any:
		delete(t, "spec")
		if data, ok := t["data"].([]any); ok {
			t["data"] = data[:1]
		}
	}
	b, err := json.Marshal(v)
	if err != nil {
		f.Fatal(err)
	}
	return string(b)
}

func FuzzLinks(f *testing.F) {
	fuzz(f, Links, short(f, "s1-vm-a/launcher-addr.json"), short(f, "n1/addr.json"), `[{},{"ifname":"x","addr_info":[{"local":"fe80::1%2"}]}]`)
}

func FuzzRoutes(f *testing.F) {
	fuzz(f, Routes, short(f, "s4-vm-l/guest-route.json"), short(f, "s2-vm-ps/launcher-route.json"))
}

func FuzzPod(f *testing.F) { fuzz(f, Pod, short(f, "s2-vm-ps/pod.json")) }

func FuzzAllotments(f *testing.F) {
	fuzz(f, Allotments, `{"default":{"ip_addresses":["10.244.0.14/24"],"ip_address":"10.244.0.14/24","role":"primary"}}`)
}

func FuzzVMI(f *testing.F) { fuzz(f, VMI, short(f, "s2-vm-ps/vmi.json")) }

func FuzzDomain(f *testing.F) {
	fuzz(f, Domain, "<domain type='qemu'><name>v</name><devices><interface type='ethernet'><mac address='02:86:5e:00:00:07'/><target dev='tap0'/><model type='virtio'/><alias name='ua-default'/></interface></devices></domain>")
}

func FuzzQEMU(f *testing.F) {
	fuzz(f, QEMU, recorded(f, "qemu-cmdline.txt"), "qemu\x00-netdev\x00tap,fds=21:22,id=n\x00-device\x00e1000e,netdev=n,mac=02:00:00:00:00:01", "qemu\n-device\n{\"driver\":\"x\",\"netdev\":\"y\"}")
}

func FuzzTapOfFD(f *testing.F) { fuzz(f, TapOfFD, "pos:\t0\niff:\ttap0\n") }

func FuzzTable(f *testing.F) {
	read := func(text string) ([]Row, error) {
		rows, err := Table(text)
		for _, r := range rows {
			for c := range r {
				_, _, _ = r.Text(c), r.Texts(c), r.Map(c)
				_, _ = r.Int(c)
			}
		}
		return rows, err
	}
	fuzz(f, read, short(f, "n1/nb-nat.json"), short(f, "n1/ovs-config.json"))
}

func FuzzClient(f *testing.F) {
	fuzz(f, Client, recorded(f, "s1-vm-a/egress.txt"), "[fd00::7%eth0]:80")
}

func FuzzFlags(f *testing.F) {
	fuzz(f, Flags, "ovnkube\x00--init-node\x00n1\x00--mtu=1400\x00-v", "ovnkube\n--\n-\n---x\n--=y")
}

func FuzzConfig(f *testing.F) {
	fuzz(f, Config, "[default]\nmtu=1400\n[gateway]\nmode = shared\n", "a\\\n\"\"\"b")
}

func FuzzFrames(f *testing.F) {
	fuzz(f, func(text string) (int, error) {
		frames, err := Frames([]byte(text))
		return len(frames), err
	}, recorded(f, "wire/outside.pcap")[:300], recorded(f, "wire/trunk-n2.pcap")[:300])
}

func FuzzServedLeases(f *testing.F) {
	fuzz(f, ServedLeases, recorded(f, "wire/vlan1924.leases"), "0 02:86:5e:00:00:14 192.0.2.139 vm-l *\nduid 00:01\n0 1 2001:db8::5 * 00:01\n")
}

func FuzzBridgeMappings(f *testing.F) {
	fuzz(f, BridgeMappings, "physnet:breth0,trunk:br-phys", "a:b,,:")
}

func FuzzTunnelled(f *testing.F) {
	fuzz(f, func(text string) (int, error) {
		frames, err := Tunnelled([]byte(text))
		return len(frames), err
	}, recorded(f, "wire/outside.pcap")[:300])
}
