package observe

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

func TestCapture(t *testing.T) {
	pcap, err := os.ReadFile(filepath.Join("..", "parse", "testdata", "wire", "outside.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	c := capture{what: "launcher vm-o", at: place{pod: "x", uid: "u", node: "n1"}, link: firstTap, flows: []captured{
		{path: "refused", hosts: []string{"10.1.1.3"}, port: 40000}, {path: "control", port: 33450}}}
	if want := "host 10.1.1.3 or port 33450 or port 40000"; c.filter() != want {
		t.Errorf("%q, want %q", c.filter(), want)
	}
	const well = "tcpdump: listening on tap0, link-type EN10MB (Ethernet), snapshot length 128 bytes\n9 packets captured\n0 packets dropped by kernel"
	for name, tc := range map[string]struct {
		said    string
		code    int
		control int
		fails   bool
	}{
		"whole":       {said: well, control: 10},
		"lost frames": {said: strings.Replace(well, "\n0", "\n3", 1), fails: true},
		"not begun":   {said: "tcpdump: tap0: No such device exists", fails: true},
	} {
		got := c.frames(map[string]answer{c.ask().id: {stdout: string(pcap), stderr: tc.said}}, nil)
		r, control := got["refused"], got["control"]
		if (r.Failure() != nil) != tc.fails || (control.Failure() != nil) != tc.fails || len(r.Value) != 0 || len(control.Value) != tc.control {
			t.Errorf("%s: %v, %d frames; control %v, %d frames", name, r.Failure(), len(r.Value), control.Failure(), len(control.Value))
		}
	}
}

func TestListenerThatDidNotBegin(t *testing.T) {
	o := primaryUDN()
	o.path("node>launcher/vm-p", seen(model.Path{To: "launcher/vm-p"}))
	asks := []ask{{id: "launcher/vm-p"}, {id: flowsID}}
	o.listened(asks, map[string]answer{"launcher/vm-p": {stderr: "2026/11/25 socat[9] N listening on AF=2 10.244.0.5:8090"}}, nil)
	if r := o.stage.Paths["node>launcher/vm-p"]; r.Failure() != nil {
		t.Errorf("%+v", r)
	}
	o.listened(asks, map[string]answer{"launcher/vm-p": {stderr: "E bind: Address already in use"}}, nil)
	if r := o.stage.Paths["node>launcher/vm-p"]; r.Failure() == nil {
		t.Error("a refusal by a listener that was not there counts")
	}
}
