package main

import (
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/report"
	"github.com/vmnet-project/vmnet/internal/source"
)

func (a *app) judgeCommand() *cobra.Command {
	var chosen selection
	var out string
	cmd := &cobra.Command{
		Use:   "judge DIR",
		Short: "Judge stored observations again, without a cluster",
		Long: `Judge reads the observations that a run stored (DIR is a run's directory such as out/latest, a directory of
observations, or one file), and prints the verdicts: in milliseconds, and the same as the run's.`,
		Example: "  vmnet judge framework/judge/testdata\n  vmnet judge out/latest --claims CN-09",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			started := time.Now()
			observations, err := report.ReadObservations(args[0])
			if err != nil {
				return err
			}
			earlier, err := earlierReport(args[0])
			if err != nil {
				return err
			}
			claims, err := chosen.of(observations, earlier)
			if err != nil {
				return err
			}
			r := report.Report{Provenance: earlier.Provenance, Reconstruction: earlier.Reconstruction, Started: started}
			r.GitTree, r.Dirty = source.Tree(cmd.Context())
			if r.Claims, err = judgeAll(claims, observations, "no observation of its scenario is stored"); err != nil {
				return err
			}
			for _, name := range scenariosOf(claims) {
				if o, ok := observations[name]; ok {
					r.Facts = o.Facts
					break
				}
			}
			r.Finished = time.Now()
			if out != "" {
				if err := writeReport(out, r); err != nil {
					return err
				}
			}
			return a.conclude(r)
		},
	}
	chosen.register(cmd)
	cmd.Flags().StringVar(&out, "out", "", "write report.json, junit.xml and report.txt into this directory, too")
	return cmd
}

// judgeAll judges each claim on the observation of its scenario. A claim without one has not run.
func judgeAll(claims []judge.Claim, observations map[string]model.Observation, missing string) ([]model.Judgement, error) {
	var judged []model.Judgement
	for _, c := range claims {
		if o, ok := observations[c.Scenario]; ok {
			judged = append(judged, judge.Judge(c, o))
		}
	}
	return report.Claims(rows(claims), judged, missing)
}

// of chooses claims; where nothing was asked for, those that the run selected, or those of the scenarios observed.
func (s selection) of(observations map[string]model.Observation, earlier report.Report) ([]judge.Claim, error) {
	if len(s.scenarios) == 0 && len(s.claims) == 0 {
		for _, c := range earlier.Claims {
			s.claims = append(s.claims, c.ID)
		}
		if len(s.claims) == 0 {
			for name := range observations {
				s.scenarios = append(s.scenarios, name)
			}
			slices.Sort(s.scenarios)
		}
	}
	return s.choose()
}

// earlierReport is the report beside the observations, if one is there.
func earlierReport(path string) (report.Report, error) {
	for _, dir := range []string{path, filepath.Dir(filepath.Clean(path))} {
		file := filepath.Join(dir, report.JSONFile)
		if _, err := os.Stat(file); err == nil {
			return report.Read(file)
		}
	}
	return report.Report{}, nil
}

func writeReport(dir string, r report.Report) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return &inputError{err, "name a directory that can be written"}
	}
	return report.Write(dir, r)
}

// conclude prints a report and turns its verdicts into the exit code.
func (a *app) conclude(r report.Report) error {
	if err := report.WriteText(a.stdout, r, a.view()); err != nil {
		return err
	}
	if code := report.ExitCode(r.Claims); code != report.ExitProven {
		return verdictError(code)
	}
	return nil
}
