package report

import "github.com/vmnet-project/vmnet/framework/model"

// The exit codes of a run.
const (
	ExitProven      = 0   // every selected claim is PASS, KNOWN or NOT-APPLICABLE
	ExitNotProven   = 1   // a FAIL, an ERROR, or a claim that did not run
	ExitInput       = 2   // bad input: a flag, a name, a file that is not there or does not parse
	ExitSetup       = 3   // preflight or set-up failed, or the cluster does not answer: nothing can be concluded
	ExitNothing     = 4   // no claim was selected
	ExitInterrupted = 130 // stopped by the user
)

// ExitCode is the exit code that the verdicts imply. A verdict that is none of the known ones proves nothing.
func ExitCode(claims []model.Judgement) int {
	if len(claims) == 0 {
		return ExitNothing
	}
	for _, c := range claims {
		switch c.Verdict {
		case model.Pass, model.Known, model.NotApplicable:
		default:
			return ExitNotProven
		}
	}
	return ExitProven
}
