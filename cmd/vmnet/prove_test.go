package main

import (
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/report"
	"github.com/vmnet-project/vmnet/suites"
)

func TestAScenarioThatDoesNotComeUp(t *testing.T) {
	broken := []string{"the scenario does not come up"}
	for name, c := range map[string]struct {
		result suites.Result
		want   int
	}{
		"no problem":        {suites.Result{}, report.ExitProven},
		"nothing judged":    {suites.Result{Problems: broken}, report.ExitSetup},
		"nothing ran":       {suites.Result{Problems: broken, Judgements: []model.Judgement{{Verdict: model.NotApplicable}}}, report.ExitSetup},
		"after some claims": {suites.Result{Problems: broken, Judgements: []model.Judgement{{Verdict: model.Pass}}}, report.ExitNotProven},
	} {
		if got := exitCode(t.Context(), problemsOf(c.result)); got != c.want {
			t.Errorf("%s: exit code %d, want %d", name, got, c.want)
		}
	}
}
