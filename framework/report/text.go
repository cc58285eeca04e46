package report

import (
	"fmt"
	"io"
)

// WriteText writes all that a person wants of a report: facts, table, what did not hold, timings, and the summary
// as the last line.
func WriteText(w io.Writer, r Report, view View) error {
	if !r.Facts.At.IsZero() {
		if err := WriteFacts(w, r.Facts, view); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	if err := WriteTable(w, r.Claims, view); err != nil {
		return err
	}
	if err := WriteDetails(w, r.Claims, view); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	if len(r.Timings) > 0 {
		if err := WriteTimings(w, r); err != nil {
			return err
		}
	}
	if err := WriteOrigin(w, r); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, Summary(r.Claims))
	return err
}
