package fault

import (
	"context"
	"errors"
	"maps"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// theWorld is one of three VMs: by masquerade, and on user-defined networks.
func theWorld(t *testing.T, at func(spot) (bed.Runner, error)) *World {
	t.Helper()
	launcherOf := func(vm, ip, networks string) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "virt-launcher-" + vm, Namespace: "ns", UID: "uid-" + "1-2",
			Labels: map[string]string{"kubevirt.io": "virt-launcher", nameLabel: vm}, Annotations: map[string]string{}},
			Spec: corev1.PodSpec{NodeName: "n1"}, Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: ip}}
		if networks != "" {
			p.Annotations[parse.PodNetworks] = networks
		}
		return p
	}
	return &World{
		Bed: &bed.Bed{Kube: fake.NewClientset(launcherOf("vm-a", "10.244.0.5", ""), launcherOf("vm-ps", "10.244.0.6",
			`{"default":{"ip_addresses":["10.244.0.6/24"],"role":"infrastructure-locked"},
"ns/primary-udn":{"ip_addresses":["10.1.1.3/24"],"mac_address":"0a:58:0a:01:01:03","gateway_ips":["10.1.1.1"],"role":"primary"},
"ns/secondary-udn":{"ip_addresses":["10.2.2.1/24"],"mac_address":"02:86:5e:00:00:0a","role":"secondary"}}`))},
		Facts: model.Facts{MTU: 1400, ClusterSubnets: []string{"10.244.0.0/16"}, Nodes: []model.Node{{Name: "n1", EdgeIPs: []string{"172.18.0.2"}}}},
		Running: &scenario.Running{Namespace: "ns", Specs: []model.VMSpec{
			{Name: "vm-a", Namespace: "ns", Interfaces: []model.InterfaceSpec{{Name: "default", Binding: "masquerade", MAC: "02:86:5e:00:00:07"}}},
			{Name: "vm-down", Namespace: "ns"},
			{Name: "vm-ps", Namespace: "ns", Interfaces: []model.InterfaceSpec{{Name: "default", Binding: "l2bridge"}, {Name: "secondary-udn", Binding: "bridge"}}},
		}},
		enterAt: at,
	}
}

func TestVariables(t *testing.T) {
	w := theWorld(t, nil)
	for of, want := range map[string]string{
		"vm-a":  "gateway=10.0.2.1\n ip=10.244.0.5\n mac=02:86:5e:00:00:07\n node=n1\n own=10.0.2.2\n pod=virt-launcher-vm-a\n port=ns_virt-launcher-vm-a\n prefix=24\n third=10.0.2.3\n vm_ps_own=10.1.1.3\n edge=172.18.0.2\n mtu=1400\n",
		"vm-ps": "gateway=10.1.1.1\n hash=2eae7330186\n ip=10.244.0.6\n mac=0a:58:0a:01:01:03\n own=10.1.1.3\n second=10.2.2.1\n vm_a_ip=10.244.0.5\n vm_ps_second=10.2.2.1\n vm_namespace=ns\n",
	} {
		got, err := w.variables(t.Context(), of)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(want, " ") {
			if !strings.Contains("\n"+got, "\n"+line) {
				t.Errorf("%s: no %q in\n%s", of, line, got)
			}
		}
	}
	if _, err := w.variables(t.Context(), "vm-down"); err == nil {
		t.Error("a script about a VM that does not run")
	}
}

func TestNetworkVariables(t *testing.T) {
	v := map[string]string{"node": "n1"}
	for key, network := range map[string][2]string{"other/other-udn": {"ns-other_other-udn", "10.7.7.0/24"}, "layer3/layer3-udn": {"ns-layer3_layer3-udn", "10.8.0.0/16/24"}} {
		if err := ofNetwork(v, key, network[0], []string{network[1]}); err != nil {
			t.Fatal(err)
		}
	}
	for k, want := range map[string]string{"network_other_other_udn": "ns-other_other-udn", "switch_other_other_udn": "ns.other_other.udn_ovn_layer2_switch",
		"router_other_other_udn": "GR_ns.other_other.udn_n1", "subnet_other_other_udn": "10.7.7.0/24", "last_other_other_udn": "10.7.7.254", "last_layer3_layer3_udn": ""} {
		if v[k] != want {
			t.Errorf("%s is %q, want %q", k, v[k], want)
		}
	}
}

// shell is a place that runs scripts here, where the tools are functions.
type shell struct {
	tools string
	seen  func(script string)
}

func (shell) Place() string { return "here" }

func (s shell) Run(ctx context.Context, argv ...string) (string, error) {
	script := argv[len(argv)-1]
	if s.seen != nil {
		s.seen(script)
	}
	out, err := exec.CommandContext(ctx, "sh", "-c", s.tools+script).CombinedOutput()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return string(out), &bed.CommandError{Place: "here", ExitCode: exit.ExitCode(), Stderr: string(out)}
	}
	return string(out), err
}

// TestScript: what was there is saved and, before the change, kept; the scripts see it and the world's variables.
func TestScript(t *testing.T) {
	dir := t.TempDir()
	var log []string
	var kept []int
	w := theWorld(t, func(s spot) (bed.Runner, error) {
		if s.Node != "n1" || s.Where != Switch {
			t.Errorf("entered %+v", s)
		}
		return shell{seen: func(script string) {
			log = append(log, script[strings.LastIndex(script, "\n")+1:])
			kept = append(kept, len(opened(t, dir, "c1").left()))
		}}, nil
	})
	w.journal = opened(t, dir, "c1")
	s := Script{At: Switch, VM: "vm-a", Save: "echo \"it's $own\"", Change: `[ "$was" = "it's 10.0.2.2" ]`, Effect: `[ "$node" = n1 ]`,
		Revert: `[ "$was" = "it's $own" ]`, Undone: "true"}
	undo, err := s.Do(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	if err := undo(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(log, ";"); got != strings.Join([]string{s.Save, s.Change, s.Effect, s.Revert, s.Undone}, ";") {
		t.Errorf("ran %s", got)
	}
	if got := len(opened(t, dir, "c1").left()); got != 0 || kept[0] != 0 || kept[1] != 1 || kept[4] != 1 {
		t.Errorf("kept %v, then %d", kept, got)
	}
	s.Change = "false"
	undo, err = s.Do(t.Context(), w)
	if err == nil || undo == nil || !strings.Contains(err.Error(), `here: "false": exit code 1`) {
		t.Fatalf("%v", err)
	}
	if err := undo(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestGoneAlready: what a script takes away may be gone; what is there and cannot be taken away is an error.
func TestGoneAlready(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no shell here")
	}
	const absent, stuck = `ip() { [ "$2" != del ]; }; nft() { return 1; }
`, `ip() { echo still there; [ "$2" != del ]; }; nft() { echo still there; return 1; }
`
	for _, script := range []string{"del_link vmnet-x", "del_addr 192.0.2.1/32 eth0", "del_route 192.0.2.0/24 via 10.0.0.1", "del_table ip x",
		joined[1].(Script).Revert, extraLink("vm").Revert, towardEcho[1].(Script).Revert, wrongGateway.Revert} {
		run := func(tools string) error {
			_, err := shell{}.Run(t.Context(), "set -e\n"+path+tools+"vs() { :; }\nwas=eth0\n"+script)
			return err
		}
		if err := run(absent); err != nil {
			t.Errorf("%s: %v", script, err)
		}
		if err := run(stuck); err == nil {
			t.Errorf("%s: what stays is no error", script)
		}
	}
}

// TestRouterRow reads OVN's rules as its tool prints them.
func TestRouterRow(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no shell here")
	}
	const tools = `nb() { case "$*" in
*"list Logical_Router GR_x"*) echo u1 u2 u3 ;;
*"list Logical_Router"*) ;;
*"get NAT u1 logical_ip"*) echo '"10.1.1.1"' ;;
*"get NAT u2 logical_ip"*|*"get NAT u3 logical_ip"*) echo '"10.1.1.0/24"' ;;
*"logical_port list NAT u2"*) echo rtoj-GR_x ;;
*"logical_port list NAT u3"*) echo ;;
*"get NAT u3 external_ip"*) echo '"169.254.0.11"' ;;
*) echo "asked: $*" >&2; return 1 ;;
esac; }
`
	out, err := shell{}.Run(t.Context(), "set -e\n"+tools+routerRow+"row GR_x 10.1.1.0/24")
	if err != nil || strings.TrimSpace(out) != "u3 169.254.0.11" {
		t.Errorf("%q %v", out, err)
	}
	if out, err := (shell{}).Run(t.Context(), "set -e\n"+tools+routerRow+"row GR_y 10.1.1.0/24"); err == nil {
		t.Errorf("a router without the rule: %q", out)
	}
}

// TestScriptsKnowTheirVariables: a name that nobody sets would be empty, and the change another than meant.
func TestScriptsKnowTheirVariables(t *testing.T) {
	used := regexp.MustCompile(`\$\{?#?([a-z][a-z0-9_]*)`)
	assigned := regexp.MustCompile(`(?:^|[\s;(])([a-z][a-z0-9_]*)=|\bfor ([a-z]+) in|\bread -r ([a-z ]+)`)
	known := map[string]bool{"was": true, "outside": true, "stranger": true}
	learn := func(text string) {
		for _, m := range assigned.FindAllStringSubmatch(text, -1) {
			for _, names := range m[1:] {
				for _, n := range strings.Fields(names) {
					known[n] = true
				}
			}
		}
	}
	w := theWorld(t, nil)
	for _, vm := range []string{"vm-a", "vm-ps"} {
		v, err := w.variables(t.Context(), vm)
		if err != nil {
			t.Fatal(err)
		}
		learn(v)
	}
	v := map[string]string{}
	for _, key := range []string{"primary-udn", "other/other-udn", "twin/primary-udn", "secondary-udn"} {
		if err := ofNetwork(v, key, "ns_"+key, []string{"10.1.1.0/24"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := ofUnderlay(v, trunk); err != nil {
		t.Fatal(err)
	}
	ofLeases(v, []model.VMSpec{onVLAN("vm-l"), onVLAN("vm-c")}, nil, "vm-l")
	for k := range v {
		known[k] = true
	}
	for _, vm := range []string{"vm_p", "vm_ps"} { // whose addresses others' scripts name
		known[vm+"_own"], known[vm+"_second"] = true, true
	}
	base := maps.Clone(known)
	for _, f := range All() {
		for _, s := range f.Steps {
			s, ok := s.(Script)
			if !ok {
				continue
			}
			for _, part := range []string{s.Save, s.Change, s.Revert, s.Effect, s.Undone} {
				known = maps.Clone(base)
				learn(part)
				for _, line := range strings.Split(part, "\n") {
					line = regexp.MustCompile(`awk [^']*'[^']*'`).ReplaceAllString(line, "") // awk has its own
					for _, m := range used.FindAllStringSubmatch(line, -1) {
						if !known[m[1]] {
							t.Errorf("%s: nobody sets $%s: %s", f.ID, m[1], line)
						}
					}
				}
			}
		}
	}
}
