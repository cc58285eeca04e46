package scenario

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
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
)

// turns are shared by all scenarios of the process: they start at once, and on the same nodes.
var turns struct {
	once sync.Once
	*semaphore.Weighted
}

func turnsFor(nodes int) *semaphore.Weighted {
	turns.once.Do(func() { turns.Weighted = semaphore.NewWeighted(int64(max(nodes, 1) * turnsANode)) })
	return turns.Weighted
}

// awaitAddress waits until a pod, or a VM's launcher, has its address on the cluster's network.
func (r *Running) awaitAddress(ctx context.Context, o client.Object) {
	ctx, cancel := context.WithTimeout(ctx, turn)
	defer cancel()
	// that it did not get one is not this wait's to say
	_ = wait.PollUntilContextCancel(ctx, poll, true, func(ctx context.Context) (bool, error) {
		now, err := r.look(ctx)
		if err != nil {
			return false, nil //nolint:nilerr // asked again until the timeout
		}
		if _, vm := o.(*kubevirtv1.VirtualMachine); vm {
			for _, p := range now.launchers(o.GetName()) {
				if p.Status.PodIP != "" {
					return true, nil
				}
			}
			return false, nil
		}
		p := now.pods[o.GetName()]
		return p != nil && p.Status.PodIP != "", nil
	})
}
