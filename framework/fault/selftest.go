package fault

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/facts"
	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/observe"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// Config is one selftest.
type Config struct {
	Bed *bed.Bed
	// Scenario is the one to break, as "cluster-network".
	Scenario string
	// Faults are IDs of faults or of claims; empty for all of the scenario's, but see Named.
	Faults []string
	// Named is a bed that the user named: what takes files from its nodes is injected only where Faults names it, too.
	Named bool
	// Together injects faults that turn different claims red at once: a quarter of the time, and each claim still has to say
	// its own fault's words, but a claim that goes red for no reason is then anybody's.
	Together bool
	// Running is the scenario where it is deployed already, with its spare VM; it is left up. Nil to deploy it here and
	// take it down afterwards, unless Keep.
	Running *scenario.Running
	Keep    bool
	// IdentityDir, where set, keeps the keys to the guests of what is deployed here; and, where the bed has no directory, what
	// takes back what is injected.
	IdentityDir string
	// Dir gets selftest.json, and below selftest/ each observation; empty for neither.
	Dir string
	// Out gets a line for each fault; may be nil.
	Out io.Writer
	// Step may be nil.
	Step scenario.StepFunc
}

// observationsDir is where the observations of a selftest go, below Config.Dir.
const observationsDir = "selftest"

// Selftest injects faults into a running scenario and returns the kill matrix. A fault that was not killed is no
// error: ask Matrix.Proven. The matrix holds what there is beside an error, too; *NotGreenError is a network on which
// nothing could be told, *judge.UnknownError a name that no fault or claim has.
//
// It changes the cluster's own network for a while, on the nodes that the VMs run on: not for one that others use. What a
// selftest on this bed left that was killed is taken back first.
func Selftest(ctx context.Context, c Config) (m Matrix, err error) {
	chosen, err := Select(c.Scenario, c.Faults)
	if err != nil {
		return Matrix{}, err
	}
	var left []string
	if c.Named && len(c.Faults) == 0 {
		chosen, left = apart(chosen)
	}
	if c.Step == nil {
		c.Step = func(string) func(error) { return func(error) {} }
	}
	started := time.Now().UTC()
	j, err := c.openJournal(ctx)
	if err != nil {
		return Matrix{}, err
	}
	if err := c.takeBackLeftovers(ctx, j); err != nil {
		return Matrix{}, err
	}
	if c.Running == nil {
		if err := scenario.RestorePhysical(ctx, c.Bed, c.Scenario); err != nil {
			return Matrix{}, err
		}
	}
	f, err := facts.Discover(ctx, c.Bed)
	if err != nil {
		return Matrix{}, fmt.Errorf("facts: %w", err)
	}
	running := c.Running
	if running == nil {
		running, err = scenario.Deploy(ctx, c.Bed, scenario.Options{Scenario: c.Scenario, Spare: true, IdentityDir: c.IdentityDir, Facts: &f, Keep: c.Keep, Step: c.Step})
		if running != nil && !c.Keep {
			defer func() { err = errors.Join(err, running.Teardown(context.WithoutCancel(ctx))) }()
		}
		if err == nil {
			err = running.AwaitSpares(ctx) // one that still boots would differ afterwards
		}
		if err != nil {
			c.tell("not deployed: " + err.Error()) // now: taking it away takes minutes
			return Matrix{}, err
		}
	}
	claims, err := judge.Select([]string{c.Scenario}, nil)
	if err != nil {
		return Matrix{}, err
	}
	e := c.engine(&World{Bed: c.Bed, Running: running, Facts: f, journal: j}, claims)
	outcomes, err := e.run(ctx, group(chosen, !c.Together))
	m = newMatrix(c.Scenario, f, claims, chosen, outcomes)
	m.LeftOut = left
	m.Versions, m.Started, m.Finished = f.Versions, started, time.Now().UTC()
	if err != nil {
		m.Stopped = err.Error()
	}
	if c.Dir != "" {
		err = errors.Join(err, m.Write(c.Dir))
	}
	return m, err
}

// openJournal finds the journal where the next selftest on this bed looks, too; nil where there is no such place.
func (c Config) openJournal(ctx context.Context) (*journal, error) {
	dir := cmp.Or(c.Bed.Dir, c.IdentityDir, c.Dir)
	if dir == "" {
		return nil, nil // one that keeps nothing
	}
	space, err := c.Bed.Kube.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("which cluster this is: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return openJournal(dir, string(space.UID))
}

func (c Config) takeBackLeftovers(ctx context.Context, j *journal) error {
	if len(j.left()) == 0 {
		return nil
	}
	done := c.Step("take back what an earlier selftest left")
	err := leftovers{journal: j, world: &World{Bed: c.Bed}, tell: c.tell, gone: wentAway,
		attach: func(ctx context.Context, namespace string) (*scenario.Running, error) {
			if c.Running != nil && c.Running.Namespace == namespace {
				return c.Running, nil
			}
			return scenario.Attach(ctx, c.Bed, namespace, c.IdentityDir, c.Step)
		}}.takeBack(ctx)
	done(err)
	return err
}

func (c Config) tell(line string) {
	if c.Out != nil {
		_, _ = fmt.Fprintln(c.Out, line)
	}
}

func (c Config) engine(w *World, claims []judge.Claim) *engine {
	observation := func(stages ...model.Stage) model.Observation {
		return model.Observation{Format: model.FormatVersion, Scenario: c.Scenario, Facts: w.Facts, Stages: stages}
	}
	return &engine{
		world: w, facts: w.Facts, step: c.Step, tell: c.tell, state: w.state, aftermath: w.aftermath,
		alivePoll: alivePoll, goneAfter: goneAfter, patience: statePatience, statePoll: statePoll,
		alive: func(ctx context.Context) error {
			return c.Bed.Kube.Discovery().RESTClient().Get().AbsPath("/version").Do(ctx).Error()
		},
		look: func(ctx context.Context, name string) (model.Observation, error) {
			o := observation(observe.Transition(ctx, c.Bed, w.Running, w.Facts, model.Steady, c.Step))
			return o, c.store(name, o)
		},
		come: func(ctx context.Context, name, stage string, before model.Observation) (model.Observation, error) {
			steady, _ := before.Stage(model.Steady)
			o := observation(steady)
			w.amongSpecs(func() {
				o.Stages = append(o.Stages, observe.Transition(ctx, c.Bed, w.Running, w.Facts, stage, c.Step))
			})
			return o, c.store(name, o)
		},
		judge: func(o model.Observation) []model.Judgement {
			var js []model.Judgement
			for _, claim := range claims {
				if _, seen := o.Stage(cmp.Or(claim.Stage, model.Steady)); seen {
					js = append(js, judge.Judge(claim, o))
				}
			}
			return js
		},
	}
}

// store keeps an observation, so that a verdict of the matrix can be looked into.
func (c Config) store(name string, o model.Observation) error {
	if c.Dir == "" {
		return nil
	}
	dir := filepath.Join(c.Dir, observationsDir)
	raw, err := json.MarshalIndent(o, "", " ")
	if err == nil {
		err = os.MkdirAll(dir, 0o755) //nolint:gosec // a report is for everybody
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, strings.NewReplacer("/", "-", " ", "-").Replace(name)+".json"), raw, 0o644) //nolint:gosec // same
	}
	if err != nil {
		return fmt.Errorf("store observation %s: %w", name, err)
	}
	return nil
}
