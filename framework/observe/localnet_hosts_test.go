package observe

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

// hereAsHost is this machine as a host on a VLAN.
type hereAsHost struct{ bed.Host }

func (hereAsHost) Place() string { return "peer vlan-1924" }
func (hereAsHost) Run(ctx context.Context, argv ...string) (string, error) {
	return shell{}.Run(ctx, argv...)
}

func (hereAsHost) Start(ctx context.Context, argv ...string) (bed.Process, error) {
	return startLocal(ctx, argv...)
}

// hostRound is a round at the host on the VMs' VLAN, with recorded captures: on eth0 the trunk's, on its link on the VLAN
// that link's own.
func hostRound(t *testing.T, more map[string]string) *observer {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	all := map[string]string{
		"ip": `case "$*" in
"-d -j addr") echo '[{"ifindex":2,"ifname":"eth0","address":"86:81:39:91:63:61","mtu":1500,"flags":["UP"],"addr_info":[]},
{"ifindex":3,"ifname":"eth0.1924","address":"86:81:39:91:63:61","mtu":1500,"flags":["UP"],"addr_info":[{"family":"inet","local":"192.0.2.1","prefixlen":24}]}]' ;;
"-j neigh") echo '[{"dst":"192.0.2.139","dev":"eth0.1924","lladdr":"02:86:5e:00:00:14","state":["REACHABLE"]}]' ;;
*) exit 1 ;; esac`,
		"arping":  `[ "$*" = "-U -c 1 -I eth0.1924 192.0.2.1" ]`,
		"tcpdump": `if [ "$2" = eth0 ]; then ` + tcpdumpOf(t, "trunk-n2.pcap") + "\nfi\n" + tcpdumpOf(t, "vlan1924.pcap"),
	}
	for name, body := range more {
		all[name] = body
	}
	programs(t, all)
	o := onVLAN(t)
	o.stage.Paths["vm-m>peer/vlan-1924"] = seen(model.Path{ClientPort: 35586})
	h := o.vlanHosts()[0]
	h.host = hereAsHost{}
	h.start(context.Background())
	h.stop(context.Background(), o)
	return o
}

func TestRoundAtAHost(t *testing.T) {
	o := hostRound(t, nil)
	p := o.stage.Physical.Peers["vlan-1924"]
	if p.VLAN != 1924 || p.Links.Failure() != nil || p.Neighbours.Failure() != nil || len(p.Neighbours.Value) != 1 || p.Neighbours.Value[0].MAC != "02:86:5e:00:00:14" {
		t.Errorf("%+v", p)
	}
	tags := o.stage.Frames["vm-l>peer/vlan-1924"]
	if tags.Failure() != nil || tags.Place != "peer vlan-1924" || len(tags.Value) == 0 || !strings.Contains(tags.Command, "tcpdump -i eth0 ") {
		t.Fatalf("%d frames: %+v", len(tags.Value), tags.Err)
	}
	for _, f := range tags.Value {
		if !slices.Equal(f.VLANs, []int{1924}) {
			t.Errorf("%+v", f)
		}
	}
	// frames of another MAC are a VM's by its port, for who rewrites addresses may leave that
	if r := o.stage.Frames["vm-m>peer/vlan-1924"]; len(r.Value) == 0 || r.Value[0].SrcPort != 35586 {
		t.Errorf("by port: %d frames", len(r.Value))
	}
	if r := o.stage.Frames["vm-c>peer/vlan-1924"]; r.Failure() != nil || len(r.Value) != 0 {
		t.Errorf("of a VM that said nothing: %d frames, %q", len(r.Value), r.Err)
	}
	heard := o.stage.Frames["vm-c>peer/vlan-1924#arp"]
	if heard.Failure() != nil || len(heard.Value) == 0 || !strings.Contains(heard.Command, "tcpdump -i eth0.1924 ") ||
		!strings.Contains(heard.Command, "'arp or ether host 02:86:5e:00:00:16 or ether host 02:86:5e:00:00:1a or ") {
		t.Errorf("%d frames: %q, %q", len(heard.Value), heard.Command, heard.Err)
	}
	if slices.ContainsFunc(heard.Value, func(f model.Frame) bool { return f.SrcMAC != "86:81:39:91:63:61" }) {
		t.Error("the host's own frames alone are left for a VM that said nothing")
	}
}

func TestRoundAtAHostThatLacksSomething(t *testing.T) {
	for name, c := range map[string]struct {
		programs   map[string]string
		neighbours bool
	}{
		"no tcpdump":      {map[string]string{"tcpdump": "echo 'eth0.1924: No such device exists' >&2; exit 1"}, true},
		"no such address": {map[string]string{"ip": `echo '[{"ifindex":2,"ifname":"eth0","addr_info":[]}]'`}, false},
	} {
		o := hostRound(t, c.programs)
		for _, path := range []string{"vm-l>peer/vlan-1924", "vm-l>peer/vlan-1924#arp"} {
			if r := o.stage.Frames[path]; r.Failure() == nil || r.Place != "peer vlan-1924" {
				t.Errorf("%s: %s: %+v", name, path, r)
			}
		}
		if err := o.stage.Physical.Peers["vlan-1924"].Neighbours.Failure(); (err == nil) != c.neighbours {
			t.Errorf("%s: neighbours: %v", name, err)
		}
	}
}

// The filter's words are pcap's: flow without a tag, under one, under two.
func TestTagFilter(t *testing.T) {
	const want = "arp or tcp port 8080 or (vlan and (arp or tcp port 8080 or (vlan and (arp or tcp port 8080))))"
	if tagFilter != want {
		t.Errorf("%q", tagFilter)
	}
}

func TestStranger(t *testing.T) {
	for address, want := range map[string]string{"192.0.2.1": "192.0.2.2", "192.0.2.9": "192.0.2.1"} {
		h := vlanHost{spec: bed.VLANPeer{HostSpec: bed.HostSpec{Address: address}, Prefix: 24}}
		if got := h.stranger(); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
