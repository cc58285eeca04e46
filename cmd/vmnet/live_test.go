package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/bed/bedtest"
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
// the cluster's networks are what they were before.
func TestLiveInterruptInLocalnet(t *testing.T) {
	b := bedtest.Live(t)
	g := gomega.NewWithT(t)
	before, err := footprint(t.Context(), b)
	g.Expect(err).NotTo(gomega.HaveOccurred())

	cmd := exec.Command(os.Args[0], "run", "--bed", b.Dir, "--scenario", "localnet", "--out", t.TempDir())
	cmd.Env = append(os.Environ(), asProgram+"=1")
	said := gbytes.NewBuffer()
	run, err := gexec.Start(cmd, said, said)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	defer run.Kill()
	g.Eventually(said, intoLocalnet).Should(gbytes.Say("localnet, steady"))
	during, err := footprint(t.Context(), b)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	added := slices.DeleteFunc(during, func(line string) bool { return slices.Contains(before, line) })
	g.Expect(added).To(gomega.And(gomega.ContainElement(gomega.ContainSubstring("vmnet-physical")), gomega.ContainElement(gomega.ContainSubstring("dnsmasq"))),
		"what the test is about is not there in the middle of localnet")

	run.Interrupt()
	g.Eventually(run, tidied).Should(gexec.Exit(report.ExitInterrupted))
	// pods that end take their links with them a moment later
	g.Eventually(t.Context(), func(ctx context.Context) (string, error) {
		after, err := footprint(ctx, b)
		return cmp.Diff(before, after), err
	}).WithTimeout(time.Minute).WithPolling(2 * time.Second).Should(gomega.BeEmpty())
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
