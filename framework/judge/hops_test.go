package judge

import (
	"strings"
	"testing"
	"time"

	"github.com/vmnet-project/vmnet/framework/judge/mutate"
	"github.com/vmnet-project/vmnet/framework/model"
)

func hop(name, place string, seen bool) model.Hop {
	return model.Hop{Name: name, Seen: model.Read[bool]{Value: seen, Place: place, Command: "tcpdump", At: time.Unix(1, 0)}}
}

func unreadHop(name, place, why string) model.Hop {
	return model.Hop{Name: name, Seen: model.Read[bool]{Place: place, Command: "tcpdump", Err: why, At: time.Unix(1, 0)}}
}

// lost is a way that ends at the bridge mapping.
func lost() []model.Hop {
	return []model.Hop{hop("guest NIC", "guest vm-l", true), hop("tap", "launcher vm-l", true), hop("logical switch", "node worker", true),
		hop("bridge mapping", "node worker", false), hop("physical port", "node worker", false), hop("peer", "peer vlan-1924", false)}
}

func TestFirstFailing(t *testing.T) {
	unread := unreadHop("tap", "launcher vm-l", "exit code 1:\nno such device")
	for name, c := range map[string]struct {
		hops []model.Hop
		want string
	}{
		"not walked":      {nil, ""},
		"in the middle":   {lost(), "first hop that does not pass: bridge mapping (node worker)"},
		"the first":       {lost()[3:], "first hop that does not pass: bridge mapping (node worker)"},
		"all pass":        {lost()[:3], "first hop that does not pass: none, each passes when the path is tried again"},
		"unread, passed":  {append([]model.Hop{unread}, lost()...), "first hop that does not pass: bridge mapping (node worker)"},
		"unread, then no": {append([]model.Hop{unread}, lost()[3:]...), "first hop that does not pass: cannot be said: tap (launcher vm-l) was not read: exit code 1: no such device, and bridge mapping (node worker) does not pass"},
		"unread at last":  {append(lost()[:3], unread), "first hop that does not pass: cannot be said: tap (launcher vm-l) was not read: exit code 1: no such device"},
		"behind the end":  {append(lost(), unread), "first hop that does not pass: bridge mapping (node worker)"},
		"nobody looked":   {[]model.Hop{{Name: "tap"}}, "first hop that does not pass: cannot be said: tap was not read: nobody looked"},
	} {
		equal(t, name, c.want, FirstFailing(c.hops))
	}
}

// withHops is the recorded observation with a path that was lost.
func withHops(t *testing.T, path string) model.Observation {
	t.Helper()
	o := recorded(t)
	s, _ := o.Stage(model.Steady)
	p := s.Paths[path]
	p.Value.Passed, p.Value.Detail, p.Value.Hops = false, "timeout", lost()
	s.Paths[path] = p
	return o
}

func theClaim(t *testing.T, id string) Claim {
	t.Helper()
	found, err := Select(nil, []string{id})
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	return found[0]
}

func TestReasonNamesTheHop(t *testing.T) {
	j := Judge(theClaim(t, "CN-18"), withHops(t, "pod/client>service/vm-a"))
	first, _, _ := strings.Cut(j.Reason, "\n")
	if want := "; first hop that does not pass: bridge mapping (node worker)"; j.Verdict != model.Fail || !strings.HasSuffix(first, want) {
		t.Errorf("%s: %s", j.Verdict, j.Reason)
	}
	for _, e := range j.Evidence {
		if e.Holds != (e.Hop == "") && strings.Contains(e.What, "reaches") {
			t.Errorf("%+v", e)
		}
		if e.Hop != "" && (len(e.Way) != 6 || e.Way[3] != "bridge mapping (node worker): does not pass") {
			t.Errorf("way %q", e.Way)
		}
	}
}

// What should be refused and passes has no hop at which it fails.
func TestNoHopOfWhatShouldFail(t *testing.T) {
	o := recorded(t)
	s, _ := o.Stage(model.Steady)
	p := s.Paths["pod/client>vm-b#denied"]
	p.Value.Passed, p.Value.Hops = true, lost()
	s.Paths["pod/client>vm-b#denied"] = p
	if j := Judge(theClaim(t, "CN-22"), o); j.Verdict != model.Fail || strings.Contains(j.Reason, "hop") {
		t.Errorf("%s: %s", j.Verdict, j.Reason)
	}
}

// TestHopsAreNotJudged changes everything in the hops of each path: no claim minds.
func TestHopsAreNotJudged(t *testing.T) {
	const path = "pod/client>service/vm-a"
	o := withHops(t, path)
	changes := 0
	for _, m := range mutate.All(&o) {
		if !strings.Contains(m.Path, ".hops") {
			continue
		}
		changes++
		for _, c := range claimsOf(o) {
			was := Judge(c, o)
			m.While(func() {
				if j := Judge(c, o); j.Verdict != was.Verdict {
					t.Errorf("%s: %s turns %s to %s: %s", c.ID, m, was.Verdict, j.Verdict, j.Reason)
				}
			})
		}
	}
	if changes < len(lost()) {
		t.Errorf("%d changes were made", changes)
	}
}
