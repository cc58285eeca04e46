package progress

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A log hears nothing of short steps, and of long ones when they begin to be long, every half minute and at the end.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		r := New(&out)
		r.Step("short")(nil)
		long := r.Step("kernel: compile")
		time.Sleep(3 * time.Second)
		other := r.Step("images: layers")
		time.Sleep(38 * time.Second)
		long(nil)
		other(errors.New("no space\nleft"))
		r.Printf("note %d", 7)
		r.Close()
		r.Close() // a second one does nothing
		want := strings.Join([]string{
			"00:05  begin   kernel: compile",
			"00:08  begin   images: layers",
			"00:35  still   kernel: compile, 35s so far",
			"00:38  still   images: layers, 35s so far",
			"00:41  done    kernel: compile in 41s",
			"00:41  failed  images: layers after 38s: no space left",
			"note 7",
			"",
		}, "\n")
		if got := out.String(); got != want {
			t.Errorf("log is\n%s\nwant\n%s", got, want)
		}
		timings := r.Timings()
		if len(timings) != 3 {
			t.Fatalf("%d timings, want 3", len(timings))
		}
		if timings[1].Duration != 41*time.Second || timings[1].Err != "" {
			t.Errorf("timing of a finished step: %+v", timings[1])
		}
		if timings[2].Err != "no space\nleft" {
			t.Errorf("timing of a failed step: %+v", timings[2])
		}
	})
}

// A terminal's line names all that runs with its time, fits the width, and is gone before a plain line is written.
func TestTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		r := &Reporter{out: &out, terminal: true, width: func() int { return 50 }, begun: time.Now()}
		r.start()
		a := r.Step("kernel: compile")
		b := r.Step("binaries: kubernetes")
		time.Sleep(7 * time.Second)
		synctest.Wait()
		frames := strings.Split(out.String(), clearLine)
		last := frames[len(frames)-1]
		if !strings.Contains(last, "00:07  kernel: compile 7s · binaries: ") {
			t.Errorf("status line is %q", last)
		}
		if n := len([]rune(last)); n > 49 {
			t.Errorf("status line has %d columns of 50", n)
		}
		if len(frames) < 30 {
			t.Errorf("the line moved %d times in 7 s", len(frames))
		}
		a(nil)
		if !strings.HasSuffix(out.String(), clearLine+"00:07  done    kernel: compile in 7s\n") {
			t.Errorf("after a step: %q", out.String()[max(0, out.Len()-80):])
		}
		b(nil)
		time.Sleep(time.Second)
		r.Close()
		if !strings.HasSuffix(out.String(), "\n") && !strings.HasSuffix(out.String(), clearLine) {
			t.Errorf("a status line is left behind: %q", out.String()[max(0, out.Len()-80):])
		}
	})
}

// Steps of several goroutines do not disturb one another (for the race detector), and a second call of done is void.
func TestConcurrent(t *testing.T) {
	r := New(new(bytes.Buffer))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			done := r.Step("x")
			r.Running()
			done(nil)
			done(errors.New("again"))
		})
	}
	all.Wait()
	r.Close()
	if n := len(r.Timings()); n != 20 {
		t.Errorf("%d timings, want 20", n)
	}
	if n := len(r.Running()); n != 0 {
		t.Errorf("%d steps still run", n)
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"\x1b[!p\x1b]104\a\x1b[?7h[    1.4] systemd": "[    1.4] systemd",
		"\x1b[1;31mred\x1b[0m\ttab\x07":              "red\ttab",
		"plain … ünïcode":                            "plain … ünïcode",
		"\x1b]0;title\x1b\\end":                      "end",
	} {
		if got := Plain(in); got != want {
			t.Errorf("Plain(%q) is %q, want %q", in, got, want)
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("\x1b[?7hx")
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(Plain(s), "\x1b\r\a\b") {
			t.Errorf("Plain(%q) is %q", s, Plain(s))
		}
	})
}
