package observe

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// capture is what one link of a pod sees while attempts are made.
type capture struct {
	// what names the place for evidence, as "launcher vm-o".
	what string
	at   place
	link string
	// flows are the attempts that are told apart in it.
	flows []captured
}

// captured is an attempt whose frames are looked for: all of these hosts' and all of the client's own port.
type captured struct {
	path  string
	hosts []string
	port  int
}

func (c captured) holds(f model.Frame) bool {
	return f.SrcPort == c.port || f.DstPort == c.port || slices.Contains(c.hosts, f.Src) || slices.Contains(c.hosts, f.Dst)
}

// filter is tcpdump's expression for all of its flows.
func (c capture) filter() string {
	var terms []string
	for _, f := range c.flows {
		terms = append(terms, fmt.Sprintf("port %d", f.port))
		for _, h := range f.hosts {
			terms = append(terms, "host "+h)
		}
	}
	slices.Sort(terms)
	return strings.Join(slices.Compact(terms), " or ")
}

func (c capture) ask() ask {
	command := fmt.Sprintf("tcpdump -i %s -n -U --immediate-mode -s 128 -w - '%s'", c.link, c.filter())
	return ask{id: "capture " + c.what + " " + c.link, show: "nsenter -t PID -n " + command + " # PID: a process of pod " + c.at.pod,
		script: fmt.Sprintf("P=$(of '%s'); [ -n \"$P\" ] || { echo 'no process of the pod on this node' >&2; exit 1; }\nexec nsenter -t \"$P\" -n %s",
			bed.CGroupOf(c.at.uid), command)}
}

// frames gives each flow what the capture holds of it.
func (c capture) frames(answers map[string]answer, err error) map[string]model.Read[[]model.Frame] {
	a := c.ask()
	r := read(placed(c.what), a, answers, err, func(text string) ([]model.Frame, error) {
		if err := whole(answers[a.id].stderr); err != nil {
			return nil, err
		}
		return parse.Frames([]byte(text))
	})
	r.Raw = base64.StdEncoding.EncodeToString([]byte(r.Raw))
	all := map[string]model.Read[[]model.Frame]{}
	for _, f := range c.flows {
		one := r
		one.Command = a.show + ", while " + f.path
		one.Value = []model.Frame{}
		for _, frame := range r.Value {
			if f.holds(frame) {
				one.Value = append(one.Value, frame)
			}
		}
		all[f.path] = one
	}
	return all
}

var dropped = regexp.MustCompile(`(?m)^[1-9]\d* packets? dropped by kernel`)

// whole refuses a capture that did not begin or lost frames: what is not in it may have been there.
func whole(said string) error {
	if !strings.Contains(said, begun) {
		return fmt.Errorf("the capture did not begin: %s", firstOf(said))
	}
	if m := dropped.FindString(said); m != "" {
		return errors.New(m)
	}
	return nil
}

// tapOf is the tap behind an interface on another network than the pod's own (KubeVirt, pkg/network/link:
// GenerateTapDeviceName).
func tapOf(network string) string { return "tap" + scenario.LinkHash(network) }

const firstTap = "tap0"
