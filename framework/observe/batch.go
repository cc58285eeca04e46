package observe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

// ask is one command of a batch: a place is entered once for all that is asked of it, because entering
// (exec by the API server, a session over SSH) costs more than most commands do.
type ask struct {
	// id is unique in its batch.
	id string
	// show is the command as evidence states it; script is what the place's shell runs, if that differs.
	show, script string
}

// answer is what came back for one ask.
type answer struct {
	stdout, stderr string
	code           int
}

// batch runs all asks one after another in one shell. What one of them does, exit code included, leaves the
// others alone. The error means that the place could not be entered or its answer not be told apart.
func batch(ctx context.Context, place bed.Runner, prelude string, asks []ask) (map[string]answer, error) {
	mark := "vmnet-" + rand.Text()
	out, err := place.Run(ctx, "sh", "-c", script(mark, prelude, asks))
	if err != nil {
		return nil, err
	}
	answers, err := split(mark, out, len(asks))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place.Place(), err)
	}
	byID := make(map[string]answer, len(asks))
	for i, a := range asks {
		byID[a.id] = answers[i]
	}
	return byID, nil
}

// script frames each command: its stdout goes out as it is, then a line with the mark and its exit code, what
// it wrote to stderr, and a line with the mark again. It is POSIX shell, for busybox as well.
func script(mark, prelude string, asks []ask) string {
	var b strings.Builder
	fmt.Fprintf(&b, "exec 3>&1\n%s\n", prelude)
	for _, a := range asks {
		s := a.script
		if s == "" {
			s = a.show
		}
		fmt.Fprintf(&b, "e=$( ( %s\n) 2>&1 1>&3 3>&- </dev/null )\nprintf '\\n%s %%d\\n%%s\\n%s\\n' $? \"$e\"\n", s, mark, mark)
	}
	b.WriteString("exit 0\n")
	return b.String()
}

var errCut = errors.New("the answer of a batch of commands is cut short or mixed up")

// split takes the answers apart again.
func split(mark, out string, n int) ([]answer, error) {
	answers := make([]answer, 0, n)
	for len(answers) < n {
		stdout, rest, found := strings.Cut(out, "\n"+mark+" ")
		code, rest, line := strings.Cut(rest, "\n")
		stderr, rest, end := strings.Cut("\n"+rest, "\n"+mark+"\n")
		number, err := strconv.Atoi(code)
		if !found || !line || !end || err != nil {
			return nil, fmt.Errorf("%w: %d of %d answers", errCut, len(answers), n)
		}
		answers = append(answers, answer{stdout: stdout, stderr: strings.TrimSpace(stderr), code: number})
		out = rest
	}
	return answers, nil
}

// placed names a place for evidence.
type placed string

// read makes a Read of one answer. A command that failed has not been read, whatever it printed.
func read[T any](place placed, a ask, answers map[string]answer, err error, parse func(string) (T, error)) model.Read[T] {
	r := model.Read[T]{Place: string(place), Command: a.show, At: time.Now().UTC()}
	got, ok := answers[a.id]
	switch {
	case err != nil:
		r.Err = err.Error()
		return r
	case !ok:
		r.Err = "the command did not run"
		return r
	}
	r.Raw = got.stdout
	if got.code != 0 {
		r.Err = fmt.Sprintf("exit code %d: %s", got.code, firstOf(got.stderr, got.stdout))
		return r
	}
	if r.Value, err = parse(got.stdout); err != nil {
		r.Err = err.Error()
	}
	return r
}

// failed is a Read that could not be made.
func failed[T any](place, command string, err error) model.Read[T] {
	return model.Read[T]{Place: place, Command: command, Err: err.Error(), At: time.Now().UTC()}
}

// firstOf is the first text that says something, on one line and not too long.
func firstOf(texts ...string) string {
	for _, t := range texts {
		if t = strings.Join(strings.Fields(t), " "); t != "" {
			const most = 300
			if len(t) > most {
				t = strings.ToValidUTF8(t[:most], "") + "…"
			}
			return t
		}
	}
	return ""
}
