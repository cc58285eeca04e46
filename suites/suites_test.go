package suites

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"slices"
	"strings"
	"testing"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/stack"
	"github.com/vmnet-project/vmnet/suites/session"
)

// TestSuites is for `ginkgo ./suites`. The cluster is VMNET_BED (a bed's directory) or KUBECONFIG with UNDERLAY;
// without either it is the one that `vmnet up` made, or one that is brought up now and taken down again.
func TestSuites(t *testing.T) {
	if !byGinkgo() {
		t.Skip("the specs need a cluster: run them with ginkgo, or by vmnet run")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	step := func(name string) func(error) {
		return func(err error) {
			if err != nil {
				t.Logf("%s: %v", name, err)
			}
		}
	}
	o := bed.Options{Dir: os.Getenv("VMNET_BED")}
	if o.Dir == "" {
		o.Kubeconfig, o.Underlay = os.Getenv("KUBECONFIG"), os.Getenv("UNDERLAY")
	}
	if o.Dir == "" && o.Kubeconfig == "" {
		s := stack.Options{Step: step}
		status, err := stack.Current(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		if !status.Up {
			t.Cleanup(func() {
				if err := stack.Down(context.WithoutCancel(ctx), s); err != nil {
					t.Error(err)
				}
			})
		}
		if o.Dir, err = stack.Up(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	b, err := bed.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), session.TeardownTimeout)
		defer cancel()
		if err := b.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	out := os.Getenv("OUT")
	if out == "" {
		out = t.TempDir()
	}
	if _, err := session.Begin(ctx, session.Options{Bed: b, Claims: filtered(), OutDir: out, Step: step, Context: ctx}); err != nil {
		t.Fatal(err)
	}
	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.Timeout = suiteTimeout
	ginkgo.RunSpecs(t, "vmnet", suite, reporter)
}

// filtered are the claims that ginkgo's label filter lets through: their scenarios alone are deployed.
func filtered() []judge.Claim {
	filter := ginkgo.GinkgoLabelFilter()
	var claims []judge.Claim
	for _, c := range judge.All() {
		if filter == "" || labelsOf(c).MatchesLabelFilter(filter) {
			claims = append(claims, c)
		}
	}
	return claims
}

// labelsOf are what a claim's spec can be selected by.
func labelsOf(c judge.Claim) ginkgo.Labels {
	labels := ginkgo.Labels{session.LabelOf(c.ID), "scenario:" + c.Scenario, "profile:" + string(c.Profile)}
	for _, f := range c.Needs {
		labels = append(labels, "needs:"+string(f))
	}
	if c.Stage != "" {
		labels = append(labels, "stage:"+c.Stage)
	}
	return labels
}

// byGinkgo says whether Ginkgo's command line started the test binary: it always sets a seed.
func byGinkgo() bool {
	found := false
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == "ginkgo.seed" })
	return found
}

// Registry and specs must not drift apart: a claim without a spec would never run, a spec without a claim never prove.
func TestEveryClaimHasOneSpec(t *testing.T) {
	specs := map[string][]string{} // label to texts
	for _, s := range ginkgo.PreviewSpecs("vmnet").SpecReports {
		if s.LeafNodeType != types.NodeTypeIt {
			continue // the node that deploys
		}
		text := s.FullText()
		id, sentence, _ := strings.Cut(s.LeafNodeText, " ")
		specs[id] = append(specs[id], sentence)
		if !slices.Contains(s.Labels(), session.LabelOf(id)) {
			t.Errorf("%s: labels %v select something else", text, s.Labels())
		}
	}
	for _, c := range judge.All() {
		texts := specs[c.ID]
		delete(specs, c.ID)
		if len(texts) != 1 || texts[0] != c.Text {
			t.Errorf("%s %s: specs %q", c.ID, c.Text, texts)
		}
	}
	for id, texts := range specs {
		t.Errorf("spec %s is no claim: %q", id, texts)
	}
}

func TestLabelsMatchTheRegistry(t *testing.T) {
	byID := map[string]judge.Claim{}
	for _, c := range judge.All() {
		byID[c.ID] = c
	}
	for _, s := range ginkgo.PreviewSpecs("vmnet").SpecReports {
		if s.LeafNodeType != types.NodeTypeIt {
			continue // the node that deploys
		}
		id, _, _ := strings.Cut(s.LeafNodeText, " ")
		c := byID[id]
		got, want := slices.Sorted(slices.Values(s.Labels())), slices.Sorted(slices.Values(labelsOf(c)))
		if !slices.Equal(got, want) {
			t.Errorf("%s: labels %v, want %v", id, got, want)
		}
	}
}

func TestProblems(t *testing.T) {
	failed := func(id, message string, entries ...types.ReportEntry) types.SpecReport {
		return types.SpecReport{State: types.SpecStateFailed, LeafNodeLabels: []string{id}, ReportEntries: entries, Failure: types.Failure{Message: message}}
	}
	judged := failed("CN-01", "CN-01 is FAIL", types.ReportEntry{Name: "CN-01 FAIL"})
	judged.AdditionalFailures = []types.AdditionalFailure{{Failure: types.Failure{Message: "namespace is still there"}}}
	form := failed("LN-01.nad", "LN-01/nad is FAIL", types.ReportEntry{Name: "LN-01/nad FAIL"})
	got := problemsOf(types.SpecReports{failed("CN-02", "does not come up"), failed("CN-03", "does not come up"), judged, form,
		{State: types.SpecStatePassed}})
	if want := []string{"does not come up", "namespace is still there"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestNothingSelected(t *testing.T) {
	if _, err := Run(context.Background(), Config{}); err == nil {
		t.Error("a run of nothing succeeded")
	}
}
