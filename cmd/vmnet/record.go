package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/report"
	"github.com/vmnet-project/vmnet/internal/progress"
	"github.com/vmnet-project/vmnet/internal/source"
)

// record is a run's report from its first moment on: whatever ends the run, what is known of it is on disk.
type record struct {
	dir    string
	claims []judge.Claim
	guest  string // a profile's name; empty to choose
	judged []model.Judgement
	report report.Report
	p      *progress.Reporter
}

// begin makes the run's directory, with a report in which no claim has run.
func (r *record) begin(ctx context.Context, out string) error {
	if r.dir != "" {
		return nil
	}
	r.report.Started = time.Now().UTC()
	r.report.GitTree, r.report.Dirty = source.Tree(ctx)
	dir, err := report.NewDir(out, r.report.Started)
	if err != nil {
		return &inputError{err, ""}
	}
	r.dir = dir
	return r.save("the run did not come to it")
}

// of takes over what is known of the bed.
func (r *record) of(b *bed.Bed) error {
	r.report.Provenance = map[string]string{"kubeconfig": b.Kubeconfig}
	if b.Dir == "" {
		return nil
	}
	body, err := os.ReadFile(filepath.Join(b.Dir, bed.ProvenanceFile))
	if os.IsNotExist(err) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(body, &r.report.Provenance)
	}
	if err != nil {
		return &inputError{fmt.Errorf("%s: %w", bed.ProvenanceFile, err), "take it away, or bring the bed up anew"}
	}
	r.report.Reconstruction = r.report.Provenance[report.ProvenanceImages] == report.ImagesFromSource
	return nil
}

// end completes the report. stopped is why the run ended early, nil if it did not.
func (r *record) end(stopped error) error {
	if r.dir == "" {
		return nil
	}
	if stopped != nil {
		r.report.Stopped, _, _ = strings.Cut(stopped.Error(), "\n")
	}
	r.report.Finished = time.Now().UTC()
	return r.save("the run did not come to it")
}

func (r *record) save(missing string) error {
	var err error
	if r.report.Claims, err = report.Claims(rows(r.claims), r.judged, missing); err != nil {
		return err
	}
	r.report.Timings = timings(r.p, r.report.Started)
	if err := report.Write(r.dir, r.report); err != nil {
		return &setupError{fmt.Errorf("%w; make room there, or name another directory by --out", err)}
	}
	return nil
}

func timings(p *progress.Reporter, started time.Time) []report.Timing {
	all := []report.Timing{}
	for _, t := range p.Timings() {
		all = append(all, report.Timing{Step: t.Name, Start: t.Start.Sub(started).Seconds(), Seconds: t.Duration.Seconds(), Err: t.Err})
	}
	return all
}
