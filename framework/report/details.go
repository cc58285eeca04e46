package report

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/vmnet-project/vmnet/framework/model"
)

// shown is how many comparisons of one claim are written out; report.json has them all.
const shown = 8

// WriteDetails writes, for each claim that is not proven, the comparisons that did not hold: where and how the
// value was read, what it should be and why; of a path that was lost, what was seen at each place on its way. The reason
// names the first of them that it does not pass.
func WriteDetails(w io.Writer, claims []model.Judgement, view View) error {
	var b strings.Builder
	for _, c := range claims {
		switch c.Verdict {
		case model.Pass, model.NotApplicable, model.DidNotRun: // the table says all there is
			continue
		}
		fmt.Fprintf(&b, "\n%s %s  %s\n", paint(c.Verdict, string(c.Verdict), view), c.ID, c.Text)
		if c.Reason != "" {
			fmt.Fprintf(&b, "  %s\n", indented(c.Reason))
		}
		n := 0
		for _, e := range c.Evidence {
			if e.Holds && e.Err == "" {
				continue
			}
			if n++; n > shown {
				continue
			}
			writeEvidence(&b, e)
		}
		if n > shown {
			fmt.Fprintf(&b, "  … and %d more in report.json\n", n-shown)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeEvidence(b *strings.Builder, e model.Evidence) {
	fmt.Fprintf(b, "  %s\n", clean(e.What))
	if e.Err != "" {
		fmt.Fprintf(b, "    not read  %s\n", indented(e.Err))
	} else {
		why := ""
		if e.Why != "" {
			why = "   (" + e.Why + ")"
		}
		fmt.Fprintf(b, "    expected  %s%s\n", indented(e.Expected), why)
		fmt.Fprintf(b, "    observed  %s\n", indented(e.Observed))
	}
	if len(e.Way) > 0 {
		fmt.Fprintf(b, "    its way   %s\n", indented(strings.Join(e.Way, "\n")))
	}
	switch {
	case e.Place != "" && e.Command != "":
		fmt.Fprintf(b, "    read at   %s: %s\n", e.Place, clean(e.Command))
	case e.Place != "":
		fmt.Fprintf(b, "    read at   %s\n", e.Place)
	}
}

func indented(s string) string {
	return strings.ReplaceAll(strings.TrimSpace(clean(s)), "\n", "\n              ")
}

// clean takes control characters out: what a guest answered must not move a reader's cursor.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		if r == '\t' {
			return ' '
		}
		return unicode.ReplacementChar
	}, s)
}
