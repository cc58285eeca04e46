package observe

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

func TestPinged(t *testing.T) {
	const header = "PING 10.244.1.6 (10.244.1.6) 1372(1400) bytes of data.\n"
	for name, tc := range map[string]struct {
		a              answer
		passed, failed bool
	}{
		"answered":    {answer{stdout: header + "\nrtt min/avg/max/mdev = 80.497/80.497/80.497/0.000 ms"}, true, false},
		"lost":        {answer{stdout: header + "1 packets transmitted, 0 received, 100% packet loss", code: 1}, false, false},
		"too long":    {answer{stdout: header, stderr: "ping: local error: message too long, mtu=1300", code: 1}, false, false},
		"no route":    {answer{stderr: "ping: connect: Network is unreachable", code: 2}, false, false},
		"wrong usage": {answer{stderr: "ping: invalid option -- 'M'", code: 1}, false, true},
	} {
		p := model.Path{}
		if err := pinged(&p, tc.a); p.Passed != tc.passed || (err != nil) != tc.failed {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func TestResolved(t *testing.T) {
	for name, tc := range map[string]struct {
		a    answer
		want string
	}{
		"getent":    {answer{stdout: "10.96.160.6     STREAM echo.ns.svc.cluster.local\n10.96.160.6     DGRAM  \n10.96.160.6     RAW    \n"}, "10.96.160.6"},
		"nslookup":  {answer{stdout: "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\nName:\techo.ns.svc.cluster.local\nAddress: 10.96.160.6\n\n"}, "10.96.160.6"},
		"numbered":  {answer{stdout: "Server:    10.96.0.10\nAddress 1: 10.96.0.10 kube-dns\n\nName:      echo\nAddress 1: 10.96.160.6\n"}, "10.96.160.6"},
		"no such":   {answer{stdout: "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\n** server can't find x: NXDOMAIN\n", code: 1}, ""},
		"no server": {answer{stderr: ";; connection timed out; no servers could be reached", code: 1}, ""},
		"silent":    {answer{stdout: "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\n"}, ""},
	} {
		p := model.Path{}
		if err := resolved(&p, tc.a); err != nil || p.Answer != tc.want || p.Passed != (tc.want != "") {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func TestProbeThatCouldNotBeMade(t *testing.T) {
	one := httpProbe("a>b", "vm/a", "vm/b", "http://192.0.2.1/", 1, answered)
	for name, r := range map[string]model.Read[model.Path]{
		"no client":   one.read("guest a", map[string]answer{"a>b": {code: 127, stderr: "sh: wget: not found"}}, nil),
		"not run":     one.read("guest a", nil, nil),
		"no way in":   one.read("guest a", nil, fmt.Errorf("no way in")),
		"not parsed":  httpProbe("a>b", "", "", "", 1, clientSeen).read("x", map[string]answer{"a>b": {stdout: "hello"}}, nil),
		"no datagram": datagramProbe("a>b", "", "", 1, 128, 1).read("x", map[string]answer{"a>b": {stdout: ""}}, nil),
	} {
		if r.Failure() == nil || r.Value.Passed {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := one.read("guest a", map[string]answer{"a>b": {code: 28, stderr: "curl: (28) timed out"}}, nil); r.Failure() != nil || r.Value.Passed || r.Value.Detail == "" {
		t.Errorf("a refusal is an outcome: %+v", r)
	}
}

// The loops at the client, against a server that begins to answer, and one that stops, with the control beside it.
func TestAttemptLoop(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl here")
	}
	// serve answers so many requests in that way, then in the other.
	serve := func(first int, answers bool) (*httptest.Server, *atomic.Int32) {
		asked := &atomic.Int32{}
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if (int(asked.Add(1)) <= first) == answers {
				_, _ = w.Write([]byte("vm-b\n"))
				return
			}
			if c, _, err := http.NewResponseController(w).Hijack(); err == nil { // hang up: a client that is refused
				_ = c.Close()
			}
		})), asked
	}
	const always = 1000
	o := &observer{stage: model.Stage{VMs: map[string]model.VMView{
		"vm-a": {Pod: model.Read[model.Pod]{Value: model.Pod{IPs: []string{"192.0.2.1"}}}},
		"vm-b": {Pod: model.Read[model.Pod]{Value: model.Pod{IPs: []string{"192.0.2.2"}}}},
	}}}
	for name, tc := range map[string]struct {
		deny                bool
		first, controlFirst int
		answers, control    bool
		passed, fails       bool
		asked               int32
	}{
		"allowed at last":                  {first: 2, passed: true, asked: 3},
		"denied at last":                   {deny: true, first: 2, answers: true, controlFirst: always, control: true, asked: 2 + refusals},
		"never denied":                     {deny: true, first: always, answers: true, controlFirst: always, control: true, passed: true, asked: 3},
		"all is slow":                      {deny: true, first: 0, answers: true, controlFirst: 0, control: true, fails: true, asked: 3},
		"the control answers but the once": {deny: true, first: 0, answers: true, controlFirst: 1, fails: false, asked: 1 + refusals},
	} {
		server, asked := serve(tc.first, tc.answers)
		beside, _ := serve(tc.controlFirst, tc.control)
		limit := 30 // seconds, for what ends by itself: a busy machine makes few tries in three
		if tc.fails || tc.deny && tc.passed {
			limit = 3
		}
		one := o.attempt("vm-b", "#x", limit, 1)
		if tc.deny {
			one = o.refused(limit, 1)
		}
		one.ask.script = strings.NewReplacer(o.hostnameURL("vm-b"), server.URL, o.hostnameURL("vm-a"), beside.URL).Replace(one.ask.script)
		answers, err := batch(context.Background(), shell{}, probePrelude, []ask{one.ask})
		r := one.read("x", answers, err)
		server.Close()
		beside.Close()
		if (r.Failure() != nil) != tc.fails || r.Value.Passed != tc.passed || asked.Load() < tc.asked {
			t.Errorf("%s: %+v after %d requests", name, r, asked.Load())
		}
	}
}

// The client side of the datagrams, against a server as the peer's.
func TestDatagram(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	const size = 200
	go func() {
		for {
			b := make([]byte, 1500)
			_, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(append([]byte{0, 3, 0, 1}, make([]byte, size-ipUDPHeaders-4)...), from)
		}
	}()
	port := conn.LocalAddr().(*net.UDPAddr).Port
	one := datagramProbe("x", "", "127.0.0.1", port, size, 2)
	answers, err := batch(context.Background(), shell{}, probePrelude, []ask{one.ask})
	if r := one.read("x", answers, err); r.Failure() != nil || !r.Value.Passed {
		t.Errorf("%+v", r)
	}
	wrong := datagramProbe("x", "", "127.0.0.1", port, size+1, 1)
	answers, err = batch(context.Background(), shell{}, probePrelude, []ask{wrong.ask})
	if r := wrong.read("x", answers, err); r.Failure() != nil || r.Value.Passed {
		t.Errorf("another size passed: %+v", r)
	}
	several := unwantedDatagram("x", "", "127.0.0.1", port, size, bigTries)
	answers, err = batch(context.Background(), shell{}, probePrelude, []ask{several.ask})
	if r := several.read("x", answers, err); r.Failure() != nil || !r.Value.Passed {
		t.Errorf("one that came all the same: %+v", r)
	}
	_ = conn.Close()
	began := time.Now()
	answers, err = batch(context.Background(), shell{}, probePrelude, []ask{several.ask})
	if r := several.read("x", answers, err); r.Failure() != nil || r.Value.Passed || time.Since(began) > 2*datagramSeconds*time.Second {
		t.Errorf("after %s: %+v", time.Since(began), r)
	}
}

func TestPeerScriptParses(t *testing.T) {
	script := peerScript("eth0", []int{20800, 20801}, []datagram{{20900, 1400}, {21000, 1401}, {21100, 128}})
	if out, err := exec.Command("sh", "-n", "-c", script).CombinedOutput(); err != nil { //nolint:noctx // a test
		t.Errorf("%v: %s", err, out)
	}
	for _, want := range []string{"SIZE=1372 ", "SIZE=1373 ", "SIZE=100 ", "tcp port 20800", "tcp port 20801"} {
		if !strings.Contains(script, want) {
			t.Errorf("no %q in the script", want)
		}
	}
}

func TestPorts(t *testing.T) {
	seen := map[int]string{}
	for i := range vmsOfARun {
		p := portsOf("vmnet-cn-b3ee00", i)
		for _, port := range []int{p.tcp, p.udp, p.big, p.low} {
			if port < firstPort || port >= 32768 || seen[port] != "" {
				t.Errorf("VM %d: port %d", i, port)
			}
			seen[port] = "taken"
		}
	}
}

func TestNotBound(t *testing.T) {
	const said = "2026/11/25 01:18:05 socat[12] E bind(5, {AF=2 0.0.0.0:20800}, 16): Address already in use\n"
	if !notBound(said, 20800) || notBound(said, 2080) || notBound(said, 20801) {
		t.Error("socat's words were misread")
	}
}

func TestAsked(t *testing.T) {
	ports := peerPorts{20800, 20900, 21000, 21100}
	all := "vmnet-asked 20900\nvmnet-asked 21000\n"
	for name, tc := range map[string]struct {
		said            string
		control, passed bool
		fails           bool
	}{
		"all well":      {all, true, true, false},
		"does not pass": {all, true, false, false},
		"never asked":   {"vmnet-asked 21000\n", true, false, true},
		"no control":    {all, false, false, true},
	} {
		o := &observer{stage: model.Stage{Paths: map[string]model.Read[model.Path]{}}}
		path := func(passed bool) model.Read[model.Path] {
			return probe{understand: func(p *model.Path, _ answer) error { p.Passed = passed; return nil }}.read("x", map[string]answer{"": {}}, nil)
		}
		o.path(controlDatagram("vm-a"), path(tc.control))
		o.path(datagramPath("vm-a"), path(tc.passed))
		o.asked(&peer{ports: map[string]peerPorts{"vm-a": ports}}, tc.said)
		if r := o.stage.Paths[datagramPath("vm-a")]; (r.Failure() != nil) != tc.fails {
			t.Errorf("%s: %v", name, r.Failure())
		}
	}
}

// One byte more must be asked for three times, and not refused by the peer's own link, for its absence to count.
func TestAskedForOneByteMore(t *testing.T) {
	ports := peerPorts{20800, 20900, 21000, 21100}
	const thrice = "vmnet-asked 21000\nvmnet-asked 21000\nvmnet-asked 21000\n"
	for name, tc := range map[string]struct {
		said           string
		control, fails bool
	}{
		"does not pass":   {thrice, true, false},
		"no control":      {thrice, false, true},
		"asked once":      {"vmnet-asked 21000\n", true, true},
		"peer's own link": {thrice + "2026/11/25 01:18:05 socat[12] E sendto(5, 0x55d0c0a0b2c0, 1373, 0, AF=2 10.244.0.9:40000, 16): Message too long\n", true, true},
		"another size":    {thrice + "2026/11/25 01:18:05 socat[12] E sendto(5, 0x55d0c0a0b2c0, 9973, 0, AF=2 10.244.0.9:40000, 16): Message too long\n", true, false},
	} {
		o := &observer{stage: model.Stage{Paths: map[string]model.Read[model.Path]{}}}
		control := probe{understand: answered}.read("x", map[string]answer{"": {}}, nil)
		control.Value.Passed = tc.control
		o.path(controlDatagram("vm-a"), control)
		o.path(bigDatagramPath("vm-a"), datagramProbe("x", "", "192.0.2.1", ports.big, 1401, bigTries).read("x", map[string]answer{"x": {stdout: "0\n"}}, nil))
		o.asked(&peer{ports: map[string]peerPorts{"vm-a": ports}}, tc.said)
		if r := o.stage.Paths[bigDatagramPath("vm-a")]; (r.Failure() != nil) != tc.fails || r.Value.Passed {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestGuestNICs(t *testing.T) {
	got, err := guestNICs("eth0 02:86:5E:00:00:07 virtio_net\neth1 02:86:5e:00:00:08\n")
	if err != nil || len(got) != 2 || got[0] != (model.GuestNIC{Name: "eth0", MAC: "02:86:5e:00:00:07", Driver: "virtio_net"}) || got[1].Driver != "" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := guestNICs("one two three four"); err == nil {
		t.Error("a line that is no NIC was taken")
	}
}

func FuzzGuestNICs(f *testing.F) {
	f.Add("eth0 02:86:5e:00:00:07 virtio_net\n")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = guestNICs(text) })
}

func TestService(t *testing.T) {
	ready, not := true, false
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "vm-a", Namespace: "ns"}, Spec: corev1.ServiceSpec{ClusterIP: "10.96.3.200",
		Ports: []corev1.ServicePort{{Port: 8080, Protocol: corev1.ProtocolTCP}, {Port: 8081, Protocol: corev1.ProtocolUDP}}}}
	endpoint := func(pod string, ok *bool) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{TargetRef: &corev1.ObjectReference{Name: pod}, Conditions: discoveryv1.EndpointConditions{Ready: ok}}
	}
	slice := func(service string, es ...discoveryv1.Endpoint) discoveryv1.EndpointSlice {
		return discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{discoveryv1.LabelServiceName: service}}, Endpoints: es}
	}
	o := &observer{running: &scenario.Running{Specs: []model.VMSpec{{Name: "vm-a", Hostname: "host-a"}}},
		launchers: map[string]place{"vm-a": {pod: "virt-launcher-vm-a-x"}}}
	if got := o.hostname("virt-launcher-vm-a-x"); got != "host-a" {
		t.Error(got)
	}
	got := service(s, []discoveryv1.EndpointSlice{slice("vm-a", endpoint("echo", &ready), endpoint("gone", &not)), slice("other", endpoint("x", &ready))}, o.hostname)
	if got.ClusterIP != "10.96.3.200" || len(got.Ports) != 1 || got.Ports[0] != 8080 || len(got.Backends) != 1 || got.Backends[0] != "echo" {
		t.Errorf("%+v", got)
	}
}
