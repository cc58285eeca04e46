package observe

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/vmnet-project/vmnet/framework/model"
)

// userDefined makes one round of a scenario of user-defined networks: first all reads, then all attempts to pass
// traffic, with captures where nothing may arrive. The attempt by port-forward hangs until its timeout, beside all else.
func (o *observer) userDefined(ctx context.Context) {
	o.step("api", func() { o.api(ctx) })
	isolation := o.isolation()
	var p *peer
	watches := o.plan(isolation)
	together(
		func() { o.step("port-forward", func() { o.bySSH(ctx, ForwardInVain, o.running.Connect) }) },
		func() {
			o.step("reads", func() {
				together(
					func() { o.step("nodes", func() { o.nodes(ctx) }) },
					func() { o.step("guests", func() { o.guests(ctx, o.mainSpecs()) }) },
					func() { o.step("peer's listeners and capture", func() { p = o.startPeer(ctx) }) },
					func() { o.step("captures on nodes", func() { watches.start(ctx) }) },
				)
			})
			o.step("paths", func() {
				together(
					func() { o.step("from guests", func() { o.fromUDN(ctx, p, o.guestSpecs(), isolation.fromGuests) }) },
					func() { o.step("from pods and nodes", func() { o.fromNodes(ctx, isolation.fromNodes) }) },
				)
			})
			o.step("captures", func() {
				together(func() { p.stop(ctx, o) }, func() { watches.stop(ctx, p) })
			})
		},
	)
}

// mainSpecs are the main namespace's VMs, spare ones among them: these move and restart like others.
func (o *observer) mainSpecs() []model.VMSpec {
	return o.specs(func(s model.VMSpec) bool { return s.Group == "" })
}

// onNetwork says whether a namespace has a user-defined network: its pods have links that others have not.
func (o *observer) onNetwork(namespace string) bool {
	if !o.udn() {
		return false
	}
	for _, n := range o.running.Networks() {
		if n.Namespace == namespace || n.Cluster {
			return true
		}
	}
	return false
}

// The roles that OVN-Kubernetes gives to a pod's networks (go-controller/pkg/types: NetworkRolePrimary,
// NetworkRoleSecondary, NetworkRoleInfrastructure).
const (
	primary   = "primary"
	secondary = "secondary"
	locked    = "infrastructure-locked"
)

// allotted is the address that OVN-Kubernetes gave to a pod on its network in that role; empty for none.
func allotted(p model.Pod, role string) string {
	for _, a := range p.Allotted {
		if a.Role != role {
			continue
		}
		for _, cidr := range a.CIDRs {
			if c, err := netip.ParsePrefix(cidr); err == nil {
				return c.Addr().String()
			}
		}
	}
	return ""
}

// vmAddress and podAddress are those of VMs and, on their primary network, other pods.
func (o *observer) vmAddress(vm, role string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return allotted(o.stage.VMs[vm].Pod.Value, role)
}

func (o *observer) podAddress(pod string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return allotted(o.stage.Pods[pod].Value, primary)
}

// clientPort gives each attempt a port of its own to leave from: by it a flow is found again, also one that nobody
// answers. They are drawn anew in each round, so that none is still in use.
func (o *observer) clientPort() int {
	const first, last, room = 33000, 60000, 500
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.nextPort == 0 {
		o.nextPort = first + rand.IntN(last-first-room) //nolint:gosec // no secret
	}
	o.nextPort++
	return o.nextPort
}

// unknown says that an attempt cannot be made for want of its far end's address; nil where there is one.
func unknown(what, address string) error {
	if address != "" {
		return nil
	}
	return fmt.Errorf("the address of %s is not known", what)
}
