package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/suites"
)

// prove runs the specs of the claims on an open bed.
func (a *app) prove(ctx context.Context, s session, rec *record, keep bool) error {
	if rec.dir == "" {
		return nil // there is nowhere to write, and that is being reported
	}
	if err := rec.of(s.bed); err != nil {
		return err
	}
	result, err := suites.Run(ctx, suites.Config{Bed: s.bed, Claims: rec.claims, Guest: rec.guest, OutDir: rec.dir, Keep: keep || s.passing,
		IdentityDir: s.identityDir, Step: rec.p.Step})
	rec.report.Facts, rec.judged = result.Facts, result.Judgements
	if err != nil {
		return errors.Join(&setupError{err}, problemsOf(result)) // what did not go away is told, too
	}
	if keep {
		for _, namespace := range result.Kept {
			rec.p.Printf("kept: namespace %s; vmnet ssh VM leads into its VMs", namespace)
		}
	}
	return problemsOf(result)
}

// problemsOf makes an error of what went wrong beside claims; where it came to no claim, the set-up has failed.
func problemsOf(result suites.Result) error {
	if len(result.Problems) == 0 {
		return nil
	}
	err := errors.New(strings.Join(result.Problems, "\n"))
	if !slices.ContainsFunc(result.Judgements, func(j model.Judgement) bool { return j.Verdict != model.NotApplicable }) {
		return &setupError{err}
	}
	return err
}
