package observe

import "context"

// localnet is the scenario of VMs on a VLAN.
const localnet = "localnet"

// localnet makes one round of VMs on a VLAN: links, guests and refusals. Nobody looks at the wire and at the hosts on VLANs
// yet: the claims on them are ERROR.
func (o *observer) localnet(ctx context.Context) {
	o.step("api", func() { o.api(ctx) })
	together(
		func() { o.step("refusals", func() { o.refusals(ctx) }) },
		func() { o.step("nodes", func() { o.nodes(ctx) }) },
		func() { o.step("guests", func() { o.guests(ctx, o.running.Specs) }) },
	)
}
