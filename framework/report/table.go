package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/vmnet-project/vmnet/framework/model"
)

// LogWidth is the table's width in columns where there is no terminal to ask.
const LogWidth = 150

// View is how a table is drawn.
type View struct {
	// Width in columns; 0 means LogWidth. A table is never narrower than 85.
	Width int
	// Colour marks verdicts by colour, too.
	Colour bool
}

// order is the order in which verdicts are counted: what needs a look first.
var order = []model.Verdict{model.Fail, model.Error, model.DidNotRun, model.Known, model.NotApplicable, model.Pass}

var colours = map[model.Verdict]text.Colors{
	model.Pass:          {text.FgGreen},
	model.Fail:          {text.FgRed, text.Bold},
	model.Error:         {text.FgMagenta, text.Bold},
	model.DidNotRun:     {text.FgMagenta, text.Bold},
	model.Known:         {text.FgYellow},
	model.NotApplicable: {text.FgCyan},
}

// WriteTable writes one row for each claim: what was claimed, the verdict, what was expected and observed.
func WriteTable(w io.Writer, claims []model.Judgement, view View) error {
	width := view.Width
	if width <= 0 {
		width = LogWidth
	}
	const id, verdict, frame = 10, len(model.NotApplicable), 14
	wide := max(width-id-verdict-frame, 45)
	claim, expected := wide*34/100, wide*33/100
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.Options{SeparateColumns: true, SeparateHeader: true}
	t.SuppressTrailingSpaces()
	t.AppendHeader(table.Row{"ID", "Claim", "Verdict", "Expected", "Observed"})
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 1, WidthMax: id, WidthMaxEnforcer: text.WrapSoft},
		{Number: 2, WidthMax: claim, WidthMaxEnforcer: text.WrapSoft},
		{Number: 3, WidthMax: verdict},
		{Number: 4, WidthMax: expected, WidthMaxEnforcer: text.WrapSoft},
		{Number: 5, WidthMax: wide - claim - expected, WidthMaxEnforcer: text.WrapSoft},
	})
	for _, c := range claims {
		expected, observed := c.Expected, c.Observed
		if c.Reason != "" {
			observed = strings.TrimSpace(c.Reason + "\n" + c.Observed)
		}
		t.AppendRow(table.Row{c.ID, c.Text, paint(c.Verdict, string(c.Verdict), view), clean(expected), clean(observed)})
	}
	_, err := fmt.Fprintln(w, t.Render())
	return err
}

// Summary is the verdict in one line, as "26 claims: 1 FAIL, 25 PASS: not proven".
func Summary(claims []model.Judgement) string {
	if len(claims) == 0 {
		return "0 claims: nothing was selected"
	}
	counts := Counts(claims)
	var parts []string
	for _, v := range order {
		if n := counts[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
		delete(counts, v)
	}
	for v, n := range counts {
		parts = append(parts, fmt.Sprintf("%d with the unknown verdict %q", n, v))
	}
	conclusion := "proven"
	if ExitCode(claims) != ExitProven {
		conclusion = "NOT PROVEN"
	}
	noun := "claims"
	if len(claims) == 1 {
		noun = "claim"
	}
	return fmt.Sprintf("%d %s: %s: %s", len(claims), noun, strings.Join(parts, ", "), conclusion)
}

func paint(v model.Verdict, s string, view View) string {
	if !view.Colour {
		return s
	}
	return colours[v].Sprint(s)
}
