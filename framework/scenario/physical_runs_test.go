package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// physicalBed is a cluster of two nodes with a physical side.
type physicalBed struct {
	bed   *bed.Bed
	nodes map[string]*fakeNode
	peer  *fakePeer
	was   map[string]string
}

// offering is a socat behind which another DHCP server answers.
const offering = `cat >"$0.in"; printf '\002\001\006\000'; head -c 8 "$0.in" | tail -c 4; tail -c +9 "$0.in" | head -c 228; printf 'c\202Sc\065\001\002\066\004\300\000\002\065\377'`

func newPhysicalBed(t *testing.T, namespaces ...string) *physicalBed {
	t.Helper()
	kube := fake.NewClientset()
	p := &physicalBed{nodes: map[string]*fakeNode{}, was: map[string]string{},
		peer: newFakePeer(t, map[string]string{"dnsmasq": dnsmasqStarts, "socat": "if [ -e \"$0.other\" ]; then " + offering + "; else cat >/dev/null; fi",
			"head": `exec /usr/bin/env -i PATH=/usr/bin:/bin head "$@"`, "tail": `exec /usr/bin/env -i PATH=/usr/bin:/bin tail "$@"`})}
	for i, name := range []string{"n1", "n2"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"kubevirt.io/schedulable": "true"}},
			Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}}}
		if err := kube.Tracker().Add(node); err != nil {
			t.Fatal(err)
		}
		ovs := &remembered{externalIDs: map[string]string{mappingsKey: "physnet:breth0"}, bridges: map[string][]string{}}
		p.nodes[name] = begin(t, ovs, []string{"up -", "down -"}[i])
		p.was[name] = p.nodes[name].state()
	}
	for _, run := range namespaces {
		space := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "vmnet-ln-" + run, Labels: map[string]string{bed.PartOfLabel: bed.PartOf, instanceLabel: run}}}
		if err := kube.Tracker().Add(space); err != nil {
			t.Fatal(err)
		}
	}
	p.bed = &bed.Bed{Kube: kube, Underlay: &bed.Underlay{Physical: &bed.Physical{Network: "trunk", Bridge: "br-trunk", Interface: "eth1", Peers: []bed.VLANPeer{
		vlan1924, {HostSpec: bed.HostSpec{Name: "vlan-1925", Address: "198.51.100.1", Interface: "eth0"}, VLAN: 1925, Prefix: 24}}}}}
	p.process(t)
	return p
}

// process makes it one of a new process, which knows nothing of the one before.
func (p *physicalBed) process(t *testing.T) {
	t.Helper()
	side := &physicalSide{runs: map[string]bool{}, folder: func(int) string { return filepath.Join(p.peer.bin, "dhcp") },
		node: func(_ context.Context, name string) (bed.Runner, error) { return p.nodes[name], nil },
		peer: func(string) (bed.Host, bool) { return p.peer, true }, ask: func(context.Context) error { return nil }}
	sides.mu.Lock()
	defer sides.mu.Unlock()
	sides.of[p.bed] = side
}

func (p *physicalBed) run(id string) *Running {
	return newRunning(p.bed, Options{Scenario: "localnet", RunID: id}, definition{short: "ln", physical: true}, Small, "vmnet-ln-"+id, nil)
}

// asBefore asserts that nothing is left on nodes and peer.
func (p *physicalBed) asBefore(t *testing.T, when string) {
	t.Helper()
	for name, n := range p.nodes {
		if is := n.state(); is != p.was[name] {
			t.Errorf("%s: %s before:\n%safter:\n%s", when, name, p.was[name], is)
		}
	}
	if _, err := os.Stat(filepath.Join(p.peer.bin, "dhcp")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: the DHCP server's files: %v", when, err)
	}
}

func (p *physicalBed) mapped(t *testing.T, when string) {
	t.Helper()
	for name, n := range p.nodes {
		if s := n.state(); !strings.Contains(s, mappingsKey+"=physnet:breth0,trunk:br-trunk\n") || !strings.Contains(s, "bridge br-trunk: [br-trunk eth1 vmnet-up1]") {
			t.Errorf("%s: %s:\n%s", when, name, s)
		}
	}
}

// Two scenarios share the side and one DHCP server, whichever goes first.
func TestPhysicalSideIsShared(t *testing.T) {
	p := newPhysicalBed(t)
	first, second := p.run("x1"), p.run("x2")
	errs := make(chan error, 2)
	for _, r := range []*Running{first, second} {
		go func() { errs <- r.joinPhysical(context.WithoutCancel(t.Context()), false) }()
	}
	for range 2 {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	p.mapped(t, "with both")
	if n := strings.Count(p.peer.asked(t), "dnsmasq "); n != 1 {
		t.Errorf("%d DHCP servers", n)
	}
	if err := first.leavePhysical(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.mapped(t, "with the second")
	if err := second.leavePhysical(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.asBefore(t, "with none")
	if err := p.run("x3").leavePhysical(t.Context()); err != nil {
		t.Errorf("one that never was on it: %v", err)
	}
}

// The process dies between any two commands, with a scenario on the side, or none yet: the next one restores all.
func TestPhysicalSideAfterAKill(t *testing.T) {
	for broken := 1; broken <= 6; broken++ {
		t.Run(fmt.Sprint(broken), func(t *testing.T) {
			p := newPhysicalBed(t, "x1") // its namespaces are there: it was killed, not kept
			p.nodes["n2"].broken = broken
			err := p.run("x1").joinPhysical(t.Context(), false)
			if broken < 6 && !errors.Is(err, errCut) {
				t.Fatalf("%v", err)
			}
			p.nodes["n2"].broken = 0
			p.process(t)
			if err := RestorePhysical(t.Context(), p.bed, "localnet"); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(p.peer.bin, "dhcp")); err != nil { // its connection ended, and the next start clears it
				t.Fatal(err)
			}
			p.asBefore(t, "restored by the next run")
		})
	}
}

// A scenario that was kept has its physical side for as long as its namespaces are there.
func TestPhysicalSideIsKept(t *testing.T) {
	p := newPhysicalBed(t, "x1")
	if err := p.run("x1").joinPhysical(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	p.process(t)
	if err := RestorePhysical(t.Context(), p.bed, "localnet"); err != nil {
		t.Fatal(err)
	}
	p.mapped(t, "kept")
	next := p.run("x2")
	if err := errors.Join(next.joinPhysical(t.Context(), false), next.leavePhysical(t.Context())); err != nil {
		t.Fatal(err)
	}
	p.mapped(t, "after the next run")
	if err := p.bed.Kube.CoreV1().Namespaces().Delete(t.Context(), "vmnet-ln-x1", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := RestorePhysical(t.Context(), p.bed, "localnet"); err != nil {
		t.Fatal(err)
	}
	p.asBefore(t, "its namespaces are gone")
}

// A DHCP server that somebody else runs ends the deployment, in one line, and nothing stays.
func TestPhysicalSideWithAnotherDHCPServer(t *testing.T) {
	p := newPhysicalBed(t)
	other := filepath.Join(p.peer.bin, "socat.other")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := p.run("x1")
	err := r.joinPhysical(t.Context(), false)
	var input *bed.InputError
	if !errors.As(err, &input) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "another DHCP server, 192.0.2.53, answers on VLAN 1924") {
		t.Errorf("%T: %v", err, err)
	}
	if err := r.leavePhysical(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.asBefore(t, "refused")
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	if err := r.joinPhysical(t.Context(), false); err != nil {
		t.Errorf("once it is gone: %v", err)
	}
}

func TestPhysicalSideIsNeeded(t *testing.T) {
	r := newRunning(&bed.Bed{}, Options{Scenario: "localnet", RunID: "x1"}, definition{}, Small, "vmnet-ln-x1", nil)
	err := r.joinPhysical(t.Context(), false)
	var input *bed.InputError
	if !errors.As(err, &input) || !strings.Contains(err.Error(), "scenario localnet: it needs the physical side") {
		t.Errorf("%v", err)
	}
}

// The nodes are restored last, and also when something of the scenario hangs.
func TestTeardownRestoresThePhysicalSide(t *testing.T) {
	for name, finalizers := range map[string][]string{"in order": nil, "a network hangs": {protection}} {
		t.Run(name, func(t *testing.T) {
			e := endingOf(t, finalizers...)
			p := newPhysicalBed(t)
			for n := range p.nodes {
				node, err := p.bed.Kube.CoreV1().Nodes().Get(t.Context(), n, metav1.GetOptions{})
				if err == nil {
					_, err = e.bed.Kube.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{})
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			e.bed.Underlay, p.bed = p.bed.Underlay, e.bed
			p.process(t)
			r := e.running(t)
			r.ours.Store(true)
			if finalizers != nil {
				r.timeouts.NetworksGone = 100 * time.Millisecond
			}
			if err := r.joinPhysical(t.Context(), false); err != nil {
				t.Fatal(err)
			}
			restored := 0 // deletions before it
			side := sideOf(e.bed)
			node := side.node
			side.node = func(ctx context.Context, name string) (bed.Runner, error) {
				e.mu.Lock()
				defer e.mu.Unlock()
				restored = len(e.said)
				return node(ctx, name)
			}
			if err := r.Teardown(t.Context()); (err != nil) != (finalizers != nil) {
				t.Errorf("%v", err)
			}
			if restored == 0 || restored != len(e.said) {
				t.Errorf("restored after %d of %d deletions", restored, len(e.said))
			}
			p.asBefore(t, "after the teardown")
		})
	}
}
