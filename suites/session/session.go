// Package session is what the specs of all scenarios share: the bed, the facts, and for each scenario what was
// deployed, what was observed, and what was judged of it.
//
// A suite runs once in a process (Ginkgo's rule), so there is one session. Specs alone assert; this package is
// theirs, and nothing below it knows Ginkgo.
package session

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/facts"
	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// The timeouts of the nodes in the tree; what they call has shorter ones of its own with better words.
const (
	// DeployTimeout bounds making all scenarios, up to a command in each guest; DeployNode is the node's own.
	DeployTimeout = 40 * time.Minute
	DeployNode    = DeployTimeout + 2*time.Minute
	// ObserveTimeout bounds looking at a scenario in all of its stages: a restart alone may take as long as a VM's start.
	ObserveTimeout = time.Hour
	// TeardownTimeout bounds taking all scenarios away, at the same time: VMs, networks, namespaces.
	TeardownTimeout = 12 * time.Minute
	// DiagnosticsTimeout bounds gathering what helps after a failure, before anything is taken away.
	DiagnosticsTimeout = 3 * time.Minute
	// ClaimTimeout bounds judging one claim, which takes milliseconds.
	ClaimTimeout = time.Minute
)

// LabelOf is the label of a claim's spec: its ID, with a dot where that has a slash, which Ginkgo's filters have another use
// for.
func LabelOf(id string) string { return strings.ReplaceAll(id, "/", ".") }

// Options are what a run is given.
type Options struct {
	Bed *bed.Bed
	// Facts are discovered when nil.
	Facts *model.Facts
	// OutDir receives observations/ and diagnostics/.
	OutDir string
	// Keep leaves scenarios up.
	Keep bool
	// Spare adds the spare VMs, which faults need.
	Spare bool
	// Claims are those to prove: the scenarios to deploy, and the stages that these go through, follow from them.
	Claims []judge.Claim
	// Guest is a guest profile's name; empty to choose by what the cluster holds.
	Guest string
	// IdentityDir, where set, keeps the keys to the guests, for who comes later.
	IdentityDir string
	// Step is told of each piece of work; it may be nil.
	Step scenario.StepFunc
	// Context ends what runs when it ends; cleanup goes on.
	Context context.Context //nolint:containedctx // Ginkgo's tree gives no other way in
}

// Session is one run.
type Session struct {
	options Options

	mu         sync.Mutex
	facts      model.Facts
	scenarios  map[string]*Scenario
	judgements []model.Judgement
}

var current = &Session{scenarios: map[string]*Scenario{}}

// Begin sets what the run is about, before its first spec, and discovers the facts where they are not given.
func Begin(ctx context.Context, o Options) (*Session, error) {
	if o.Bed == nil {
		return nil, errors.New("session: no bed")
	}
	if o.Context == nil {
		o.Context = context.WithoutCancel(ctx)
	}
	current.options = o
	if o.Facts != nil {
		current.facts = *o.Facts
		return current, nil
	}
	var scenarios []string
	for _, c := range o.Claims {
		scenarios = append(scenarios, c.Scenario)
	}
	if err := scenario.RestorePhysical(ctx, o.Bed, scenarios...); err != nil {
		return nil, err
	}
	done := step(o.Step, "facts")
	f, err := facts.Discover(ctx, o.Bed)
	done(err)
	current.facts = f
	return current, err
}

// Judgements are those so far, in the order in which the specs ran.
func (s *Session) Judgements() []model.Judgement {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]model.Judgement(nil), s.judgements...)
}

// Facts of the cluster.
func (s *Session) Facts() model.Facts { return s.facts }

// Kept are the namespaces of scenarios that were left up.
func (s *Session) Kept() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, one := range s.scenarios {
		if one.running != nil && s.options.Keep {
			names = append(names, one.running.Namespaces()...)
		}
	}
	return names
}

func (s *Session) add(j model.Judgement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.judgements = append(s.judgements, j)
}

// bound makes a spec's context end with the run's, too.
func (s *Session) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.options.Context, func() { cancel(context.Cause(s.options.Context)) })
	return ctx, func() { stop(); cancel(nil) }
}

func step(report scenario.StepFunc, name string) func(error) {
	if report == nil {
		return func(error) {}
	}
	return report(name)
}
