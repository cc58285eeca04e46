package judge

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/vmnet-project/vmnet/framework/model"
)

// survivor is an interface of a VM before and after a stage came about.
type survivor struct {
	before, after nic
	was, is       model.Pod
	what          string
}

// survivors are the VMs that a stage was about, on their interface at that place. A VM that is the same instance as before
// says nothing.
func survivors(n *Notebook, o model.Observation, stage string, vms []string, index int) []survivor {
	var found []survivor
	for _, after := range members(n, o, stage, vms) {
		for _, before := range members(n, o, model.Steady, []string{after.name}) {
			v := survivor{what: after.name + " after it was " + stage}
			var ok [4]bool
			v.before, ok[0] = before.nic(index)
			v.after, ok[1] = after.nic(index)
			v.was, _, ok[2] = Need(n, before.what("pod in stage "+model.Steady), before.Pod)
			v.is, _, ok[3] = Need(n, after.what("pod in stage "+stage), after.Pod)
			switch {
			case slices.Contains(ok[:], false):
			case v.was.UID == v.is.UID:
				n.Cannot(after.what("pod"), fmt.Sprintf("it is %s as before: the VM was not %s", text(v.is.UID), stage))
			default:
				found = append(found, v)
			}
		}
	}
	return found
}

// kept compares addresses: the allotted one, which the guest has alone, and the one that the IPAMClaim holds.
func (v survivor) kept() {
	n := v.after.n
	want, ok := v.before.allotted()
	if !ok {
		return
	}
	const why = "as before"
	if got, ok := v.after.allotted(); ok {
		n.Equal(v.what+": address on "+v.after.key, Source{Place: v.after.Pod.Place, Command: v.after.Pod.Command}, want, why, got)
	}
	if l, from, ok := v.after.inGuest(); ok {
		n.Set(v.what+": guest's IPv4 addresses on "+l.Name, from, []string{want.String()}, why, ipv4(l))
	}
	claim, from, ok := Need(n, v.after.what("IPAMClaim by the name of interface "+text(v.after.spec.Name)), v.after.IPAMClaims[v.after.spec.Name])
	if !ok {
		return
	}
	held := "no claim"
	if claim.Name != "" {
		held = list(claim.IPs) + " in " + claim.Name + ", made by " + text(claim.By)
	}
	n.Check(v.after.what("IPAMClaim of interface "+v.after.spec.Name), from, want.String(), why, held, slices.Contains(claim.IPs, want.String()))
}

// restartedAddress is PU-19 and SU-12.
func restartedAddress(vms []string, index int) func(*Notebook, model.Observation) {
	return func(n *Notebook, o model.Observation) {
		for _, v := range survivors(n, o, model.Restarted, vms, index) {
			v.kept()
		}
	}
}

// migratedAlive is PU-20.
func migratedAlive(n *Notebook, o model.Observation) {
	stage, _ := o.Stage(model.Migrated)
	const name = "pod/client>" + movingVM
	if c, from, ok := Need(n, "connection "+name, stage.Connections[name]); ok {
		n.Check("connection "+name+" that was open meanwhile", from, "alive", "the claim", fared(c), c.Broken == "" && c.Answered > 0 && c.LongestGap > 0)
	}
	for _, v := range survivors(n, o, model.Migrated, []string{movingVM, spareVM}, 0) {
		if v.was.Node == v.is.Node {
			n.Cannot(v.after.what("node"), "it is "+text(v.is.Node)+" as before: the VM did not move")
		}
		v.kept()
	}
}

// fared says what became of a connection.
func fared(c model.Connection) string {
	said := fmt.Sprintf("longest gap %.1f s, %d of %d exchanges answered", c.LongestGap, c.Answered, c.Sent)
	if c.Broken != "" {
		return "broken: " + c.Broken + "; " + said
	}
	return "alive, " + said
}

// otherVMUnmoved is PU-24.
func otherVMUnmoved(n *Notebook, o model.Observation) {
	steady := members(n, o, model.Steady, []string{stayingVM})
	migrated := members(n, o, model.Migrated, []string{stayingVM})
	if len(steady) == 0 || len(migrated) == 0 {
		return
	}
	before, after := steady[0], migrated[0]
	i, ok := before.primary()
	if !ok {
		return
	}
	w, subnet, ok := i.subnet()
	if !ok {
		return
	}
	node, ok := after.node()
	if !ok {
		return
	}
	gateway := host(subnet, 1).Addr()
	was, _, ok := before.neighbour(gateway, subnet)
	if !ok {
		return
	}
	if home, ok := before.node(); ok {
		if router := before.routerWith(w, subnet, home.Name, was); router != "" {
			n.Cannot(stayingVM+" MAC of gateway "+gateway.String(), "it was the gateway router's on node "+router+" before the migration already")
			return
		}
	}
	if is, from, ok := after.neighbour(gateway, subnet); ok {
		got := text(is)
		if router := before.routerWith(w, subnet, node.Name, is); router != "" && is != was {
			got += ", the gateway router's on node " + router
		}
		n.Check(fmt.Sprintf("%s MAC of gateway %s after the migration of another VM", stayingVM, gateway), from, was, "as before", got, is == was)
	}
	p, from, ok := after.path(stayingVM + ">peer/outside")
	if !ok {
		return
	}
	passed(n, stayingVM+" reaches the outside peer after the migration of another VM", from, true, p)
	if !p.Passed {
		return
	}
	got := p.SourceSeen
	for _, other := range o.Facts.Nodes {
		if !slices.Contains(node.EdgeIPs, p.SourceSeen) && slices.Contains(other.EdgeIPs, p.SourceSeen) {
			got = p.SourceSeen + ", the edge of node " + other.Name
		}
	}
	n.OneOf(stayingVM+" address as the outside peer sees it after the migration of another VM", from, node.EdgeIPs, "edge of node "+node.Name, got)
}

// neighbour is the MAC that the guest holds for an address.
func (s subject) neighbour(ip netip.Addr, subnet netip.Prefix) (string, Source, bool) {
	what := s.what("neighbours in stage " + s.stage.Name)
	all, from, ok := Need(s.n, what, s.Guest.Neighbours)
	if !ok {
		return "", from, false
	}
	at := slices.IndexFunc(all, func(b model.Neighbour) bool { return b.IP == ip.String() })
	if at < 0 {
		s.n.Cannot(what, "the guest holds none for its gateway "+ip.String()+" in subnet "+subnet.String())
		return "", from, false
	}
	return all[at].MAC, from, true
}

// routerWith is another node whose gateway router of the network has a MAC: that of its address in the join network, which
// it has a rule for.
func (s subject) routerWith(w model.Network, subnet netip.Prefix, own, mac string) string {
	for _, other := range s.facts.Nodes {
		for _, r := range s.stage.Hosts[other.Name].NAT.Value {
			ip, err := netip.ParseAddr(r.LogicalIP)
			if err == nil && ip.Is4() && other.Name != own && r.Router == gatewayRouter(w.NetworkName, other.Name) && !subnet.Contains(ip) && podMAC(ip) == mac {
				return other.Name
			}
		}
	}
	return ""
}
