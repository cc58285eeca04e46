package scenario

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// turnsANode is how many pods get their network at the same time, a node. Multus' plugin gives the API server 2.5 s to
	// answer (multus-cni, pkg/k8sclient: shortPollTimeout); where a dozen start at once on a slow core most miss that,
	// and each failure costs a back-off and a sandbox made for nothing.
	turnsANode = 2
	// turn is how long one may take: what is slower is waited for elsewhere, with better words.
	turn = 45 * time.Second
	// A VM without KVM takes all turns until its guest runs, for so long at most. What KubeVirt does until then has deadlines
	// of 20 s (pkg/virt-handler/cmd-client: longTimeout; longer in our own images) and of a minute (the kernel-boot container),
	// and a VM that misses them fails: two at a time did, on a host half as fast as others.
	emulatedTurn = 4 * time.Minute
)

// turns are shared by all scenarios of the process: they start at once, and on the same nodes.
var turns struct {
	once sync.Once
	all  int64
	*semaphore.Weighted
}

// turnsFor gives them, and how many there are: as many as the nodes had when it was first asked.
func turnsFor(nodes int) (*semaphore.Weighted, int64) {
	turns.once.Do(func() {
		turns.all = int64(max(nodes, 1) * turnsANode)
		turns.Weighted = semaphore.NewWeighted(turns.all)
	})
	return turns.Weighted, turns.all
}

// inTurns does something with each object, as many at the same time as there are turns, in their order; weigh says how many
// turns one takes.
func inTurns(ctx context.Context, t *semaphore.Weighted, objects []client.Object, weigh func(client.Object) int64, do func(context.Context, client.Object) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, o := range objects {
		weight := weigh(o)
		if err := t.Acquire(ctx, weight); err != nil {
			// where one of the group has failed, that is the reason
			return cmp.Or(group.Wait(), fmt.Errorf("%s has not had its turn: %w", o.GetName(), context.Cause(ctx)))
		}
		group.Go(func() error {
			defer t.Release(weight)
			return do(ctx, o)
		})
	}
	return group.Wait()
}

// awaitLeader waits, before a VM is made that prefers to be on another one's node, until that one has a node: a scheduler
// that does not find it yet forgets the preference. (It cannot be required: the VM is to be moved to another node.)
func (r *Running) awaitLeader(ctx context.Context, o client.Object) {
	leader := leaderOf(o)
	if leader == "" {
		return
	}
	r.within(ctx, turn, func(now *glance) bool {
		return slices.ContainsFunc(now.launchers(leader), func(p *corev1.Pod) bool { return p.Spec.NodeName != "" })
	})
}

// leaderOf names the VM on whose node a VM prefers to be; empty for none.
func leaderOf(o client.Object) string {
	vm, ok := o.(*kubevirtv1.VirtualMachine)
	if !ok || vm.Spec.Template.Spec.Affinity == nil || vm.Spec.Template.Spec.Affinity.PodAffinity == nil {
		return ""
	}
	for _, p := range vm.Spec.Template.Spec.Affinity.PodAffinity.PreferredDuringSchedulingIgnoredDuringExecution {
		if s := p.PodAffinityTerm.LabelSelector; s != nil && s.MatchLabels[nameLabel] != "" {
			return s.MatchLabels[nameLabel]
		}
	}
	return ""
}

// emulated says whether an object is a VM whose guest will run without KVM.
func (r *Running) emulated(o client.Object) bool {
	_, vm := o.(*kubevirtv1.VirtualMachine)
	return vm && r.facts.Emulation
}

// weight is how many of all turns an object takes: one, or all where its guest is emulated.
func (r *Running) weight(o client.Object, all int64) int64 {
	if r.emulated(o) {
		return all
	}
	return 1
}

// awaitTurn waits until a pod, or a VM's launcher, has its address on the cluster's network, or a guest without KVM runs.
func (r *Running) awaitTurn(ctx context.Context, o client.Object) {
	if r.emulated(o) {
		r.within(ctx, emulatedTurn, func(now *glance) bool {
			vmi := now.vmis[o.GetName()]
			return vmi != nil && (vmi.Status.Phase == kubevirtv1.Running || vmi.IsFinal())
		})
		return
	}
	addressed := func(p *corev1.Pod) bool { return p != nil && p.Status.PodIP != "" }
	_, vm := o.(*kubevirtv1.VirtualMachine)
	r.within(ctx, turn, func(now *glance) bool {
		if vm {
			return slices.ContainsFunc(now.launchers(o.GetName()), addressed)
		}
		return addressed(now.pods[o.GetName()])
	})
}

// within looks until something is seen, at most for so long. That it was not is not this wait's to say: what needs it has
// one of its own, with better words.
func (r *Running) within(ctx context.Context, limit time.Duration, seen func(*glance) bool) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_ = wait.PollUntilContextCancel(ctx, poll, true, func(ctx context.Context) (bool, error) {
		now, err := r.look(ctx)
		return err == nil && seen(now), nil //nolint:nilerr // asked again until the timeout
	})
}
