package scenario

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// fakePeer is a peer whose commands run in this host's shell, with tools of its own.
type fakePeer struct {
	bed.Host
	bin string
}

// newFakePeer has the tools given, as shell scripts by name; ip among them has 192.0.2.1 on eth0.1924.
func newFakePeer(t *testing.T, tools map[string]string) *fakePeer {
	t.Helper()
	p := &fakePeer{bin: t.TempDir()}
	all := map[string]string{"ip": `echo '[{"ifindex":2,"ifname":"eth0.1924","addr_info":[{"family":"inet","local":"192.0.2.1","prefixlen":24,"scope":"global"}]}]'`}
	for name, text := range tools {
		all[name] = text
	}
	for name, text := range all {
		if err := os.WriteFile(filepath.Join(p.bin, name), []byte("#!/bin/sh\nprintf '%s ' "+name+" \"$@\" >>"+p.bin+"/asked; echo >>"+p.bin+"/asked\n"+text+"\n"), 0o755); err != nil { //nolint:gosec // a command
			t.Fatal(err)
		}
	}
	for _, name := range []string{"sh", "mkdir", "cat", "rm", "rmdir", "grep", "kill", "sleep"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(p.bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *fakePeer) Place() string { return "peer vlan-1924" }

func (p *fakePeer) Run(ctx context.Context, argv ...string) (string, error) {
	var out bytes.Buffer
	err := p.Stream(ctx, nil, &out, argv...)
	return out.String(), err
}

func (p *fakePeer) command(ctx context.Context, argv []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, argv[0]), argv[1:]...) //nolint:gosec // a test's
	cmd.Env = []string{"PATH=" + p.bin}
	return cmd
}

func (p *fakePeer) Stream(ctx context.Context, stdin io.Reader, stdout io.Writer, argv ...string) error {
	cmd := p.command(ctx, argv)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, &stderr
	err := cmd.Run()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return &bed.CommandError{Place: p.Place(), Command: bed.CommandLine(argv), ExitCode: failed.ExitCode(), Stderr: stderr.String()}
	}
	return err
}

// Start runs a command beside, until it is stopped.
func (p *fakePeer) Start(_ context.Context, argv ...string) (bed.Process, error) {
	s := &started{cmd: p.command(context.Background(), argv)}
	s.cmd.Stderr = &s.stderr
	return s, s.cmd.Start()
}

type started struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
}

// Await waits for the end of a command that ends, as the fake dnsmasq here does.
func (s *started) Await(_ context.Context, text string) error {
	err := s.cmd.Wait()
	if !strings.Contains(s.stderr.String(), text) {
		return errors.Join(errors.New("it ended: "+s.stderr.String()), err)
	}
	return nil
}

func (s *started) Stop(context.Context) (string, string, error) { return "", s.stderr.String(), nil }

func (p *fakePeer) asked(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(p.bin, "asked"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

var vlan1924 = bed.VLANPeer{HostSpec: bed.HostSpec{Name: "vlan-1924", Address: "192.0.2.1", Interface: "eth0"}, VLAN: 1924, Prefix: 24, DHCP: true}

const dnsmasqStarts = `echo "dnsmasq: started, version 2.90 DNS disabled" >&2`

func TestDHCPServer(t *testing.T) {
	p := newFakePeer(t, map[string]string{"dnsmasq": dnsmasqStarts, "socat": "cat >/dev/null"})
	d := &dhcpServer{host: p, peer: vlan1924, folder: filepath.Join(t.TempDir(), "dhcp")}
	if err := d.start(t.Context(), []string{"02:86:5e:00:00:18"}); err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(filepath.Join(d.folder, dhcpConfig))
	if err != nil || !strings.Contains(string(config), "\ninterface=eth0.1924\n") {
		t.Errorf("%s, %v", config, err)
	}
	if hosts, err := os.ReadFile(filepath.Join(d.folder, DHCPHosts)); err != nil || string(hosts) != "02:86:5e:00:00:18,set:norouter\n" {
		t.Errorf("%s, %v", hosts, err)
	}
	for _, words := range []string{"bind=0.0.0.0:68,broadcast,so-bindtodevice=eth0.1924", "dnsmasq --no-daemon --conf-file=" + d.folder + "/dnsmasq.conf"} {
		if !strings.Contains(p.asked(t), words) {
			t.Errorf("no %q in %s", words, p.asked(t))
		}
	}
	// leases of an earlier run are forgotten
	leases := filepath.Join(d.folder, DHCPLeases)
	if err := os.WriteFile(leases, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(leases); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an earlier run's leases: %v", err)
	}
	if err := d.stop(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(d.folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder is left: %v", err)
	}
	if err := d.stop(t.Context()); err != nil {
		t.Errorf("to stop twice: %v", err)
	}
}

func TestDHCPServerRefuses(t *testing.T) {
	tools := func(more map[string]string) map[string]string {
		all := map[string]string{"dnsmasq": dnsmasqStarts, "socat": "cat >/dev/null"}
		for k, v := range more {
			if all[k] = v; v == "" {
				delete(all, k)
			}
		}
		return all
	}
	for name, c := range map[string]struct {
		tools map[string]string
		says  string
		input bool
	}{
		"no dnsmasq":     {tools(map[string]string{"dnsmasq": ""}), "dnsmasq is not installed there", true},
		"no socat":       {tools(map[string]string{"socat": ""}), "socat is not installed there", true},
		"another server": {tools(map[string]string{"socat": offering, "head": `exec /usr/bin/env -i PATH=/usr/bin:/bin head "$@"`, "tail": `exec /usr/bin/env -i PATH=/usr/bin:/bin tail "$@"`}), "another DHCP server, 192.0.2.53, answers on VLAN 1924", true},
		"no link":        {tools(map[string]string{"ip": `echo '[{"ifname":"eth0"}]'`}), "no link there has the address 192.0.2.1", true},
		"not asked":      {tools(map[string]string{"socat": "exit 1"}), "asking for another DHCP server on VLAN 1924", false},
		"does not start": {tools(map[string]string{"dnsmasq": "echo 'dnsmasq: failed to bind DHCP server socket' >&2; exit 2"}), "failed to bind DHCP server socket", false},
	} {
		t.Run(name, func(t *testing.T) {
			d := &dhcpServer{host: newFakePeer(t, c.tools), peer: vlan1924, folder: filepath.Join(t.TempDir(), "dhcp")}
			err := d.start(t.Context(), nil)
			var input *bed.InputError
			if err == nil || !strings.Contains(err.Error(), c.says) || errors.As(err, &input) != c.input {
				t.Errorf("%T %v, want %q", err, err, c.says)
			}
			if c.input && (strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "physical.peers: vlan-1924: ")) {
				t.Errorf("not one line that names the peer: %q", err)
			}
		})
	}
}

func TestDHCPConfig(t *testing.T) {
	got, err := dhcpConfigOf(vlan1924, "eth0.1924", "/run/x")
	if err != nil {
		t.Fatal(err)
	}
	const want = `port=0
interface=eth0.1924
except-interface=lo
bind-interfaces
no-ping
dhcp-authoritative
log-dhcp
dhcp-range=192.0.2.128,192.0.2.254,255.255.255.0,12h
dhcp-option=option:router,192.0.2.1
dhcp-option=tag:norouter,option:router
dhcp-hostsfile=/run/x/hosts
dhcp-leasefile=/run/x/leases
`
	if got != want {
		t.Errorf("%s", got)
	}
}

func TestDHCPRange(t *testing.T) {
	for _, c := range []struct {
		address string
		prefix  int
		want    string
	}{
		{"192.0.2.1", 24, "192.0.2.128-192.0.2.254"},
		{"192.0.2.254", 24, "192.0.2.1-192.0.2.127"},
		{"192.0.2.128", 24, "192.0.2.1-192.0.2.127"},
		{"10.1.2.3", 8, "10.128.0.0-10.255.255.254"},
		{"192.0.2.5", 30, "192.0.2.6-192.0.2.6"},
		{"192.0.2.6", 30, "192.0.2.5-192.0.2.5"},
		{"2001:db8::1", 24, ""},
	} {
		first, last, err := dhcpRange(bed.VLANPeer{HostSpec: bed.HostSpec{Address: c.address}, Prefix: c.prefix})
		if got := first.String() + "-" + last.String(); (err == nil) != (c.want != "") || err == nil && got != c.want {
			t.Errorf("%s/%d: %s, %v", c.address, c.prefix, got, err)
		}
	}
}

// A server of a run that was killed a moment ago is ended, by the file that it was started with and not by its name.
func TestDHCPClear(t *testing.T) {
	p := newFakePeer(t, nil)
	folder := filepath.Join(t.TempDir(), "dhcp")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		argument string
		ends     bool
	}{"ours": {"--conf-file=" + folder + "/" + dhcpConfig, true}, "with the number of ours": {"--conf-file=/etc/dnsmasq.conf", false}} {
		other := exec.CommandContext(t.Context(), "sh", "-c", `trap 'exit 0' TERM; echo $$ >"$1"; while :; do sleep 0.05; done`, "sh", filepath.Join(folder, DHCPProcess), c.argument) //nolint:gosec // a test's
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- other.Wait() }()
		for {
			if raw, err := os.ReadFile(filepath.Join(folder, DHCPProcess)); err == nil && len(raw) > 0 {
				break
			}
		}
		if err := (&dhcpServer{host: p, peer: vlan1924, folder: folder}).clear(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		select {
		case <-ended:
			if !c.ends {
				t.Errorf("%s: it was ended", name)
			}
		default:
			if c.ends {
				if err := <-ended; err != nil {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			_ = other.Process.Kill()
			<-ended
		}
	}
}

// Which VMs get no router follows from their names alone.
func TestRouterless(t *testing.T) {
	vm := func(name, macs string) string {
		return "apiVersion: kubevirt.io/v1\nkind: VirtualMachine\nmetadata: {name: " + name + "}\nspec: {runStrategy: Always, template: {spec: {domain: {devices: {interfaces: [" +
			"{name: default, masquerade: {}}, {name: vlan, bridge: {}, macAddress: '" + macs + "'}]}}}}}\n---\n"
	}
	objects, err := decode([]byte(vm("vm-l", "02:86:5e:00:00:14") + vm("vm-m", "02:86:5E:00:00:18") + vm("vm-d", "02:86:5e:00:00:1a")))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(routerlessOf(objects), " "); got != "02:86:5e:00:00:18 02:86:5e:00:00:1a" {
		t.Errorf("%s", got)
	}
	macs, err := routerlessMACs()
	if err != nil {
		t.Fatal(err)
	}
	for _, mac := range macs { // of the scenarios that there are
		if _, err := parse.ServedLeases("0 " + mac + " 192.0.2.1 * *"); err != nil {
			t.Error(err)
		}
	}
}
