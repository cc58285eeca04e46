package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/vmnet-project/vmnet/framework/facts"
	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/observe"
	"github.com/vmnet-project/vmnet/framework/report"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// prove runs the scenarios of the claims on an open bed.
func (a *app) prove(ctx context.Context, s session, rec *record, keep bool) error {
	if rec.dir == "" {
		return nil // there is nowhere to write, and that is being reported
	}
	if err := rec.of(s.bed); err != nil {
		return err
	}
	done := rec.p.Step("facts: of the cluster")
	f, err := facts.Discover(ctx, s.bed)
	done(err)
	if err != nil {
		return &setupError{err}
	}
	rec.report.Facts = f
	for _, name := range scenariosOf(rec.claims) {
		if err := a.proveScenario(ctx, s, rec, name, keep); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) proveScenario(ctx context.Context, s session, rec *record, name string, keep bool) (err error) {
	running, err := scenario.Deploy(ctx, s.bed, scenario.Options{Scenario: name, IdentityDir: s.identityDir, Step: rec.p.Step})
	if running != nil {
		defer func() {
			if (err != nil || unproven(rec)) && ctx.Err() == nil {
				err = errors.Join(err, running.Diagnostics(ctx, filepath.Join(rec.dir, report.DiagnosticsDir, name)))
			}
			if !keep && !s.passing {
				err = errors.Join(err, running.Teardown(context.WithoutCancel(ctx)))
			}
		}()
	}
	if err != nil {
		return &setupError{err}
	}
	o := model.Observation{Format: model.FormatVersion, Scenario: name, Facts: rec.report.Facts,
		Stages: []model.Stage{observe.Stage(ctx, s.bed, running, rec.report.Facts, model.Steady, rec.p.Step)}}
	if ctx.Err() != nil { // what is missing is missing because the run ended, which judges nothing
		return context.Cause(ctx)
	}
	if err := report.WriteObservation(rec.dir, o); err != nil {
		return err
	}
	for _, c := range rec.claims {
		if c.Scenario == name {
			rec.judged = append(rec.judged, judge.Judge(c, o))
		}
	}
	return nil
}
