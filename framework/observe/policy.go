package observe

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// PolicyTimeout is how long a NetworkPolicy has to take effect.
	PolicyTimeout = 60 * time.Second
	// policyRemoval bounds the deletion of the policies, also when the round was interrupted.
	policyRemoval = 20 * time.Second

	denyFile  = "networkpolicy-deny.yaml"
	allowFile = "networkpolicy-allow.yaml"
)

// policies looks at a connection while ingress to vm-b is denied and once it is allowed again, and at one to vm-a
// that is not meant. What it was before is among the other paths: without that control a denial would prove
// nothing, the client might be dead.
func (o *observer) policies(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, PolicyTimeout*2)
	defer cancel()
	limit := int(PolicyTimeout.Seconds())
	denied := o.attempt("vm-b", "#denied", limit, policySeconds, false)
	during := o.attempt("vm-a", "#during-deny", 1, httpSeconds, true)
	allowed := o.attempt("vm-b", "#allowed", limit, policySeconds, true)
	defer o.removePolicies(ctx, denied.name, allowed.name)
	if err := o.running.Apply(ctx, denyFile); err != nil {
		o.cannot(fmt.Errorf("the denying policy could not be applied: %w", err), denied, during, allowed)
		return
	}
	o.clientProbes(ctx, denied, during)
	if err := o.running.Apply(ctx, allowFile); err != nil {
		o.cannot(fmt.Errorf("the allowing policy could not be applied: %w", err), allowed)
		return
	}
	o.clientProbes(ctx, allowed)
}

// cannot keeps attempts that could not be made.
func (o *observer) cannot(err error, probes ...probe) {
	for _, one := range probes {
		o.path(one.name, one.read("pod client", nil, err))
	}
}

// removePolicies leaves the scenario as it was, also when the round was interrupted. A policy that stays would be
// there in the next round, so that this one cannot be trusted either.
func (o *observer) removePolicies(ctx context.Context, paths ...string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), policyRemoval)
	defer cancel()
	err := errors.Join(o.running.Delete(ctx, denyFile), o.running.Delete(ctx, allowFile))
	if err == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, name := range paths {
		r := o.stage.Paths[name]
		r.Err = fmt.Sprintf("the policies could not be removed: %v", err)
		o.stage.Paths[name] = r
	}
}

// attempt connects from the client until the outcome is the wanted one, twice in a row where that is a refusal, or
// until it has tried for so many seconds; the last outcome counts. It loops at the client: a visit for each try
// would take longer.
func (o *observer) attempt(vm, suffix string, limit, seconds int, want bool) probe {
	url := fmt.Sprintf("http://%s:%d/hostname", o.podIP(vm), defaultHTTPPort)
	one := httpProbe("pod/client>"+vm+suffix, "pod/client", "vm/"+vm, url, seconds, answered)
	again := 1
	if !want {
		again = 2
	}
	one.ask.script = fmt.Sprintf(`n=0; end=$(($(date +%%s)+%[1]d))
while :; do
	if out=$(get %[2]d '%[3]s' 2>&1); then c=0; got=true; else c=$?; got=false; fi
	if [ $got = %[4]t ]; then n=$((n+1)); else n=0; fi
	if [ $n -ge %[5]d ] || [ "$(date +%%s)" -ge $end ]; then break; fi
	[ $got = false ] || sleep 0.5
done
if [ $got = true ]; then printf '%%s' "$out"; else printf '%%s' "$out" >&2; fi
exit $c`, limit, seconds, url, want, again)
	if limit > 1 {
		one.ask.show = fmt.Sprintf("%s # again and again for up to %d s", one.ask.show, limit)
	}
	return one
}
