package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

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
	// Faults are IDs of faults or of claims; empty for all of the scenario's.
	Faults []string
	// Together injects faults that turn different claims red at once: a fifth of the time, and each claim still has to say
	// its own fault's words, but a claim that goes red for no reason is then anybody's.
	Together bool
	// Running is the scenario where it is deployed already, with its spare VM; it is left up. Nil to deploy it here and
	// take it down afterwards, unless Keep.
	Running *scenario.Running
	Keep    bool
	// IdentityDir, where set, keeps the keys to the guests of what is deployed here.
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
// It changes the cluster's own network for a while, on the nodes that the VMs run on: not for one that others use.
func Selftest(ctx context.Context, c Config) (m Matrix, err error) {
	chosen, err := Select(c.Scenario, c.Faults)
	if err != nil {
		return Matrix{}, err
	}
	if c.Step == nil {
		c.Step = func(string) func(error) { return func(error) {} }
	}
	started := time.Now().UTC()
	f, err := facts.Discover(ctx, c.Bed)
	if err != nil {
		return Matrix{}, fmt.Errorf("facts: %w", err)
	}
	running := c.Running
	if running == nil {
		running, err = scenario.Deploy(ctx, c.Bed, scenario.Options{Scenario: c.Scenario, Spare: true, IdentityDir: c.IdentityDir, Step: c.Step})
		if running != nil && !c.Keep {
			defer func() { err = errors.Join(err, running.Teardown(context.WithoutCancel(ctx))) }()
		}
		if err != nil {
			return Matrix{}, err
		}
	}
	claims, err := judge.Select([]string{c.Scenario}, nil)
	if err != nil {
		return Matrix{}, err
	}
	e := c.engine(running, f, claims)
	outcomes, err := e.run(ctx, group(chosen, !c.Together))
	m = newMatrix(c.Scenario, claims, chosen, outcomes)
	m.Versions, m.Started, m.Finished = f.Versions, started, time.Now().UTC()
	if err != nil {
		m.Stopped = err.Error()
	}
	if c.Dir != "" {
		err = errors.Join(err, m.Write(c.Dir))
	}
	return m, err
}

func (c Config) engine(running *scenario.Running, f model.Facts, claims []judge.Claim) *engine {
	return &engine{
		world: &World{Bed: c.Bed, Running: running, Facts: f}, facts: f, step: c.Step,
		look: func(ctx context.Context, name string) (model.Observation, error) {
			s := observe.Stage(ctx, c.Bed, running, f, model.Steady, c.Step)
			o := model.Observation{Format: model.FormatVersion, Scenario: c.Scenario, Facts: f, Stages: []model.Stage{s}}
			return o, c.store(name, o)
		},
		judge: func(o model.Observation) []model.Judgement {
			var js []model.Judgement
			for _, claim := range claims {
				js = append(js, judge.Judge(claim, o))
			}
			return js
		},
		tell: func(line string) {
			if c.Out != nil {
				_, _ = fmt.Fprintln(c.Out, line)
			}
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
