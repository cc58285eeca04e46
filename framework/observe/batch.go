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
	// after says that it waits for those that do not.
	after bool
}

// text is what the place's shell runs.
func (a ask) text() string {
	if a.script != "" {
		return a.script
	}
	return a.show
}

// answer is what came back for one ask.
type answer struct {
	stdout, stderr string
	code           int
}

// batch runs all asks in one shell: all at once, and then one after another those that come after. What one of them
// does, exit code included, leaves the others alone. The error means that the place could not be entered or its answer
// not be told apart.
func batch(ctx context.Context, place bed.Runner, prelude string, asks []ask) (map[string]answer, error) {
	mark := "vmnet-" + rand.Text()
	out, err := place.Run(ctx, "sh", "-c", script(mark, prelude, asks))
	if err != nil {
		return nil, err
	}
	answers, err := split(mark, out, asks)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place.Place(), err)
	}
	return answers, nil
}

// script is POSIX shell, for busybox as well.
func script(mark, prelude string, asks []ask) string {
	var b strings.Builder
	b.WriteString(aside + prelude + "\n")
	for i, a := range asks {
		if !a.after {
			fmt.Fprintf(&b, "( (%s\n) %s; echo $? >\"$aside/%d.c\" ) &\n", a.text(), kept(i), i)
		}
	}
	b.WriteString("wait\n")
	b.WriteString(last(mark, asks))
	return b.String()
}

// aside makes the directory in which answers are kept until all are there; it goes with the shell.
const aside = `umask 077
aside=$(mktemp -d) || exit 1
trap 'rm -rf "$aside"' EXIT
trap 'exit 1' HUP INT TERM PIPE
`

// kept sends what the i-th command says to its files.
func kept(i int) string {
	return fmt.Sprintf(`>"$aside/%[1]d.o" 2>"$aside/%[1]d.e" </dev/null`, i)
}

// last runs what comes after, and hands all answers out: stdout as it is, then a line with the mark and the exit code,
// what was said to stderr, and a line with the mark again.
func last(mark string, asks []ask) string {
	var b strings.Builder
	for i, a := range asks {
		if a.after {
			fmt.Fprintf(&b, "(%s\n) %s; echo $? >\"$aside/%d.c\"\n", a.text(), kept(i), i)
		}
	}
	fmt.Fprintf(&b, `i=0
while [ $i -lt %[1]d ]; do
	cat "$aside/$i.o"; c=; read -r c <"$aside/$i.c"; printf '\n%[2]s %%s\n' "$c" # one without code spoils the batch
	cat "$aside/$i.e"; printf '\n%[2]s\n'
	i=$((i+1))
done
exit 0
`, len(asks), mark)
	return b.String()
}

var errCut = errors.New("the answer of a batch of commands is cut short or mixed up")

// split takes the answers apart again, by the asks' ids.
func split(mark, out string, asks []ask) (map[string]answer, error) {
	answers := make(map[string]answer, len(asks))
	for i, a := range asks {
		stdout, rest, found := strings.Cut(out, "\n"+mark+" ")
		code, rest, line := strings.Cut(rest, "\n")
		stderr, rest, end := strings.Cut("\n"+rest, "\n"+mark+"\n")
		number, err := strconv.Atoi(code)
		if !found || !line || !end || err != nil {
			return nil, fmt.Errorf("%w: %d of %d answers", errCut, i, len(asks))
		}
		answers[a.id] = answer{stdout: stdout, stderr: strings.TrimSpace(stderr), code: number}
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
