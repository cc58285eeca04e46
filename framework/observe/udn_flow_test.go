package observe

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

func TestFollow(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "parse", "testdata", "wire", "conntrack-egress-n1.txt"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := parse.Conntrack(string(text))
	if err != nil {
		t.Fatal(err)
	}
	got := follow(all, "10.1.1.4", 51322)
	var replies []string
	for _, e := range got {
		replies = append(replies, e.Reply.Dst)
	}
	slices.Sort(replies)
	if !slices.Equal(replies, []string{"10.1.1.4", "10.1.1.4", "169.254.0.19", "192.168.77.11"}) {
		t.Errorf("%+v", got)
	}
	if got := follow(all, "10.1.1.4", 1); len(got) != 0 {
		t.Errorf("another connection's: %+v", got)
	}
}

func TestFlows(t *testing.T) {
	o := primaryUDN()
	path := outsidePath("vm-p")
	at := seen(model.Path{ClientPort: 40000})
	o.path(path, at)
	p := &peer{host: elsewhere{}}
	const line = "    [NEW] tcp 6 9 SYN_SENT src=10.1.1.5 dst=192.0.2.1 sport=40000 dport=1 [UNREPLIED] src=192.0.2.1 dst=169.254.0.11 sport=1 dport=5 mark=0 use=1\n"
	o.flows("n1", p, map[string]answer{flowsID: {stdout: line, stderr: begun}}, nil)
	if f := o.stage.Flows[path]; f.Failure() != nil || len(f.Value.Entries) != 1 || f.Raw != line {
		t.Errorf("%+v", f)
	}
	if f := o.stage.Flows[outsidePath("vm-q")]; f.Failure() == nil {
		t.Errorf("one that nobody tried: %+v", f)
	}
	for _, deaf := range []answer{{stderr: "conntrack: not found"}, {stdout: line},
		{stdout: line, stderr: begun + "\nWARNING: We have hit ENOBUFS! We are losing events."}} {
		o.flows("n1", p, map[string]answer{flowsID: deaf}, nil)
		if f := o.stage.Flows[path]; f.Failure() == nil {
			t.Errorf("%+v of %+v", f, deaf)
		}
	}
}
