package fault

import (
	"fmt"
	"strings"
	"time"
)

// line is what a log hears of a fault.
func line(o Outcome, n, of int) string {
	head := fmt.Sprintf("%d/%d %s", n, of, o.ID)
	if o.Skipped != "" {
		return head + ": not injected: " + o.Skipped
	}
	word := "NOT KILLED"
	if o.Killed {
		word = "killed"
	}
	var parts []string
	for _, id := range sortedKeys(o.Cells) {
		parts = append(parts, fmt.Sprintf("%s %s", id, o.Cells[id].Effect))
	}
	s := fmt.Sprintf("%s: %s in %s (%s)", head, word, seconds(o.Detect), strings.Join(parts, ", "))
	if !o.Restored {
		s += ", NOT RESTORED"
		if len(o.Differences) > 0 {
			s += ": " + o.Differences[0]
		}
	}
	for _, p := range o.Problems {
		s += "; " + p
	}
	return s
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
