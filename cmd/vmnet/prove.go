package main

import (
	"context"
	"errors"
	"strings"

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
	result, err := suites.Run(ctx, suites.Config{Bed: s.bed, Claims: rec.claims, OutDir: rec.dir, Keep: keep || s.passing,
		IdentityDir: s.identityDir, Step: rec.p.Step})
	rec.report.Facts, rec.judged = result.Facts, result.Judgements
	if err != nil {
		return &setupError{err}
	}
	if keep {
		for _, namespace := range result.Kept {
			rec.p.Printf("kept: namespace %s; vmnet ssh VM leads into its VMs", namespace)
		}
	}
	if len(result.Problems) > 0 {
		return errors.New(strings.Join(result.Problems, "\n"))
	}
	return nil
}
