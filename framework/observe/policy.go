package observe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

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

// policies looks at a connection while ingress to vm-b is denied and once it is allowed again, and at one to vm-a
// that is not meant. What it was before is among the other paths: without that control a denial would prove
// nothing, the client might be dead.
func (o *observer) policies(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*VisitTimeout) // under the denial, and once it is lifted
	defer cancel()
	limit := int(PolicyTimeout.Seconds())
	denied := o.refused(limit, policySeconds)
	during := o.attempt("vm-a", "#during-deny", 1, httpSeconds).to(mayFail) // once the policies are gone, it is another attempt
	during.ask.after = true                                                 // when the denial is known to be in force
	allowed := o.attempt("vm-b", "#allowed", limit, policySeconds).to(mayFail)
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
	var denyErr, allowErr error
	together(func() { denyErr = o.running.Delete(ctx, denyFile) }, func() { allowErr = o.running.Delete(ctx, allowFile) })
	err := errors.Join(denyErr, allowErr)
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

// attempt connects from the client until the outcome is the wanted one or until it has tried for so many seconds; the
// last outcome counts. It loops at the client: a visit for each try would take longer.
func (o *observer) attempt(vm, suffix string, limit, seconds int) probe {
	url := o.hostnameURL(vm)
	one := httpProbe("pod/client>"+vm+suffix, "pod/client", "vm/"+vm, url, seconds, answered)
	one.impossible = unknown(vm, o.podIP(vm))
	one.ask.script = fmt.Sprintf(`end=$(($(date +%%s)+%[1]d))
while :; do
	if out=$(get %[2]d '%[3]s' 2>&1); then printf '%%s' "$out"; exit 0; else c=$?; fi
	[ "$(date +%%s)" -lt $end ] || break
	sleep 0.5
done
printf '%%s' "$out" >&2
exit $c`, limit, seconds, url)
	if limit > 1 {
		one.ask.show = fmt.Sprintf("%s # again and again for up to %d s", one.ask.show, limit)
	}
	return one
}

const (
	// refusals are so many tries, all refused, each with its control: that is a denial.
	refusals = 3
	// stagger is the time between the starts of two of them, in seconds: a VM that hangs for a moment denies nothing.
	stagger = 3
	// slowMark is what the client says of refusals that were none, for want of a control that was answered.
	slowMark = "vmnet-no-control"
)

// refused connects from the client to vm-b several times, one try beginning while the one before still waits, until all
// of them are refused, each with vm-a answering at the same time within the same timeout: a client, node or network that
// has become slow denies nothing. Where that never came about and no last try was answered, the read has failed.
func (o *observer) refused(limit, seconds int) probe {
	const vm, control = "vm-b", "vm-a"
	url, beside := o.hostnameURL(vm), o.hostnameURL(control)
	one := httpProbe("pod/client>"+vm+"#denied", "pod/client", "vm/"+vm, url, seconds, func(p *model.Path, a answer) error {
		if strings.Contains(a.stderr, slowMark) {
			return fmt.Errorf("not refused %d times with %s answering within %d s beside each: %s", refusals, control, seconds,
				firstOf(strings.ReplaceAll(a.stderr, slowMark, "")))
		}
		return answered(p, a)
	}).to(mustFail)
	one.impossible = errors.Join(unknown(vm, o.podIP(vm)), unknown(control, o.podIP(control)))
	one.ask.script = fmt.Sprintf(`pair() {
	( get %[2]d '%[4]s' >"$aside/beside.$1" 2>&1; echo $? >"$aside/beside-code.$1" ) &
	get %[2]d '%[3]s' >"$aside/try.$1" 2>&1; echo $? >"$aside/try-code.$1"; wait
}
end=$(($(date +%%s)+%[1]d))
while :; do
	rm -f "$aside"/try-code.* "$aside"/beside-code.*
	i=0; while [ $i -lt %[5]d ]; do i=$((i+1)); pair $i & sleep %[7]d; done; wait
	i=0; n=0; got=; said=
	while [ $i -lt %[5]d ]; do
		i=$((i+1)); try=126; beside=126; read -r try <"$aside/try-code.$i"; read -r beside <"$aside/beside-code.$i"
		if [ "$try" -eq 0 ]; then got=$i
		elif [ "$beside" -eq 0 ]; then n=$((n+1)); c=$try; said=$(cat "$aside/try.$i")
		else c=$try; said="$(cat "$aside/try.$i"); the control: $(cat "$aside/beside.$i")"; fi
	done
	if [ $n -ge %[5]d ] || [ "$(date +%%s)" -ge $end ]; then break; fi
done
if [ -n "$got" ]; then cat "$aside/try.$got"; exit 0; fi
[ $n -ge %[5]d ] || echo %[6]s >&2
printf '%%s' "$said" >&2
exit $c`, limit, seconds, url, beside, refusals, slowMark, stagger)
	one.ask.show = fmt.Sprintf("%s # %d times, %d s apart, again and again for up to %d s, until all are refused while %s answers",
		one.ask.show, refusals, stagger, limit, beside)
	return one
}

func (o *observer) hostnameURL(vm string) string {
	return fmt.Sprintf("http://%s:%d/hostname", o.podIP(vm), defaultHTTPPort)
}
