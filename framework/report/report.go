// Package report turns judgements into what people and machines read: report.json, junit.xml and the table on
// the terminal. It starts from the claims that were selected, so one that did not run cannot be forgotten.
package report

import (
	"fmt"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
)

// FormatVersion is the layout of report.json that this code writes.
const FormatVersion = 1

// Report is everything that a run concludes, and what it rests on.
type Report struct {
	Format int `json:"format"`
	// GitTree is the tree object of the source that the run was made from, "" where it is not known; Dirty says
	// that the source differed from it.
	GitTree string `json:"gitTree"`
	Dirty   bool   `json:"dirty"`
	// Provenance is where the cluster's parts come from, by part: versions, digests, checksums.
	Provenance map[string]string `json:"provenance"`
	// Reconstruction is true where the cluster's images were built from source: not the published release.
	Reconstruction bool              `json:"reconstruction"`
	Facts          model.Facts       `json:"facts"`
	Timings        []Timing          `json:"timings"`
	Claims         []model.Judgement `json:"claims"`
	Started        time.Time         `json:"started"`
	Finished       time.Time         `json:"finished"`
	// Stopped says why a run ended before its end; empty for one that did not.
	Stopped string `json:"stopped,omitempty"`
}

// Timing is one step of the run. Start counts from the run's start; both are in seconds.
type Timing struct {
	Step    string  `json:"step"`
	Start   float64 `json:"start"`
	Seconds float64 `json:"seconds"`
	Err     string  `json:"err,omitempty"`
}

// Row is a selected claim as the registry describes it.
type Row struct {
	ID, Text, Scenario string
	Profile            model.Profile
}

// ProvenanceImages is the key of Provenance that says where images come from, and ImagesFromSource its value for
// images that were built here.
const (
	ProvenanceImages = "images"
	ImagesFromSource = "source"
)

// Claims gives each selected claim, in that order, its judgement. A claim without one becomes DID-NOT-RUN with
// missing as its reason. A judgement of a claim that was not selected, or a second one of a claim, is an error.
func Claims(selected []Row, judged []model.Judgement, missing string) ([]model.Judgement, error) {
	byID := make(map[string]model.Judgement, len(judged))
	for _, j := range judged {
		if _, twice := byID[j.ID]; twice {
			return nil, fmt.Errorf("claim %s was judged twice", j.ID)
		}
		byID[j.ID] = j
	}
	claims := make([]model.Judgement, 0, len(selected))
	for _, row := range selected {
		j, ok := byID[row.ID]
		if !ok {
			j = model.Judgement{ID: row.ID, Verdict: model.DidNotRun, Reason: missing}
		}
		delete(byID, row.ID)
		j.Text, j.Scenario, j.Profile = row.Text, row.Scenario, row.Profile
		if j.Evidence == nil {
			j.Evidence = []model.Evidence{}
		}
		claims = append(claims, j)
	}
	for id := range byID {
		return nil, fmt.Errorf("claim %s was judged, but not selected", id)
	}
	return claims, nil
}

// Counts is how many claims ended with each verdict.
func Counts(claims []model.Judgement) map[model.Verdict]int {
	counts := map[model.Verdict]int{}
	for _, c := range claims {
		counts[c.Verdict]++
	}
	return counts
}
