package observe

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

const recordedQEMU = `/usr/bin/qemu-system-x86_64
-netdev
{"type":"tap","fd":"22","id":"hostua-default"}
-device
{"driver":"virtio-net-pci-non-transitional","host_mtu":1400,"netdev":"hostua-default","id":"ua-default","mac":"02:86:5e:00:00:07","bus":"pci.1","addr":"0x0","romfile":""}
`

func TestNICs(t *testing.T) {
	good := recordedQEMU + fdMark + "\n/proc/4711/fdinfo/22:iff:\ttap0\n/proc/4711/fdinfo/31:iff:\ttap1\n"
	got, err := nics(good)
	want := model.NIC{Device: "virtio-net-pci-non-transitional", ID: "hostua-default", MAC: "02:86:5e:00:00:07", Tap: "tap0"}
	if err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := nics(strings.ReplaceAll(good, "/22:", "/23:")); err != nil || got[0].Tap != "" {
		t.Errorf("another file's tap was taken: %+v, %v", got, err)
	}
	for _, bad := range []string{"", recordedQEMU, fdMark, recordedQEMU + fdMark + "\n/proc/1/fdinfo/2:pos:\t0\n"} {
		if got, err := nics(bad); err == nil {
			t.Errorf("%q gave %+v", bad, got)
		}
	}
}

func FuzzNICs(f *testing.F) {
	f.Add(recordedQEMU + fdMark + "\n/proc/4711/fdinfo/22:iff:\ttap0\n")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = nics(text) })
}

// The prelude is tried on this machine's own processes: there is one in our control group, this test.
func TestProcessOfAPod(t *testing.T) {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skip("no control groups here: ", err)
	}
	_, path, _ := strings.Cut(strings.TrimSpace(strings.Split(string(own), "\n")[0]), "::")
	if path == "" {
		t.Skip("control groups of version 1 here")
	}
	asks := []ask{
		{id: "found", show: "of '" + path + "'"},
		{id: "none", show: "of 'pod(no-such-pod)'"},
		{id: "enter none", show: `in_pod "" true`},
		{id: "no qemu", show: "qemu 'pod(no-such-pod)'"},
	}
	answers, err := batch(context.Background(), shell{}, bed.ProcessPrelude, asks)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := strconv.Atoi(strings.TrimSpace(answers["found"].stdout)); err != nil || n <= 0 {
		t.Errorf("%+v", answers["found"])
	}
	for _, id := range []string{"none", "enter none", "no qemu"} {
		if a := answers[id]; a.code == 0 || a.stdout != "" {
			t.Errorf("%s: %+v", id, a)
		}
	}
}

func rows(t *testing.T, text string) model.Read[[]parse.Row] {
	t.Helper()
	return read(placed("node n"), ask{id: "x", show: "x"}, map[string]answer{"x": {stdout: text}}, nil, parse.Table)
}

func TestLogicalPort(t *testing.T) {
	links := func(ls ...model.Link) model.Read[[]model.Link] {
		return read(placed("x"), ask{id: "x"}, map[string]answer{"x": {}}, nil, func(string) ([]model.Link, error) { return ls, nil })
	}
	view := model.VMView{}
	view.Launcher.Links = links(model.Link{Name: "lo", Index: 1}, model.Link{Name: "eth0", Index: 2, PeerIndex: 27})
	view.Pod = read(placed("api"), ask{id: "x"}, map[string]answer{"x": {}}, nil, func(string) (model.Pod, error) {
		return model.Pod{Allotted: map[string]model.Allotment{"default": {CIDRs: []string{"10.244.0.9/24"}, MAC: "0a:58:0a:f4:00:09"}}}, nil
	})
	host := links(model.Link{Name: "other", Index: 26}, model.Link{Name: "88b95d985fe6313", Index: 27})
	tables := ovnAnswers{
		interfaces: rows(t, `{"data":[["eth0",["map",[]]],["88b95d985fe6313",["map",[["iface-id","ns_pod"]]]]],"headings":["name","external_ids"]}`),
		ports: rows(t, `{"data":[["ns_other","0a:58:0a:f4:00:08 10.244.0.8"],["ns_pod","0a:58:0a:f4:00:09 10.244.0.9"],["stor","router"],["none",["set",[]]]],`+
			`"headings":["name","addresses"]}`),
		bindings: rows(t, `{"data":[["ns_pod",["uuid","e1412925-8f39-479c-91ae-c6ae58c153f4"],true],["stor",["set",[]],false]],"headings":["logical_port","chassis","up"]}`),
		chassis:  rows(t, `{"data":[[["uuid","e1412925-8f39-479c-91ae-c6ae58c153f4"],"n1"],[["uuid","8681c2cf-0706-491a-81b5-2ccd59a2f71a"],"n2"]],"headings":["_uuid","hostname"]}`),
	}
	got := logicalPort("n1", view, host, tables)
	want := model.LogicalPort{HostLink: "88b95d985fe6313", IfaceID: "ns_pod", Name: "ns_pod", Chassis: "n1", Up: true}
	if got.Failure() != nil || got.Value != want {
		t.Errorf("%+v, %v", got.Value, got.Failure())
	}
	other := tables
	other.interfaces = rows(t, `{"data":[["88b95d985fe6313",["map",[["iface-id","somebody"]]]]],"headings":["name","external_ids"]}`)
	if got := logicalPort("n1", view, host, other); got.Value.IfaceID != "somebody" || got.Value.Name != "ns_pod" {
		t.Errorf("%+v", got.Value)
	}
	other = tables
	other.ports = model.Read[[]parse.Row]{Err: "no database"}
	if got := logicalPort("n1", view, host, other); got.Err != "no database" {
		t.Errorf("%+v", got)
	}
}

func TestPlain(t *testing.T) {
	pod := func(namespace string, change func(*corev1.Pod)) corev1.Pod {
		p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Annotations: map[string]string{}, Labels: map[string]string{}}}
		change(&p)
		return p
	}
	for name, tc := range map[string]struct {
		pod  corev1.Pod
		want bool
	}{
		"kube-system":  {pod("kube-system", func(*corev1.Pod) {}), true},
		"virt-handler": {pod("kubevirt", func(p *corev1.Pod) { p.Labels["kubevirt.io"] = "virt-handler" }), true},
		"anybody's":    {pod("default", func(*corev1.Pod) {}), false},
		"attached":     {pod("kube-system", func(p *corev1.Pod) { p.Annotations["k8s.v1.cni.cncf.io/networks"] = "ns/blue" }), false},
		"other default": {pod("kube-system", func(p *corev1.Pod) {
			p.Annotations["v1.multus-cni.io/default-network"] = "ns/blue"
		}), false},
		"host network": {pod("kube-system", func(p *corev1.Pod) { p.Spec.HostNetwork = true }), false},
		"a VM":         {pod("kube-system", func(p *corev1.Pod) { p.Annotations[domainAnnotation] = "vm-a" }), false},
		"ending":       {pod("kube-system", func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} }), false},
	} {
		if plain(tc.pod) != tc.want {
			t.Errorf("%s: not %t", name, tc.want)
		}
	}
}
