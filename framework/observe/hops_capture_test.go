package observe

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// programs puts scripts of these names before all others in $PATH; what runs is the recorded capture and what it is told.
func programs(t *testing.T, all map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, body := range all {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// captured is a tcpdump that shows a recorded capture and lasts.
func tcpdumpOf(t *testing.T, name string) string {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("..", "parse", "testdata", "wire", name))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("cat %s; echo \"tcpdump: listening on $2, link-type EN10MB\" >&2; trap 'exit 0' TERM INT; while :; do sleep 0.05; done", file)
}

var outsideFlow = flow{proto: "tcp", port: 8080, dialled: "192.168.77.200"}

// What the guest's NIC sees is captured while the attempt is made there.
func TestCaptureBesides(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	programs(t, map[string]string{"tcpdump": tcpdumpOf(t, "outside.pcap")})
	made := filepath.Join(t.TempDir(), "made")
	s := &station{hop: "guest NIC", at: "guest vm-a", link: "eth0", far: []string{"192.168.77.200"}}
	a := ask{id: s.hop, show: s.command(outsideFlow), script: besides(s.command(outsideFlow), "echo yes >"+made)}
	answers, err := batch(context.Background(), shell{}, "", []ask{a})
	s.took(a, answers, err)
	if s.saw.Failure() != nil || len(s.saw.Value) == 0 || s.saw.Command != "tcpdump -i eth0 -n -U --immediate-mode -s 256 -w - 'arp or tcp port 8080 or (vlan and (arp or tcp port 8080))'" {
		t.Errorf("%d frames, %q, %v", len(s.saw.Value), s.saw.Command, s.saw.Failure())
	}
	if w := (&way{flow: outsideFlow}); !w.came(s) || !w.cameBack(s) {
		t.Error("the flow is not found")
	}
	if _, err := os.Stat(made); err != nil {
		t.Error("the attempt was not made:", err)
	}
}

func TestGuestWithoutTcpdump(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := &station{hop: "guest NIC", link: "eth0"}
	a := ask{id: s.hop, script: strings.Replace(besides(s.command(outsideFlow), "echo made >&2"), "command -v tcpdump", "command -v no-such-tcpdump", 1)}
	answers, err := batch(context.Background(), shell{}, "", []ask{a})
	s.took(a, answers, err)
	if s.saw.Failure() == nil || !strings.Contains(s.saw.Err, "no tcpdump") {
		t.Errorf("%+v", s.saw)
	}
}

// An attempt that goes on is not waited for.
func TestBriefly(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	began := time.Now()
	if _, err := batch(context.Background(), shell{}, "", []ask{{id: "x", script: briefly("exec sleep 30")}}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < walkProbe/2 || took > 3*walkProbe {
		t.Errorf("it took %s", took)
	}
}

// A node's captures run side by side; one that does not begin leaves the others alone.
func TestCapturesOnNode(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	programs(t, map[string]string{"tcpdump": `[ "$2" = gone ] && { echo "tcpdump: gone: No such device exists" >&2; exit 1; }` + "\n" + tcpdumpOf(t, "trunk-n2.pcap"),
		"nsenter": `shift 3; exec "$@"`})
	f := flow{proto: "tcp", port: 22, dialled: "192.0.2.139"}
	far := []string{"192.0.2.139"}
	all := []*station{{hop: "OVS port", at: "node n2", in: place{node: "n2"}, link: "f7eb3435e117110", far: far},
		{hop: "physical port", at: "node n2", in: place{node: "n2"}, link: "gone", far: far},
		{hop: "receiver's physical port", at: "node n2", in: place{node: "n2"}, link: "eth0", far: far, tunnelled: true}}
	var asked []ask
	for _, s := range all {
		asked = append(asked, s.ask(f))
	}
	w := startWatch(context.Background(), startLocal, bed.ProcessPrelude, asked)
	answers, err := w.stop(context.Background())
	for i, s := range all {
		s.took(asked[i], answers, err)
	}
	path := &way{flow: f}
	if !path.came(all[0]) || !path.cameBack(all[0]) {
		t.Errorf("%+v", all[0].saw.Failure())
	}
	if all[1].saw.Failure() == nil || !strings.Contains(all[1].saw.Err, "No such device") {
		t.Errorf("%+v", all[1].saw)
	}
	if all[2].saw.Failure() != nil || len(all[2].saw.Value) > 0 {
		t.Errorf("no tunnel in this capture: %+v", all[2].saw.Value)
	}
}

func TestStationCommands(t *testing.T) {
	f := flow{proto: "icmp", size: 84}
	in := (&station{hop: "tap", in: place{pod: "virt-launcher-vm-a", uid: "1-2", node: "n1"}, link: "tap0"}).ask(f)
	if !strings.Contains(in.script, "of 'pod(1-2|1_2)'") || !strings.Contains(in.script, "exec nsenter -t \"$P\" -n tcpdump -i tap0") ||
		!strings.HasPrefix(in.show, "nsenter -t PID -n tcpdump -i tap0 ") {
		t.Errorf("%+v", in)
	}
	for want, s := range map[string]*station{
		"'arp or icmp or (vlan and (arp or icmp))'": {link: "eth1"},
		"'udp port 6081'": {link: "eth0", tunnelled: true},
	} {
		if got := s.command(f); !strings.HasSuffix(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// The bridges' ports are read by a script.
func TestAskBridges(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	programs(t, map[string]string{"ovs-vsctl": `case "$*" in
*bridge-mappings) echo '"physnet:breth0,trunk:br-trunk"' ;;
"list-ports breth0") printf 'eth0\npatch-breth0_n2-to-br-int\n' ;;
"list-ports br-trunk") echo eth1 ;;
"get Interface patch-"*) echo patch ;;
"get Interface "*) echo '""' ;;
esac`})
	answers, err := batch(context.Background(), shell{}, "", []ask{askBridges})
	r := read("node n2", askBridges, answers, err, readBridges)
	if b := r.Value; r.Failure() != nil || b.mappings["trunk"] != "br-trunk" || b.physical["br-trunk"][0] != "eth1" || !b.patched["breth0"] || b.patched["br-trunk"] {
		t.Errorf("%+v", r)
	}
}
