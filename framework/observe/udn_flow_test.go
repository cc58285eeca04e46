package observe

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// A table and events as they were recorded; the way is the same: over pod and router to the node edge.
func TestFollow(t *testing.T) {
	for file, c := range map[string]struct {
		parse func(string) ([]model.Conntrack, error)
		guest string
		port  int
		ends  []string
	}{
		"conntrack-egress-n1.txt": {parse.Conntrack, "10.1.1.4", 51322, []string{"10.1.1.4", "10.1.1.4", "169.254.0.19", "192.168.77.11"}},
		"conntrack-events.txt":    {parse.ConntrackNew, "10.1.1.6", 35817, []string{"10.1.1.6", "10.1.1.6", "169.254.0.15", "172.18.0.3"}},
	} {
		text, err := os.ReadFile(filepath.Join("..", "parse", "testdata", "wire", file)) //nolint:gosec // ours
		if err != nil {
			t.Fatal(err)
		}
		all, err := c.parse(string(text))
		if err != nil {
			t.Fatal(err)
		}
		var ends []string
		for _, e := range follow(all, c.guest, c.port) {
			ends = append(ends, e.Reply.Dst)
		}
		slices.Sort(ends)
		if !slices.Equal(ends, c.ends) {
			t.Errorf("%s: %q", file, ends)
		}
		if got := follow(all, c.guest, 1); len(got) != 0 {
			t.Errorf("%s: another connection's: %+v", file, got)
		}
	}
}

// heardWhole is what conntrack v1.4.8 says on a node when it is told to end.
const heardWhole = `NOTICE: Netlink socket buffer size has been set to 8388608 bytes.
conntrack v1.4.8 (conntrack-tools): 1 flow events have been shown.`

const begins = "    [NEW] tcp      6 120 SYN_SENT src=10.1.1.5 dst=192.0.2.1 sport=40000 dport=1 [UNREPLIED] src=192.0.2.1 dst=169.254.0.11 sport=1 dport=5 mark=2 zone=64000\n"

func TestFlows(t *testing.T) {
	o := primaryUDN()
	path := outsidePath("vm-p")
	o.path(path, seen(model.Path{ClientPort: 40000}))
	p := &peer{host: elsewhere{}}
	o.flows("n1", p, map[string]answer{flowsID: {stdout: begins, stderr: heardWhole}}, nil)
	if f := o.stage.Flows[path]; f.Failure() != nil || len(f.Value.Entries) != 1 || f.Raw != begins {
		t.Errorf("%+v", f)
	}
	if f := o.stage.Flows[outsidePath("vm-q")]; f.Failure() == nil {
		t.Errorf("one that nobody tried: %+v", f)
	}
	notice, _, _ := strings.Cut(heardWhole, "\n")
	for name, deaf := range map[string]answer{
		"no conntrack": {stderr: "conntrack: not found"},
		"never began":  {stdout: begins},
		"lost events":  {stdout: begins, stderr: heardWhole + "\nWARNING: We have hit ENOBUFS! We are losing events."},
		"died":         {stdout: begins, stderr: notice},
	} {
		o.flows("n1", p, map[string]answer{flowsID: deaf}, nil)
		if f := o.stage.Flows[path]; f.Failure() == nil {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// The listener is waited for, gets the signal that ends it, and what it heard in between is kept.
func TestFlowsAreListenedTo(t *testing.T) {
	dir := t.TempDir()
	notice, end, _ := strings.Cut(heardWhole, "\n")
	programs(t, map[string]string{"conntrack": fmt.Sprintf(`[ "$*" = '-E -e NEW -b 4194304 -p tcp -d 192.0.2.1' ] || exit 2
trap "echo '%s' >&2; exit 0" TERM
until [ -e %[2]s/ready ]; do sleep 0.05; done
echo '%[3]s' >&2
until [ -e %[2]s/flow ]; do sleep 0.05; done
echo '%[4]s'
while :; do sleep 0.05; done`, end, dir, notice, strings.TrimSuffix(begins, "\n"))})
	touch := func(name string) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Error(err)
		}
	}
	time.AfterFunc(time.Second/2, func() { touch("ready") })
	w := startWatch(t.Context(), startLocal, "", []ask{askFlows("192.0.2.1")})
	if _, err := os.Stat(filepath.Join(dir, "ready")); err != nil || w.err != nil {
		t.Errorf("it began before conntrack listened: %v, %v", err, w.err)
	}
	touch("flow")
	time.Sleep(time.Second / 2) // as an attempt takes
	answers, err := w.stop(t.Context())
	if got := answers[flowsID]; err != nil || got.stdout != begins || heard(got.stderr) != nil {
		t.Errorf("%v: %+v: %v", err, got, heard(got.stderr))
	}
}
