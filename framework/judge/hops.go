package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// FirstHop is what stands before the place where a path ends, in a judgement's reason.
const FirstHop = "first hop that does not pass: "

// FirstFailing names the first hop that a packet does not pass, as "first hop that does not pass: bridge mapping (node
// worker)". Where hops before it could not be read, and none behind them passes, it cannot be said. Empty for a path that
// was not walked.
func FirstFailing(hops []model.Hop) string {
	if len(hops) == 0 {
		return ""
	}
	var unread []string
	for _, h := range hops {
		switch err := h.Seen.Failure(); {
		case err != nil:
			unread = append(unread, fmt.Sprintf("%s was not read: %s", hopAt(h), oneLine(err.Error())))
		case h.Seen.Value:
			unread = nil // who is seen here has passed there
		case len(unread) == 0:
			return FirstHop + hopAt(h)
		default:
			return FirstHop + "cannot be said: " + unread[0] + ", and " + hopAt(h) + " does not pass"
		}
	}
	if len(unread) > 0 {
		return FirstHop + "cannot be said: " + unread[0]
	}
	return FirstHop + "none, each passes when the path is tried again"
}

// way is each hop with what was seen there.
func way(hops []model.Hop) []string {
	var all []string
	for _, h := range hops {
		seen := outcome(h.Seen.Value)
		if err := h.Seen.Failure(); err != nil {
			seen = "not read: " + oneLine(err.Error())
		}
		all = append(all, hopAt(h)+": "+seen)
	}
	return all
}

func hopAt(h model.Hop) string {
	if h.Seen.Place == "" {
		return h.Name
	}
	return fmt.Sprintf("%s (%s)", h.Name, h.Seen.Place)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// walked notes with the last comparison where its path ends. It is told and not judged: what is known of an issue, and
// whether the claim holds, do not hang on it.
func (n *Notebook) walked(p model.Path) {
	if len(n.evidence) > 0 && len(p.Hops) > 0 {
		e := &n.evidence[len(n.evidence)-1]
		e.Hop, e.Way = FirstFailing(p.Hops), way(p.Hops)
	}
}

// because is one comparison in one sentence, with the hop that it fails at; where it has none, that of another one that
// fails as well.
func because(e model.Evidence, all []model.Evidence) string {
	said := line(e)
	if e.Hop == "" {
		i := slices.IndexFunc(all, func(o model.Evidence) bool { return o.Hop != "" && !o.Holds && (o.Err == "") == (e.Err == "") })
		if i < 0 {
			return said
		}
		return said + "; " + all[i].What + ": " + all[i].Hop
	}
	return said + "; " + e.Hop
}
