package fault

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/framework/model"
)

// MatrixFile is where Selftest writes the matrix.
const MatrixFile = "selftest.json"

// Proof says how a claim is proven.
type Proof string

// The proofs.
const (
	// Live is a claim that a fault on the cluster turned red.
	Live Proof = "live"
	// Unit is a claim that no live fault is possible for; changes of recorded observations prove its judge.
	Unit Proof = "unit"
	// Unproven is a claim that no injected fault turned red.
	Unproven Proof = "unproven"
	// Inapplicable is a claim that does not apply to the cluster.
	Inapplicable Proof = "not applicable"
	// NotChosen is a claim whose faults were not among those chosen for this run.
	NotChosen Proof = "not chosen"
)

// Matrix is claims against faults.
type Matrix struct {
	Scenario string            `json:"scenario"`
	Versions map[string]string `json:"versions"`
	Started  time.Time         `json:"started"`
	Finished time.Time         `json:"finished"`
	Injected int               `json:"injected"`
	Killed   int               `json:"killed"`
	Restored int               `json:"restored"`
	Claims   []ClaimRow        `json:"claims"`
	Faults   []Outcome         `json:"faults"`
	// LeftOut are faults that were not chosen because the cluster was named and they were not.
	LeftOut []string `json:"leftOut,omitempty"`
	// Stopped says why the run ended before its end; empty for one that did not.
	Stopped string `json:"stopped,omitempty"`
}

// ClaimRow is one claim with the faults that killed it.
type ClaimRow struct {
	ID       string   `json:"id"`
	Text     string   `json:"text"`
	Proof    Proof    `json:"proof"`
	KilledBy []string `json:"killedBy"`
	// Why is the reason of a claim that no fault killed.
	Why string `json:"why,omitempty"`
}

// Proven is true when every injected fault was killed and taken back, and every claim that a chosen fault is meant for
// is proven.
func (m Matrix) Proven() bool {
	return m.Stopped == "" && m.Injected > 0 && m.Killed == m.Injected && m.Restored == m.Injected &&
		!slices.ContainsFunc(m.Claims, func(c ClaimRow) bool { return c.Proof == Unproven })
}

// newMatrix puts outcomes and claims together. chosen are the faults of this run, on a cluster with these facts.
func newMatrix(scenario string, f model.Facts, claims []judge.Claim, chosen []Fault, outcomes []Outcome) Matrix {
	m := Matrix{Scenario: scenario, Faults: outcomes}
	without := WithoutFault()
	for _, o := range outcomes {
		if o.Skipped != "" {
			continue
		}
		m.Injected++
		if o.Killed {
			m.Killed++
		}
		if o.Restored {
			m.Restored++
		}
	}
	for _, c := range claims {
		if c.Scenario != scenario {
			continue
		}
		row := ClaimRow{ID: c.ID, Text: c.Text, Proof: Unproven, KilledBy: []string{}}
		var why []string
		meant := false
		for _, f := range chosen {
			if _, ok := f.Red[c.ID]; !ok {
				continue
			}
			meant = true
			i := slices.IndexFunc(outcomes, func(o Outcome) bool { return o.ID == f.ID })
			switch {
			case i < 0:
				why = append(why, f.ID+" did not run")
			case outcomes[i].Skipped != "":
				why = append(why, f.ID+" was not injected: "+outcomes[i].Skipped)
			case outcomes[i].Cells[c.ID].Effect == Killed && outcomes[i].Killed:
				row.KilledBy = append(row.KilledBy, f.ID)
			case len(outcomes[i].Problems) > 0:
				why = append(why, outcomes[i].Problems[0])
			default:
				why = append(why, f.ID+" was not killed")
			}
		}
		unit, isUnit := without[c.ID]
		absent, na := judge.NotApplicable(c, f)
		switch {
		case len(row.KilledBy) > 0:
			row.Proof = Live
		case na:
			row.Proof, row.Why = Inapplicable, absent
		case isUnit:
			row.Proof, row.Why = Unit, unit
		case meant:
			row.Why = strings.Join(why, "; ")
		default:
			row.Proof, row.Why = NotChosen, "none of the chosen faults is meant for it"
			if !slices.ContainsFunc(All(), func(f Fault) bool { _, ok := f.Red[c.ID]; return ok }) {
				row.Proof, row.Why = Unproven, "there is no fault for it"
			}
		}
		m.Claims = append(m.Claims, row)
	}
	return m
}

// Write puts the matrix into a directory, as JSON.
func (m Matrix) Write(dir string) error {
	raw, err := json.MarshalIndent(m, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, MatrixFile), append(raw, '\n'), 0o644) //nolint:gosec // a report is for everybody
	}
	if err != nil {
		return fmt.Errorf("write the kill matrix: %w", err)
	}
	return nil
}

// Render writes the matrix as a table: a row for each fault, what it did to which claim, the times; then the claims
// without a killing fault, and the sum.
func (m Matrix) Render(w io.Writer) error {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"Fault", "What is broken", "Verdict", "Red", "Else", "Restored", "Detect"})
	const words = 46
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 2, WidthMax: words, WidthMaxEnforcer: text.WrapSoft},
		{Number: 4, WidthMax: words, WidthMaxEnforcer: text.WrapSoft},
		{Number: 5, WidthMax: words, WidthMaxEnforcer: text.WrapSoft},
	})
	for _, o := range m.Faults {
		t.AppendRow(o.row())
	}
	var b strings.Builder
	fmt.Fprintln(&b, t.Render())
	for _, c := range m.Claims {
		if c.Proof != Live && c.Proof != NotChosen {
			fmt.Fprintf(&b, "%s: %s: %s\n", c.ID, c.Proof, c.Why)
		}
	}
	if len(m.LeftOut) > 0 {
		fmt.Fprintf(&b, "left out on a cluster that was named, unless --faults names them: %s\n", strings.Join(m.LeftOut, ", "))
	}
	b.WriteString(m.Summary() + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// Summary is the matrix in one line.
func (m Matrix) Summary() string {
	proofs := map[Proof]int{}
	for _, c := range m.Claims {
		proofs[c.Proof]++
	}
	s := fmt.Sprintf("%d of %d faults killed, %d restored; %d claims proven live, %d by unit alone, %d unproven",
		m.Killed, m.Injected, m.Restored, proofs[Live], proofs[Unit], proofs[Unproven])
	if n := proofs[Inapplicable]; n > 0 {
		s += fmt.Sprintf(", %d not applicable", n)
	}
	if n := proofs[NotChosen]; n > 0 {
		s += fmt.Sprintf(", %d not chosen", n)
	}
	if m.Stopped != "" {
		s += "; stopped: " + m.Stopped
	}
	return s
}

func (o Outcome) row() table.Row {
	if o.Skipped != "" {
		return table.Row{o.ID, o.Text, "not injected", "", o.Skipped, "", ""}
	}
	verdict, restored := "NOT KILLED", "NO"
	if o.Killed {
		verdict = "killed"
	}
	if o.Restored {
		restored = "yes"
		if o.Looks > 1 {
			restored = fmt.Sprintf("yes, look %d", o.Looks)
		}
	}
	var red, rest []string
	for _, id := range sortedKeys(o.Cells) {
		c := o.Cells[id]
		if c.Effect == Killed {
			red = append(red, id)
			continue
		}
		rest = append(rest, fmt.Sprintf("%s %s (%s: %s)", id, c.Effect, c.Verdict, c.Reason))
	}
	if !o.Restored && len(o.Differences) > 0 {
		rest = append(rest, o.Differences[0])
	}
	return table.Row{o.ID, o.Text, verdict, strings.Join(red, ", "), strings.Join(append(rest, o.Problems...), "\n"), restored, seconds(o.Detect)}
}

func sortedKeys(m map[string]Cell) []string { return slices.Sorted(maps.Keys(m)) }
