package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/facts"
	"github.com/vmnet-project/vmnet/framework/report"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// What an interrupted run has for its tidying, and to come into the middle of localnet.
const (
	intoLocalnet = 25 * time.Minute
	tidied       = 10 * time.Minute
)

// After a ^C in the middle of localnet the nodes' bridges, ports, links and mappings, the peers' links and processes, and
// the cluster's networks are what they were before. It needs the bed that VMNET_BED names, with a physical side.
func TestLiveInterruptInLocalnet(t *testing.T) {
	dir := os.Getenv("VMNET_BED")
	if dir == "" {
		t.Skip("VMNET_BED names no bed directory")
	}
	b, err := bed.Open(t.Context(), bed.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := closeBed(t.Context(), b); err != nil {
			t.Error(err)
		}
	}()
	if p, ok := b.Physical(); !ok || len(p.Peers) == 0 {
		t.Fatal("the bed has no physical side: nothing would be shown")
	}
	before, err := footprint(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}

	said := &spoken{words: "localnet, steady", heard: make(chan struct{})}
	cmd := exec.Command(os.Args[0], "run", "--bed", dir, "--scenario", "localnet", "--out", t.TempDir())
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-said.heard:
	case <-ended:
		t.Fatalf("it ended before the middle of localnet:\n%s", said)
	case <-time.After(intoLocalnet):
		_ = cmd.Process.Kill()
		t.Fatalf("not in the middle of localnet after %s:\n%s", intoLocalnet, said)
	}
	// what the test is about is there now: else it would show nothing
	if during, err := footprint(t.Context(), b); err != nil || len(differences(before, during)) == 0 {
		t.Errorf("in the middle of localnet nothing is other than before (%v)", err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(tidied):
		_ = cmd.Process.Kill()
		t.Fatalf("still tidying after %s:\n%s", tidied, said)
	}
	if code := cmd.ProcessState.ExitCode(); code != report.ExitInterrupted {
		t.Errorf("exit code %d, want %d:\n%s", code, report.ExitInterrupted, said)
	}
	// pods that end take their links with them a moment later
	gomega.NewWithT(t).Eventually(t.Context(), func(ctx context.Context) ([]string, error) {
		after, err := footprint(ctx, b)
		return differences(before, after), err
	}).WithTimeout(time.Minute).WithPolling(2 * time.Second).Should(gomega.BeEmpty())
	t.Logf("the same before and after:\n%s", strings.Join(before, "\n"))
}

// spoken is what the program prints; heard is closed once its words are among that.
type spoken struct {
	words string
	heard chan struct{}

	mu   sync.Mutex
	text strings.Builder
	once sync.Once
}

func (s *spoken) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	if strings.Contains(s.text.String(), s.words) {
		s.once.Do(func() { close(s.heard) })
	}
	return len(p), nil
}

func (s *spoken) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// onNode prints what localnet changes on a node: Open vSwitch's own settings, bridges with their ports, links, and captures.
const onNode = `vs() { ovs-vsctl -t 30 --db=unix:/proc/1/root/run/openvswitch/db.sock "$@"; }
vs get Open_vSwitch . external_ids
for b in $(vs list-br); do for p in $(vs list-ports $b); do echo "port $b $p"; done; echo "bridge $b"; done
ip -o link | sed 's/^[0-9]*: \([^:@]*\).*<\(.*\)>.*/link \1 \2/'
for p in /proc/[0-9]*; do
	! grep -qx tcpdump $p/comm 2>/dev/null || echo "capture $(tr '\0' ' ' <$p/cmdline)"
done`

// onPeer prints what it changes on a host outside: links with their addresses, and processes but for those
// that have ended and wait for their parent.
const onPeer = `ip -o addr | sed 's/^[0-9]*: /address /; s/ *valid_lft.*//'
for p in /proc/[0-9]*; do
	c=$({ tr '\0' ' ' <$p/cmdline; } 2>/dev/null) || :
	[ $p = /proc/$$ ] || [ -z "$c" ] || echo "process $c"
done`

// footprint is what a run changes on a bed and must leave as it was, a line for each thing, sorted.
func footprint(ctx context.Context, b *bed.Bed) ([]string, error) {
	var all []string
	add := func(place, text string) {
		for line := range strings.Lines(text) {
			all = append(all, place+": "+strings.TrimSpace(line))
		}
	}
	nodes, err := facts.VMNodes(ctx, b)
	if err != nil {
		return nil, err
	}
	for _, name := range nodes {
		node, err := b.Node(ctx, name)
		if err != nil {
			return nil, err
		}
		out, err := node.Run(ctx, "sh", "-c", onNode)
		if err != nil {
			return nil, err
		}
		add("node "+name, out)
	}
	hosts := []bed.Runner{}
	if outside, ok := b.Outside(); ok {
		hosts = append(hosts, outside)
	}
	if p, ok := b.Physical(); ok {
		for _, spec := range p.Peers {
			if host, ok := b.Peer(spec.Name); ok {
				hosts = append(hosts, host)
			}
		}
	}
	for _, host := range hosts {
		out, err := host.Run(ctx, "sh", "-c", onPeer)
		if err != nil {
			return nil, err
		}
		add(host.Place(), out)
	}
	for _, kind := range []schema.GroupVersionKind{scenario.UDNKind, scenario.CUDNKind, scenario.NADKind, {Version: "v1", Kind: "Namespace"}} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind)
		if err := b.Objects.List(ctx, list); err != nil {
			return nil, fmt.Errorf("%s: %w", kind.Kind, err)
		}
		for _, o := range list.Items {
			add("cluster", kind.Kind+" "+o.GetNamespace()+"/"+o.GetName())
		}
	}
	slices.Sort(all)
	return all, nil
}

// differences are the lines that one has and the other has not, as often.
func differences(before, after []string) []string {
	count := map[string]int{}
	for _, line := range before {
		count[line]--
	}
	for _, line := range after {
		count[line]++
	}
	var found []string
	for line, n := range count {
		switch {
		case n < 0:
			found = append(found, "gone: "+line)
		case n > 0:
			found = append(found, "new: "+line)
		}
	}
	slices.Sort(found)
	return found
}
