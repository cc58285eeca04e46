package observe

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

const flowsID = "conntrack"

const (
	// hearing is what conntrack says when it listens and was asked for a larger buffer, heardAll when it is told to end.
	hearing  = "buffer size has been set"
	heardAll = "flow events have been shown"
)

// askFlows listens to a node's connection tracking: to connections to the peer outside as they begin. Its table would not do:
// one that ended by a reset is kept for ten seconds, which is less than a slow guest takes to tell of it. The kernel sends
// those of the whole node, hence the buffer, in bytes.
func askFlows(peer string) ask {
	command := "conntrack -E -e NEW -b 4194304 -p tcp -d " + peer
	return ask{id: flowsID, show: command, script: "exec " + command}
}

// heard refuses what may not be all that there was.
func heard(said string) error {
	switch {
	case !strings.Contains(said, hearing):
		return fmt.Errorf("connection tracking was not listened to: %s", firstOf(said))
	case strings.Contains(said, "ENOBUFS"): // conntrack's word for events that the kernel had no room for
		return errors.New("events of connection tracking were lost; try again when fewer connections are made on the node")
	case !strings.Contains(said, heardAll):
		return fmt.Errorf("the listener to connection tracking ended early: %s", said)
	}
	return nil
}

// flows follows each VM's connection to the peer outside.
func (o *observer) flows(node string, p *peer, answers map[string]answer, err error) {
	if p == nil {
		return
	}
	r := read(placed("node "+node), askFlows(p.address()), answers, err, func(text string) ([]model.Conntrack, error) {
		if err := heard(answers[flowsID].stderr); err != nil {
			return nil, err
		}
		return parse.ConntrackNew(text)
	})
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
