package bed

import (
	"strings"
	"testing"
)

func TestBrief(t *testing.T) {
	for command, want := range map[string]string{
		"ip -j addr":             "ip -j addr",
		strings.Repeat("ä", 80):  strings.Repeat("ä", 80),
		strings.Repeat("ä", 100): strings.Repeat("ä", 80) + "…",
	} {
		if got := brief(command); got != want {
			t.Errorf("%q", got)
		}
	}
}
