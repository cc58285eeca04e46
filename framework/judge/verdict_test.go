package judge

import (
	"regexp"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

// judged gives the verdict of a claim that writes what write writes.
func judged(t *testing.T, c Claim, write func(*Notebook)) model.Judgement {
	t.Helper()
	o := model.Observation{Format: model.FormatVersion, Stages: []model.Stage{{Name: model.Steady}},
		Facts: model.Facts{Versions: map[string]string{"ovn-kubernetes": "v1.1.2"}}}
	c.Judge = func(n *Notebook, _ model.Observation) { write(n) }
	return Judge(c, o)
}

func TestVerdict(t *testing.T) {
	at := Source{Place: "guest vm-a", Command: "ip"}
	for name, c := range map[string]struct {
		write   func(*Notebook)
		verdict model.Verdict
		reason  string
	}{
		"nothing compared": {func(*Notebook) {}, model.Error, "nothing was compared"},
		"holds":            {func(n *Notebook) { n.Equal("MTU", at, 1400, "facts", 1400) }, model.Pass, ""},
		"fails":            {func(n *Notebook) { n.Equal("MTU", at, 1400, "facts", 1300) }, model.Fail, "MTU: expected 1400 (facts), observed 1300"},
		"failed read": {func(n *Notebook) {
			n.Equal("MTU", at, 1400, "facts", 1400)
			Need(n, "guest's links", model.Read[int]{Err: "timeout"})
		}, model.Error, "guest's links: timeout"},
		"nobody looked":                {func(n *Notebook) { Need(n, "guest's links", model.Read[int]{}) }, model.Error, "guest's links: nobody looked"},
		"a failure outweighs an error": {func(n *Notebook) { n.Cannot("pod", "gone"); n.Equal("MTU", at, 1, "", 2) }, model.Fail, "MTU: expected 1, observed 2"},
		"missing and more": {func(n *Notebook) { n.Set("links", at, []string{"a", "b"}, "", []string{"b", "c"}) }, model.Fail,
			"links: expected a, b, observed b, c; missing: a; more than expected: c"},
		"twice is more":          {func(n *Notebook) { n.Set("links", at, []string{"a"}, "", []string{"a", "a"}) }, model.Fail, "links: expected a, observed a, a; more than expected: a"},
		"order does not count":   {func(n *Notebook) { n.Set("links", at, []string{"a", "b"}, "", []string{"b", "a"}) }, model.Pass, ""},
		"nothing is not nothing": {func(n *Notebook) { n.Equal("name", at, "nothing", "", "") }, model.Fail, "name: expected nothing, observed nothing"},
		"has":                    {func(n *Notebook) { n.Has("links", at, "a", "", []string{"b"}) }, model.Fail, "links: expected a, observed b"},
		"one of":                 {func(n *Notebook) { n.OneOf("edge", at, []string{"a", "b"}, "", "c") }, model.Fail, "edge: expected a or b, observed c"},
		"none of":                {func(n *Notebook) { n.NoneOf("wire", at, []string{"a"}, "", []string{"b", "a"}) }, model.Fail, "wire: expected none of a, observed b, a"},
	} {
		j := judged(t, Claim{ID: "X-01"}, c.write)
		if j.Verdict != c.verdict || j.Reason != c.reason {
			t.Errorf("%s: %s, %q", name, j.Verdict, j.Reason)
		}
	}
}

func TestKnown(t *testing.T) {
	at := Source{}
	deviates := func(n *Notebook) { n.Equal("gateway MAC", at, "a", "", "b") }
	k := Known{Issue: "ovn-kubernetes#1", Component: "ovn-kubernetes", Before: "1.2", Deviation: regexp.MustCompile("^gateway MAC")}
	from := k
	from.From = "v1.1.3"
	unnamed := k
	unnamed.Component = "multus"
	for name, c := range map[string]struct {
		known   Known
		write   func(*Notebook)
		verdict model.Verdict
	}{
		"exactly this deviation":   {k, deviates, model.Known},
		"another beside it":        {k, func(n *Notebook) { deviates(n); n.Equal("MTU", at, 1, "", 2) }, model.Fail},
		"something unseen":         {k, func(n *Notebook) { deviates(n); n.Cannot("pod", "gone") }, model.Error},
		"it holds":                 {k, func(n *Notebook) { n.Equal("gateway MAC", at, "a", "", "a") }, model.Pass},
		"a version before":         {from, deviates, model.Fail},
		"a component nobody knows": {unnamed, deviates, model.Fail},
	} {
		j := judged(t, Claim{ID: "X-01", Known: []Known{c.known}}, c.write)
		if j.Verdict != c.verdict || j.Verdict == model.Known && !strings.HasPrefix(j.Reason, k.Issue) {
			t.Errorf("%s: %s, %q", name, j.Verdict, j.Reason)
		}
	}
	if _, ok := version("master"); ok {
		t.Error("a branch has a version")
	}
}

func TestNotApplicable(t *testing.T) {
	c := Claim{ID: "X-01", Needs: []model.Feature{model.FeatureOutside}}
	without := model.Facts{Features: map[model.Feature]model.Presence{model.FeatureOutside: {Reason: "underlay.yaml names no outside host"}}}
	if reason, na := NotApplicable(c, without); !na || reason != "needs outside-peer: underlay.yaml names no outside host" {
		t.Errorf("%v %q", na, reason)
	}
	if _, na := NotApplicable(c, model.Facts{}); na {
		t.Error("a feature that nobody looked for makes a claim not applicable")
	}
	if j := judged(t, c, func(*Notebook) {}); j.Verdict != model.Error || !strings.Contains(j.Reason, "nobody looked whether") {
		t.Errorf("%s, %q", j.Verdict, j.Reason)
	}
}

func TestClaimsAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range All() {
		if seen[c.ID] || c.Text == "" || c.Scenario == "" || c.Judge == nil || len(c.Reads) == 0 || c.Profile != model.Core && c.Profile != model.Extended {
			t.Errorf("%+v", c)
		}
		seen[c.ID] = true
	}
	equal(t, "claims", 26+25+4+14+32+4+4, len(seen))
}
