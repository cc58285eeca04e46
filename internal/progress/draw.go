package progress

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/text"
)

var spinner = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

const (
	clearLine = "\r\x1b[2K"
	ellipsis  = "…"
)

// tick draws what has changed with time alone. The lock is taken here.
func (r *Reporter) tick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.stop:
		return
	default:
	}
	if r.terminal {
		r.draw()
		return
	}
	now := time.Now()
	for _, s := range r.running {
		switch {
		case s.said.IsZero() && now.Sub(s.start) >= Quiet:
			s.said = now
			r.line(fmt.Sprintf("%s  begin   %s", r.clock(), s.name))
		case !s.said.IsZero() && now.Sub(s.said) >= Repeat:
			s.said = now
			r.line(fmt.Sprintf("%s  still   %s, %s so far", r.clock(), s.name, round(now.Sub(s.start))))
		}
	}
}

// draw puts the status line down: the total, then each running step with its own time, the oldest first.
func (r *Reporter) draw() {
	if len(r.running) == 0 {
		r.erase()
		return
	}
	r.frame++
	parts := make([]string, len(r.running))
	for i, s := range r.running {
		parts[i] = fmt.Sprintf("%s %s", s.name, round(time.Since(s.start)))
	}
	line := fmt.Sprintf("%c %s  %s", spinner[r.frame%len(spinner)], r.clock(), strings.Join(parts, " · "))
	// One column stays free: a full line would wrap, and a wrapped line cannot be cleared.
	fmt.Fprint(r.out, clearLine+text.Snip(line, max(r.width()-1, 10), ellipsis))
	r.drawn = true
}

func (r *Reporter) erase() {
	if r.drawn {
		fmt.Fprint(r.out, clearLine)
		r.drawn = false
	}
}

func (r *Reporter) line(s string) {
	r.erase()
	fmt.Fprintln(r.out, s)
}

// clock is the time since the command began, as "03:07".
func (r *Reporter) clock() string {
	d := time.Since(r.begun).Round(time.Second)
	return fmt.Sprintf("%02d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(time.Second)
}

// escapes are the control sequences that a console sends to a terminal (ECMA-48: CSI and OSC).
var escapes = regexp.MustCompile("\x1b(\\[[0-?]*[ -/]*[@-~]|\\][^\a\x1b]*(\a|\x1b\\\\)|[@-Z\\\\^_])")

// Plain takes out of a console's line what would move a reader's cursor.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, escapes.ReplaceAllString(s, ""))
}

func oneLine(s string) string {
	return text.Snip(strings.Join(strings.Fields(s), " "), 300, ellipsis)
}
