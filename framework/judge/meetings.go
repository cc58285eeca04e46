package judge

import (
	"net/netip"

	"github.com/vmnet-project/vmnet/framework/model"
)

// meetings are pings between VMs.
type meetings struct {
	pairs [][2]string
	// network is a word behind the paths' names where they are not at the primary address, as "#secondary".
	network string
	// address is where a VM is reached, whose says whose word it is.
	address func(subject) (netip.Addr, bool)
	whose   string
	// both is true where pairs on one node and across nodes are wanted.
	both bool
}

// clusterMeetings are CN-16.
var clusterMeetings = meetings{
	pairs:   [][2]string{{"vm-a", "vm-b"}, {"vm-b", "vm-a"}, {"vm-a", "vm-c"}, {"vm-c", "vm-a"}},
	address: subject.podIP, whose: "pod IP", both: true,
}

// meet compares all of a scenario's pings, and wants different addresses.
func (m meetings) meet(vms []string) func(*Notebook, model.Observation) {
	return func(n *Notebook, o model.Observation) {
		byName, nodes := map[string]subject{}, map[string]string{}
		var given []string
		holder, distinct := map[netip.Addr]string{}, true
		for _, s := range members(n, o, model.Steady, vms) {
			pod, _, ok := Need(n, s.what("pod"), s.Pod)
			if !ok {
				continue
			}
			ip, ok := m.address(s)
			if !ok {
				continue
			}
			byName[s.name], nodes[s.name] = s, pod.Node
			entry := s.name + " " + ip.String()
			if other, taken := holder[ip]; taken {
				distinct = false
				entry += " as " + other
			}
			holder[ip] = s.name
			given = append(given, entry)
		}
		if len(byName) < len(vms) {
			return
		}
		n.Check("addresses of the VMs", Source{Place: "api"}, "different ones", m.whose, list(given), distinct)
		m.compare(n, byName, nodes)
	}
}

func (m meetings) compare(n *Notebook, vms map[string]subject, nodes map[string]string) {
	var sameNode, across bool
	placed := ""
	for _, pair := range m.pairs {
		src, dst := vms[pair[0]], vms[pair[1]]
		where := "across nodes"
		if nodes[src.name] == nodes[dst.name] {
			where, sameNode = "on one node", true
		} else {
			across = true
		}
		placed += "; " + src.name + " on " + nodes[src.name] + ", " + dst.name + " on " + nodes[dst.name]
		p, from, ok := src.path(src.name + ">" + dst.name + m.network)
		if !ok {
			continue
		}
		if ip, ok := m.address(dst); ok {
			dialled(n, src.name+" to "+dst.name, from, ip, dst.name+"'s "+m.whose, p)
		}
		passed(n, src.name+" reaches "+dst.name+" "+where, from, true, p)
	}
	if m.both && (!sameNode || !across) {
		n.Cannot("pairs on one node and across nodes", placed[2:])
	}
}

// dialled compares what was dialled with where the far end is.
func dialled(n *Notebook, what string, from Source, want netip.Addr, why string, p model.Path) {
	got, _, err := endpoint(p.Target)
	if err != nil {
		n.Cannot(what, err.Error())
		return
	}
	n.Equal(what+": address dialled", from, want, why, got)
}

// wholePings are in PU-10: packets of the MTU pass between VMs unfragmented.
func wholePings(pairs [][2]string) func(*Notebook, model.Observation) {
	return func(n *Notebook, o model.Observation) {
		for _, pair := range pairs {
			for _, s := range members(n, o, model.Steady, pair[:1]) {
				if i, ok := s.primary(); ok {
					if w, ok := i.network(); ok {
						s.sized(pair[0]+">"+pair[1]+"#df-mtu", networkMTU(w, s.facts), true)
					}
				}
			}
		}
	}
}

// primaryAddressOf and secondaryAddressOf are a VM's on the scenario's networks.
func primaryAddressOf(s subject) (netip.Addr, bool)   { return s.address(0) }
func secondaryAddressOf(s subject) (netip.Addr, bool) { return s.address(1) }
