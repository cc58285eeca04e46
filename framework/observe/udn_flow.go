package observe

import (
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

const flowsID = "conntrack"

// askFlows asks a node's connection tracking for all connections to the peer outside, once the attempts are over: it keeps
// them for a while.
func askFlows(peer string) ask {
	return ask{id: flowsID, show: "conntrack -L -p tcp -d " + peer, after: true}
}

// flows follows each VM's connection to the peer outside.
func (o *observer) flows(node string, p *peer, answers map[string]answer, err error) {
	if p == nil {
		return
	}
	r := read(placed("node "+node), askFlows(p.address()), answers, err, parse.Conntrack)
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.guestSpecs() {
		if o.launchers[s.Name].node != node {
			continue
		}
		path := o.stage.Paths[outsidePath(s.Name)]
		one := model.Read[model.Flow]{Place: r.Place, Command: r.Command, Raw: r.Raw, Err: r.Err, At: time.Now().UTC()}
		switch address := allotted(o.stage.VMs[s.Name].Pod.Value, primary); {
		case one.Err != "":
		case path.Failure() != nil:
			one.Err = path.Failure().Error()
		case address == "":
			one.Err = "the VM's address is not known"
		default:
			one.Value.Entries = follow(r.Value, address, path.Value.ClientPort)
		}
		o.stage.Flows[outsidePath(s.Name)] = one
	}
}

// follow takes the entries of the connection that began at an address and port, and then those that begin where these
// were translated to.
func follow(all []model.Conntrack, address string, port int) []model.Conntrack {
	type end struct {
		address string
		port    int
	}
	var found []model.Conntrack
	known := map[end]bool{}
	for next := []end{{address, port}}; len(next) > 0; {
		from := next[0]
		next = next[1:]
		if known[from] {
			continue
		}
		known[from] = true
		for _, e := range all {
			if (end{e.Original.Src, e.Original.SrcPort}) == from {
				found = append(found, e)
				next = append(next, end{e.Reply.Dst, e.Reply.DstPort})
			}
		}
	}
	return found
}
