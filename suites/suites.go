// Package suites runs the specs of all scenarios, in process for `vmnet run` and by `ginkgo ./suites` alike.
package suites

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/formatter"
	"github.com/onsi/ginkgo/v2/types"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/scenario"
	_ "github.com/vmnet-project/vmnet/suites/clusternetwork" // their specs
	_ "github.com/vmnet-project/vmnet/suites/linuxbridge"
	_ "github.com/vmnet-project/vmnet/suites/localnet"
	_ "github.com/vmnet-project/vmnet/suites/primaryudn"
	_ "github.com/vmnet-project/vmnet/suites/secondaryudn"
	"github.com/vmnet-project/vmnet/suites/session"
)

// Config says what to run.
type Config struct {
	Bed *bed.Bed
	// Facts are discovered when nil.
	Facts *model.Facts
	// Claims are those to prove, as judge.Select gives them; the scenarios follow from them.
	Claims []judge.Claim
	// OutDir receives observations/SCENARIO.json, and diagnostics/ when something fails.
	OutDir string
	// Keep leaves the scenarios up.
	Keep bool
	// Spare adds the VMs that faults need.
	Spare bool
	// Guest is a guest profile's name; empty to choose by what the cluster holds.
	Guest string
	// IdentityDir, where set, keeps the keys to the guests, for who comes later.
	IdentityDir string
	// Step is told of each piece of work when it begins and when it ends; it is called concurrently.
	Step scenario.StepFunc
}

// Result is what came of it.
type Result struct {
	Facts model.Facts
	// Judgements of the claims that ran or do not apply, in the registry's order.
	Judgements []model.Judgement
	// Problems are failures of anything but a claim: a scenario that did not come up or did not go away.
	Problems []string
	// Kept are the namespaces that were left up.
	Kept []string
}

// ErrNothingSelected is a run without claims.
var ErrNothingSelected = errors.New("no claim is selected")

// Run proves the claims. It can be called once in a process, as Ginkgo has it, and prints nothing. The error is
// for a run that could not begin, or that ctx ended: what was made is taken away before it returns, and the result
// holds what came before. A claim that is not among the judgements did not run.
func Run(ctx context.Context, c Config) (Result, error) {
	if len(c.Claims) == 0 {
		return Result{}, ErrNothingSelected
	}
	s, err := session.Begin(ctx, session.Options{Bed: c.Bed, Facts: c.Facts, OutDir: c.OutDir, Keep: c.Keep, Spare: c.Spare,
		Claims: c.Claims, Guest: c.Guest, IdentityDir: c.IdentityDir, Step: c.Step, Context: ctx})
	if err != nil {
		return Result{}, err
	}
	r := Result{Facts: s.Facts()}
	var labels []string
	for _, claim := range c.Claims {
		if _, na := judge.NotApplicable(claim, r.Facts); na {
			r.Judgements = append(r.Judgements, judge.Judge(claim, model.Observation{Facts: r.Facts}))
			continue
		}
		labels = append(labels, session.LabelOf(claim.ID))
	}
	if len(labels) > 0 {
		r.Problems = runSpecs(labels)
	}
	r.Judgements = sorted(c.Claims, append(r.Judgements, s.Judgements()...))
	r.Kept = s.Kept()
	return r, context.Cause(ctx)
}

var _ = ginkgo.BeforeSuite(session.Deploy, ginkgo.NodeTimeout(session.DeployNode))

// outcome takes the place of a testing.T: the specs' own results say more.
type outcome struct{}

func (outcome) Fail() {}

// suiteTimeout is in place of Ginkgo's hour, which all scenarios one after another on a slow machine may need: each node has
// its own.
const suiteTimeout = 6 * time.Hour

// runSpecs runs the specs with these labels and returns what failed beside claims.
func runSpecs(labels []string) []string {
	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.LabelFilter = strings.Join(labels, " || ")
	suite.Timeout = suiteTimeout
	// the progress is Step's, the outcome the report's
	formatter.ColorableStdOut, formatter.ColorableStdErr = io.Discard, io.Discard
	var problems []string
	ginkgo.ReportAfterSuite("problems", func(report ginkgo.Report) { problems = problemsOf(report.SpecReports) })
	ginkgo.RunSpecs(outcome{}, "vmnet", suite, reporter)
	return problems
}

// problemsOf collects what failed and is no claim: a scenario's coming up and going away.
func problemsOf(specs types.SpecReports) []string {
	var problems []string
	add := func(message string) {
		if message != "" && !slices.Contains(problems, message) {
			problems = append(problems, message)
		}
	}
	for _, spec := range specs {
		if spec.Failed() && !claimFailed(spec) {
			add(spec.FailureMessage())
		}
		for _, more := range spec.AdditionalFailures {
			add(more.Failure.Message)
		}
	}
	return problems
}

// claimFailed says whether a spec got as far as a judgement.
func claimFailed(spec ginkgo.SpecReport) bool {
	return slices.ContainsFunc(spec.ReportEntries, func(e types.ReportEntry) bool {
		id, _, _ := strings.Cut(e.Name, " ")
		return slices.Contains(spec.Labels(), session.LabelOf(id))
	})
}

// sorted puts judgements into the order of the claims.
func sorted(claims []judge.Claim, judged []model.Judgement) []model.Judgement {
	var out []model.Judgement
	for _, c := range claims {
		for _, j := range judged {
			if j.ID == c.ID {
				out = append(out, j)
			}
		}
	}
	return out
}
