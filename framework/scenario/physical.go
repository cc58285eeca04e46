package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/facts"
)

// physicalTime bounds making the physical side, and taking it back: on each node a pod that may have to start first.
const physicalTime = 4 * time.Minute

// physicalSide is the physical side of a bed in this process: scenarios share it, one after another changes it.
type physicalSide struct {
	mu sync.Mutex
	// runs are those of this process that are on it.
	runs map[string]bool
	dhcp *dhcpServer
	// node, peer and ask are the bed's Node, Peer and AskPeers; folder is DHCPFolder.
	node func(ctx context.Context, name string) (bed.Runner, error)
	peer func(name string) (bed.Host, bool)
	ask  func(ctx context.Context) error

	folder func(vlan int) string
}

var sides = struct {
	mu sync.Mutex
	of map[*bed.Bed]*physicalSide
}{of: map[*bed.Bed]*physicalSide{}}

func sideOf(b *bed.Bed) *physicalSide {
	sides.mu.Lock()
	defer sides.mu.Unlock()
	if sides.of[b] == nil {
		sides.of[b] = &physicalSide{runs: map[string]bool{}, node: b.Node, peer: b.Peer, ask: b.AskPeers, folder: DHCPFolder}
	}
	return sides.of[b]
}

// joinPhysical makes the physical side unless another scenario has: on each node that carries VMs the bridge, its mapping
// and the Linux bridge, on a peer the DHCP server. What killed runs left is taken back before.
func (r *Running) joinPhysical(ctx context.Context, keep bool) error {
	p, ok := r.bed.Physical()
	if !ok {
		return &bed.InputError{What: "scenario " + r.Scenario, Err: errNoPhysical}
	}
	side := sideOf(r.bed)
	side.mu.Lock() // a scenario that waits for another here has its own time
	defer side.mu.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, physicalTime, fmt.Errorf("the physical side is not made within %s", physicalTime))
	defer cancel()
	if len(side.runs) == 0 {
		if err := side.ask(ctx); err != nil {
			return err
		}
	}
	names, err := facts.VMNodes(ctx, r.bed)
	if err != nil {
		return err
	}
	over, err := side.over(ctx, r.bed)
	if err != nil {
		return err
	}
	side.runs[r.RunID] = true
	r.onPhysical.Store(true)
	var server errgroup.Group
	server.Go(func() error { return side.serve(ctx, p) })
	err = side.each(ctx, names, func(s nodeSwitch) error { return s.join(ctx, layoutOf(p), uplinkOf(p), r.RunID, keep, over) })
	return errors.Join(err, server.Wait())
}

// leavePhysical takes this run off the physical side, which goes with the last one.
func (r *Running) leavePhysical(ctx context.Context) error {
	if !r.onPhysical.Load() {
		return nil
	}
	side := sideOf(r.bed)
	side.mu.Lock()
	defer side.mu.Unlock()
	// what networks that hang have used up of the teardown's time is not this part's
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), physicalTime, fmt.Errorf("the physical side is not restored within %s", physicalTime))
	defer cancel()
	delete(side.runs, r.RunID)
	over, err := side.over(ctx, r.bed)
	if err != nil {
		return fmt.Errorf("restore the physical side: %w", err)
	}
	names, err := readyNodes(ctx, r.bed)
	if err == nil {
		err = side.each(ctx, names, func(s nodeSwitch) error { return s.leave(ctx, r.RunID, over) })
	}
	if len(side.runs) == 0 && side.dhcp != nil {
		err = errors.Join(err, side.dhcp.stop(ctx))
		side.dhcp = nil
	}
	if err != nil {
		return fmt.Errorf("restore the physical side: %w", err)
	}
	r.onPhysical.Store(false)
	return nil
}

// RestorePhysical takes back what runs that were killed have left on the nodes: bridges, bridge mappings and links. What a
// run has that was meant to stay, and whose namespaces are there, stays. A DHCP server ended with its run. Nodes are left
// alone where the underlay names no physical side, or none of the scenarios is about it. A host on a VLAN that cannot be
// reached is an *bed.InputError, before anything is touched.
func RestorePhysical(ctx context.Context, b *bed.Bed, scenarios ...string) error {
	if _, ok := b.Physical(); !ok || !slices.ContainsFunc(scenarios, func(name string) bool { return definitions[name].physical }) {
		return nil
	}
	side := sideOf(b)
	side.mu.Lock()
	defer side.mu.Unlock()
	if err := side.ask(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, physicalTime, fmt.Errorf("not done within %s", physicalTime))
	defer cancel()
	over, err := side.over(ctx, b)
	if err == nil {
		var names []string
		if names, err = readyNodes(ctx, b); err == nil {
			err = side.each(ctx, names, func(s nodeSwitch) error {
				_, err := s.restore(ctx, over)
				return err
			})
		}
	}
	if err != nil {
		return fmt.Errorf("take back what an earlier run left of the physical side: %w", err)
	}
	return nil
}

// over says which runs have ended: not those of this process, nor those that were meant to stay and have namespaces. Of two
// processes at once on one physical side the second takes it from the first.
func (s *physicalSide) over(ctx context.Context, b *bed.Bed) (overFunc, error) {
	list, err := b.Kube.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: bed.PartOfLabel + "=" + bed.PartOf + "," + instanceLabel})
	if err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	there := map[string]bool{}
	for _, n := range list.Items {
		if n.DeletionTimestamp == nil {
			there[n.Labels[instanceLabel]] = true
		}
	}
	mine := make(map[string]bool, len(s.runs))
	for run := range s.runs {
		mine[run] = true
	}
	return func(run string, kept bool) bool { return !mine[run] && (!kept || !there[run]) }, nil
}

// serve starts the DHCP server, unless it runs or no peer is for one.
func (s *physicalSide) serve(ctx context.Context, p *bed.Physical) error {
	spec, ok := p.DHCPPeer()
	if !ok || s.dhcp != nil {
		return nil
	}
	host, ok := s.peer(spec.Name)
	if !ok {
		return fmt.Errorf("the DHCP server: there is no peer %s", spec.Name)
	}
	macs, err := routerlessMACs()
	if err != nil {
		return err
	}
	d := &dhcpServer{host: host, peer: spec, folder: s.folder(spec.VLAN)}
	if err := d.start(ctx, macs); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dhcpStart)
		defer cancel()
		return errors.Join(err, d.stop(ctx))
	}
	s.dhcp = d
	return nil
}

// each does work at nodes at the same time, and names all that fail.
func (s *physicalSide) each(ctx context.Context, names []string, work func(nodeSwitch) error) error {
	errs := make([]error, len(names))
	var group sync.WaitGroup
	for i, name := range names {
		group.Go(func() {
			runner, err := s.node(ctx, name)
			if err == nil {
				err = work(nodeSwitch{name: name, runner: runner})
			}
			errs[i] = err
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// readyNodes are those that can be asked.
func readyNodes(ctx context.Context, b *bed.Bed) ([]string, error) {
	list, err := b.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("nodes: %w", err)
	}
	var names []string
	for _, n := range list.Items {
		for _, c := range n.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue {
				names = append(names, n.Name)
			}
		}
	}
	return names, nil
}
