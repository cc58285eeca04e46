package kind

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/kind/pkg/log"

	"github.com/vmnet-project/vmnet/internal/tail"
)

// logger is kind's logger: the phases that kind announces become steps, all it says is kept for when it fails.
type logger struct {
	step  StepFunc
	mu    sync.Mutex
	phase string
	since time.Time
	done  func(error)
	kept  []string
}

var _ log.Logger = (*logger)(nil)

const keptLines = 40

func newLogger(step StepFunc) *logger {
	return &logger{step: step, phase: "start", since: time.Now()}
}

func (l *logger) line(message string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, tail.Lines(message, keptLines)...)
	l.kept = l.kept[max(0, len(l.kept)-keptLines):]
	// kind marks a phase's begin by a bullet, its end by a tick or a cross.
	switch text := strings.TrimSpace(message); {
	case strings.HasPrefix(text, "•"):
		l.end(nil)
		l.phase = plain(strings.TrimSuffix(strings.TrimPrefix(text, "•"), "..."))
		l.done = l.step("kind: " + l.phase)
	case strings.HasPrefix(text, "✓"):
		l.end(nil)
	case strings.HasPrefix(text, "✗"):
		l.end(fmt.Errorf("kind: %s failed", l.phase))
	}
}

func (l *logger) end(err error) {
	if l.done != nil {
		l.done(err)
		l.done = nil
	}
}

// close ends the phase that is open, when kind returned or is not waited for any more.
func (l *logger) close(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(err)
	l.step = func(string) func(error) { return func(error) {} }
}

func (l *logger) state() (phase string, after time.Duration, lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.phase, time.Since(l.since), append([]string(nil), l.kept...)
}

// plain is text without the pictures that kind puts into it.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if r > 126 {
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

func (l *logger) Warn(message string)          { l.line(message) }
func (l *logger) Warnf(f string, args ...any)  { l.line(fmt.Sprintf(f, args...)) }
func (l *logger) Error(message string)         { l.line(message) }
func (l *logger) Errorf(f string, args ...any) { l.line(fmt.Sprintf(f, args...)) }
func (l *logger) V(log.Level) log.InfoLogger   { return l }
func (l *logger) Info(message string)          { l.line(message) }
func (l *logger) Infof(f string, args ...any)  { l.line(fmt.Sprintf(f, args...)) }
func (l *logger) Enabled() bool                { return true }
