package observe

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// removalWait is how long a network is looked at whose deletion was asked for, removalPoll how often.
const (
	removalWait = 15 * time.Second
	removalPoll = time.Second
)

// removal looks whether the network goes, until it is gone or the wait is over.
func (o *observer) removal(ctx context.Context) {
	began := time.Now()
	r := model.Read[model.Removal]{Place: apiPlace, Value: model.Removal{Network: doomed}}
	all := o.running.Networks()
	i := slices.IndexFunc(all, func(n scenario.NetworkRef) bool { return n.Key == doomed })
	if i < 0 {
		r.Err = "the scenario has no network " + doomed
	} else {
		r.Command = fmt.Sprintf("get userdefinednetwork %s, for %s", all[i].Name, removalWait)
		o.watchRemoval(ctx, all[i], removalWait, &r)
	}
	r.At, r.Value.Waited = time.Now().UTC(), time.Since(began).Seconds()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stage.Removal = r
}

// watchRemoval looks until the network is gone or the wait is over, which is the usual end; and on where the last look
// failed. The looks themselves are not bounded by the wait: client-go refuses a call that it would have to queue beyond its
// context's deadline.
func (o *observer) watchRemoval(ctx context.Context, n scenario.NetworkRef, limit time.Duration, r *model.Read[model.Removal]) {
	began := time.Now()
	_ = wait.PollUntilContextTimeout(ctx, removalPoll, 2*limit, true, func(context.Context) (bool, error) {
		o.removing(ctx, n, r)
		return r.Err == "" && (!r.Value.There || time.Since(began) >= limit), nil
	})
	if ctx.Err() != nil {
		r.Err = context.Cause(ctx).Error()
	}
}

// removing looks once.
func (o *observer) removing(ctx context.Context, n scenario.NetworkRef, r *model.Read[model.Removal]) {
	u, err := o.udnObject(ctx, n)
	v := &r.Value
	switch {
	case apierrors.IsNotFound(err):
		r.Err, r.Raw = "", err.Error()
		v.There, v.Deleting, v.Finalizers, v.Users = false, false, nil, nil
		return
	case err != nil:
		r.Err = err.Error()
		return
	}
	r.Err, r.Raw = "", asJSON(u)
	v.There, v.Deleting, v.Finalizers = true, u.GetDeletionTimestamp() != nil, u.GetFinalizers()
	said, err := parse.UDN(r.Raw)
	if err != nil {
		r.Err = err.Error()
		return
	}
	v.Users = parse.Users(said.Reason)
}

// despiteRemoval is the attempt that must pass as long as a VM uses the network.
func (o *observer) despiteRemoval() []onPlace {
	return []onPlace{o.hostnameFrom(doomedFrom, doomedPath, "vm/"+doomedVM, o.vmAddress(doomedVM, primary), 1, httpSeconds)}
}
