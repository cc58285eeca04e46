package observe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

const (
	// PolicyTimeout is how long a NetworkPolicy has to take effect.
	PolicyTimeout = 60 * time.Second
	// policyRemoval bounds the deletion of the policies, also when the round was interrupted.
	policyRemoval = 20 * time.Second

	denyFile  = "networkpolicy-deny.yaml"
	allowFile = "networkpolicy-allow.yaml"
)

// policies looks at a connection before, while and after ingress to vm-b is denied, and at one to vm-a that is not
// meant. Without the positive control before, a denial would prove nothing: the client might be dead.
func (o *observer) policies(ctx context.Context) {
	client := o.running.Pod("client")
	ctx, cancel := context.WithTimeout(ctx, VisitTimeout)
	defer cancel()
	before := o.attempt(ctx, client, "vm-b", "#before", 1, httpSeconds, true)
	during, denied, allowed := before, before, before // failed likewise when a policy cannot be applied
	defer func() {
		for vm, reads := range map[string]map[string]model.Read[model.Path]{
			"vm-a": {"#during-deny": during}, "vm-b": {"#before": before, "#denied": denied, "#allowed": allowed}} {
			for suffix, r := range reads {
				o.path("pod/client>"+vm+suffix, r)
			}
		}
	}()
	cannot := func(what string, err error, reads ...*model.Read[model.Path]) {
		for _, r := range reads {
			r.Err = fmt.Sprintf("%s: %v", what, err)
		}
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), policyRemoval)
		defer cancel()
		if err := errors.Join(o.running.Delete(ctx, denyFile), o.running.Delete(ctx, allowFile)); err != nil {
			cannot("the policies could not be removed", err, &denied, &allowed)
		}
	}()
	if err := o.running.Apply(ctx, denyFile); err != nil {
		cannot("the denying policy could not be applied", err, &during, &denied, &allowed)
		return
	}
	denied = o.attempt(ctx, client, "vm-b", "#denied", int(PolicyTimeout.Seconds()), policySeconds, false)
	during = o.attempt(ctx, client, "vm-a", "#during-deny", 1, httpSeconds, true)
	if err := o.running.Apply(ctx, allowFile); err != nil {
		cannot("the allowing policy could not be applied", err, &allowed)
		return
	}
	allowed = o.attempt(ctx, client, "vm-b", "#allowed", int(PolicyTimeout.Seconds()), policySeconds, true)
}

// attempt connects from the client until the outcome is the wanted one, twice in a row where that is a refusal, or
// until it has tried long enough; the last outcome counts. It loops at the client: a visit each would take longer.
func (o *observer) attempt(ctx context.Context, client bed.Runner, vm, suffix string, tries, seconds int, want bool) model.Read[model.Path] {
	url := fmt.Sprintf("http://%s:%d/hostname", o.podIP(vm), defaultHTTPPort)
	one := httpProbe("pod/client>"+vm+suffix, "pod/client", "vm/"+vm, url, seconds, answered)
	again := 1
	if !want {
		again = 2
	}
	// each try takes a second: a refusal by its timeout, a success by the pause
	one.ask.script = fmt.Sprintf(`n=0; i=0; end=$(($(date +%%s)+%[1]d))
while :; do
	out=$(get %[2]d '%[3]s' 2>&1); c=$?
	if [ $c -eq 0 ]; then got=true; else got=false; fi
	if [ $got = %[4]t ]; then n=$((n+1)); else n=0; fi
	if [ $n -ge %[5]d ] || [ $(date +%%s) -ge $end ]; then break; fi
	[ $got = false ] || sleep 0.5
done
if [ $c -eq 0 ]; then printf '%%s' "$out"; else printf '%%s' "$out" >&2; fi
exit $c`, tries, seconds, url, want, again)
	if tries > 1 {
		one.ask.show = fmt.Sprintf("%s # again and again for up to %d s", one.ask.show, tries)
	}
	answers, err := batch(ctx, client, probePrelude, []ask{one.ask})
	return one.read(placed(client.Place()), answers, err)
}
