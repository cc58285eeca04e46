// Package progress shows which steps of a long command run and for how long, and remembers the durations.
//
// A terminal gets one line that moves. A log gets a line when a step turns out to be long, one now and then
// while it lasts, and one when it is done; steps that end sooner stay silent.
package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

const (
	// Quiet is how long a step may last before anybody hears of it.
	Quiet = 5 * time.Second
	// Repeat is how often a log is told that a step still runs.
	Repeat = 30 * time.Second
	// refresh is how often a terminal's line is drawn again.
	refresh = 200 * time.Millisecond
)

// Timing is one finished step. Err is empty for a step that succeeded.
type Timing struct {
	Name     string
	Start    time.Time
	Duration time.Duration
	Err      string
}

// Reporter shows steps on one writer. Its methods may be called from any goroutine.
type Reporter struct {
	out      io.Writer
	terminal bool
	width    func() int

	mu      sync.Mutex
	begun   time.Time
	running []*step
	timings []Timing
	drawn   bool // a status line is on the terminal
	frame   int
	stop    chan struct{}
	done    chan struct{}
}

type step struct {
	name  string
	start time.Time
	said  time.Time // when a log last heard of it; zero for never
}

// New makes a Reporter for out: a moving line where out is a terminal, plain lines elsewhere. Close it.
func New(out io.Writer) *Reporter {
	r := &Reporter{out: out, width: func() int { return 80 }, begun: time.Now()}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		r.terminal = true
		r.width = func() int {
			if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
				return w
			}
			return 80
		}
	}
	r.start()
	return r
}

func (r *Reporter) start() {
	r.stop, r.done = make(chan struct{}), make(chan struct{})
	every := time.Second
	if r.terminal {
		every = refresh
	}
	go func() {
		defer close(r.done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-r.stop:
				return
			case <-tick.C:
				r.tick()
			}
		}
	}()
}

// Step says that name has begun, as "kernel: compile"; call what it returns once, with the step's error or nil.
func (r *Reporter) Step(name string) func(error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &step{name: name, start: time.Now()}
	r.running = append(r.running, s)
	var once sync.Once
	return func(err error) { once.Do(func() { r.end(s, err) }) }
}

// Timings are the finished steps in the order of their ends.
func (r *Reporter) Timings() []Timing {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Timing(nil), r.timings...)
}

// Running names the steps that have begun and not ended, the oldest first.
func (r *Reporter) Running() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := make([]string, len(r.running))
	for i, s := range r.running {
		names[i] = s.name
	}
	return names
}

// Printf writes a line above the status line, without control sequences.
func (r *Reporter) Printf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.line(Plain(fmt.Sprintf(format, args...)))
}

// Close takes the status line away and stops drawing. Steps that still run are left out of the timings.
func (r *Reporter) Close() {
	r.mu.Lock()
	select {
	case <-r.stop:
		r.mu.Unlock()
		return
	default:
		close(r.stop)
	}
	r.erase()
	r.mu.Unlock()
	<-r.done
}

func (r *Reporter) end(s *step, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, other := range r.running {
		if other == s {
			r.running = append(r.running[:i], r.running[i+1:]...)
			break
		}
	}
	t := Timing{Name: s.name, Start: s.start, Duration: time.Since(s.start)}
	switch {
	case err != nil:
		t.Err = err.Error()
		r.line(fmt.Sprintf("%s  failed  %s after %s: %s", r.clock(), s.name, round(t.Duration), oneLine(t.Err)))
	case t.Duration >= Quiet:
		r.line(fmt.Sprintf("%s  done    %s in %s", r.clock(), s.name, round(t.Duration)))
	}
	r.timings = append(r.timings, t)
}
