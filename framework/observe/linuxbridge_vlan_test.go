package observe

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

// aGuest is a directory that stands for a guest's files, and the tools of that guest.
func aGuest(t *testing.T) (dir, tools string) {
	t.Helper()
	dir = t.TempDir()
	for file, text := range map[string]string{
		"sys/class/net/lo/address": "00:00:00:00:00:00\n", "sys/class/net/eth3/address": "02:86:5e:00:00:23\n", "sys/class/net/eth3/device/x": "",
		"sys/class/net/eth3.1924/address":       "02:86:5e:00:00:23\n", // one that an interrupted round left has the NIC's MAC
		"proc/sys/net/ipv4/conf/all/arp_ignore": "0\n", "proc/sys/net/ipv4/conf/eth3.1924/rp_filter": "0\n",
		"proc/sys/net/ipv6/conf/eth3.1924/disable_ipv6": "0\n", "run/x": "",
		"ip": "#!/bin/sh\necho \"ip $*\" >>'" + dir + "/log'\n",
	} {
		file = filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o700); err != nil { //nolint:gosec // one of them is a program
			t.Fatal(err)
		}
	}
	return dir, "IP=" + dir + "/ip\nmodprobe() { return 1; }\n"
}

func inGuest(t *testing.T, dir, tools string, a ask) model.Read[string] {
	t.Helper()
	for _, root := range []string{"/sys/class/net", "/proc/sys/net", "/run/"} {
		a.script = strings.ReplaceAll(a.script, root, dir+root)
	}
	answers, err := batch(t.Context(), shell{}, tools, []ask{a})
	return read("here", a, answers, err, said)
}

func content(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file) //nolint:gosec // a test's own
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(raw))
}

// The link is made on the NIC with the MAC and gets the address that DHCP gives; what was set for it is put back.
func TestVLANLinkInAGuest(t *testing.T) {
	const bound = `udhcpc() { while [ "$1" != -s ]; do shift; done
"$2" deconfig; interface=eth3.1924 ip=192.0.2.151 mask=24 "$2" bound; echo lease; }
`
	l := &vlanLink{vm: "vm-b1", nic: model.InterfaceSpec{Name: "trunk", MAC: "02:86:5E:00:00:23"}, vlan: 1924}
	dir, tools := aGuest(t)
	ignore := dir + "/proc/sys/net/ipv4/conf/all/arp_ignore"
	for range 2 { // the second time as after a round that was interrupted
		if r := inGuest(t, dir, tools+bound, l.ask(addVLAN, "%d")); r.Failure() != nil {
			t.Fatal(r.Failure())
		}
	}
	const want = `ip link show dev eth3.1924
ip link del dev eth3.1924
ip link add link eth3 name eth3.1924 index 2924 type vlan id 1924
ip link set dev eth3.1924 up
ip addr add 192.0.2.151/24 dev eth3.1924 metric 900`
	if got := content(t, dir+"/log"); got != want+"\n"+want {
		t.Errorf("ran\n%s", got)
	}
	if content(t, ignore) != "1" || content(t, dir+"/proc/sys/net/ipv4/conf/eth3.1924/rp_filter") != "2" {
		t.Error("the NICs' settings are as before")
	}
	if r := inGuest(t, dir, tools, l.ask(removeVLAN, "%d")); r.Failure() != nil || content(t, ignore) != "0" {
		t.Errorf("%v, arp_ignore %s", r.Failure(), content(t, ignore))
	}
	if got := content(t, dir+"/log"); !strings.HasSuffix(got, "\nip link del dev eth3.1924") {
		t.Errorf("ran\n%s", got)
	}
}

// Without an address the attempt is made all the same; without the link or a client it is not.
func TestVLANLinkThatCannotBeMade(t *testing.T) {
	l := &vlanLink{vm: "vm-b1", nic: model.InterfaceSpec{Name: "trunk", MAC: "02:86:5e:00:00:23"}, vlan: 1924}
	other := *l
	other.nic.MAC = "02:86:5e:00:00:77"
	for name, tc := range map[string]struct {
		l     *vlanLink
		tools string
		bad   bool
	}{
		"no lease":    {l, "udhcpc() { return 1; }\n", false},
		"no client":   {l, "udhcpc() { return 127; }\n", true},
		"no such NIC": {&other, "udhcpc() { :; }\n", true},
		"no module":   {l, "IP=false\nudhcpc() { :; }\n", true},
	} {
		dir, tools := aGuest(t)
		if r := inGuest(t, dir, tools+tc.tools, tc.l.ask(addVLAN, "%d")); (r.Failure() != nil) != tc.bad {
			t.Errorf("%s: %v", name, r.Failure())
		}
	}
}

// Guests are waited for until their NICs have addresses, and no longer.
func TestAddressesInAGuest(t *testing.T) {
	dir, tools := aGuest(t)
	a := ask{id: "addresses", script: fmt.Sprintf(awaitAddresses, "02:86:5e:00:00:77 02:86:5e:00:00:23")}
	come := "#!/bin/sh\necho x >>'" + dir + "/asked'\n[ $(wc -l <'" + dir + "/asked') -lt 3 ] || echo '5: eth3 inet 10.3.3.10/24'\n"
	if err := os.WriteFile(dir+"/ip", []byte(come), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	if r := inGuest(t, dir, tools, a); r.Failure() != nil || content(t, dir+"/asked") != "x\nx\nx" {
		t.Errorf("%v, asked %q", r.Failure(), content(t, dir+"/asked"))
	}
}
