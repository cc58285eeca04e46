package observe

import (
	"context"
	"errors"
	"fmt"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// localnet is the scenario of VMs on a VLAN.
const localnet = "localnet"

// localnet makes one round of VMs on a VLAN: reads, and then attempts while hosts on VLANs listen. What is to be refused
// takes longest, beside all else.
func (o *observer) localnet(ctx context.Context) {
	o.step("api", func() { o.api(ctx) })
	together(
		func() { o.step("refusals", func() { o.refusals(ctx) }) },
		func() { o.onVLANs(ctx) },
	)
}

func (o *observer) onVLANs(ctx context.Context) {
	var p *peer
	hosts := o.vlanHosts()
	o.step("reads", func() {
		together(
			func() { o.step("nodes", func() { o.nodes(ctx) }) },
			func() { o.step("guests", func() { o.guests(ctx, o.guestSpecs()) }) },
			func() { o.step("peer's listeners and capture", func() { p = o.startPeer(ctx) }) },
			func() {
				o.step("hosts on VLANs", func() { together(each(hosts, func(h *vlanHost) { h.start(ctx) })...) })
			},
		)
	})
	// after the guests were read: what they have by then is in the server's file; the attempts between VMs need it
	o.step("leases", func() { o.served(ctx) })
	o.step("paths", func() {
		var parts []func()
		for _, s := range o.guestSpecs() {
			parts = append(parts, func() {
				o.attempts(ctx, placed("guest "+s.Name), o.vlanProbes(s, p), o.visitor(s.Name))
			})
		}
		together(parts...)
	})
	o.step("captures", func() {
		together(append(each(hosts, func(h *vlanHost) { h.stop(ctx, o) }), func() { p.stop(ctx, o) })...)
	})
}

func each(hosts []*vlanHost, do func(*vlanHost)) []func() {
	var parts []func()
	for _, h := range hosts {
		parts = append(parts, func() { do(h) })
	}
	return parts
}

// served reads what the run's DHCP server has written down.
func (o *observer) served(ctx context.Context) {
	r := o.servedLeases(ctx)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stage.Physical.Leases = r
}

var errNoServer = errors.New("on no host of the physical side the run has a DHCP server")

func (o *observer) servedLeases(ctx context.Context) model.Read[[]model.ServedLease] {
	physical, ok := o.bed.Physical()
	if !ok {
		return failed[[]model.ServedLease]("peer", "leases", errNoServer)
	}
	spec, ok := physical.DHCPPeer()
	if !ok {
		return failed[[]model.ServedLease]("peer", "leases", errNoServer)
	}
	a := ask{id: "leases", show: fmt.Sprintf("cat %s/%s", scenario.DHCPFolder(spec.VLAN), scenario.DHCPLeases)}
	host, _ := o.bed.Peer(spec.Name)
	answers, err := visitHost(ctx, host, a)
	return read(placed("peer "+spec.Name), a, answers, err, parse.ServedLeases)
}

// visitHost runs a batch at a host on a VLAN.
func visitHost(ctx context.Context, host bed.Host, asks ...ask) (map[string]answer, error) {
	if host == nil {
		return nil, errors.New("the bed knows no way to this host")
	}
	ctx, cancel := context.WithTimeout(ctx, PeerTimeout)
	defer cancel()
	return batch(ctx, host, "", asks)
}
