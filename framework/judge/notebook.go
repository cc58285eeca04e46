package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// Notebook is where a claim writes each comparison that it makes: what was looked at, where, what was expected
// and why, and what was observed. The verdict follows from it alone.
type Notebook struct {
	evidence []model.Evidence
}

// Source is the place where an observed value was read, and what was run there.
type Source struct{ Place, Command string }

// Need gives the value of a read. A read that failed is noted, which makes the claim an ERROR unless a comparison
// that could be made fails.
func Need[T any](n *Notebook, what string, r model.Read[T]) (T, Source, bool) {
	from := Source{Place: r.Place, Command: r.Command}
	if err := r.Failure(); err != nil {
		n.evidence = append(n.evidence, model.Evidence{What: what, Place: r.Place, Command: r.Command, Err: err.Error()})
		var none T
		return none, from, false
	}
	return r.Value, from, true
}

// Cannot notes that something could not be compared, and why: an ERROR, as for a read that failed.
func (n *Notebook) Cannot(what, why string) {
	n.evidence = append(n.evidence, model.Evidence{What: what, Err: why})
}

// Equal compares two values by how they read.
func (n *Notebook) Equal(what string, from Source, want any, why string, got any) {
	n.note(what, from, text(want), why, text(got), fmt.Sprint(want) == fmt.Sprint(got))
}

// Set compares two sets: nothing missing, nothing more. Order does not count, repetition does.
func (n *Notebook) Set(what string, from Source, want []string, why string, got []string) {
	missing, extra := differ(want, got), differ(got, want)
	observed := list(got)
	if len(missing) > 0 {
		observed += "; missing: " + list(missing)
	}
	if len(extra) > 0 {
		observed += "; more than expected: " + list(extra)
	}
	n.note(what, from, list(want), why, observed, len(missing) == 0 && len(extra) == 0)
}

// Has compares a set with one element that must be in it.
func (n *Notebook) Has(what string, from Source, want, why string, got []string) {
	n.note(what, from, want, why, list(got), slices.Contains(got, want))
}

// OneOf compares a value with those that are as good as each other.
func (n *Notebook) OneOf(what string, from Source, want []string, why, got string) {
	n.note(what, from, strings.Join(want, " or "), why, text(got), slices.Contains(want, got))
}

// NoneOf compares a set with values that must not be in it.
func (n *Notebook) NoneOf(what string, from Source, unwanted []string, why string, got []string) {
	holds := !slices.ContainsFunc(unwanted, func(u string) bool { return slices.Contains(got, u) })
	n.note(what, from, "none of "+list(unwanted), why, list(got), holds)
}

// Check notes a comparison that the others do not cover; both values are given as a reader wants them.
func (n *Notebook) Check(what string, from Source, want, why, got string, holds bool) {
	n.note(what, from, want, why, got, holds)
}

func (n *Notebook) note(what string, from Source, want, why, got string, holds bool) {
	n.evidence = append(n.evidence, model.Evidence{
		What: what, Place: from.Place, Command: from.Command, Expected: want, Why: why, Observed: got, Holds: holds,
	})
}

// differ gives what a has more than b, as often as it has it more.
func differ(a, b []string) []string {
	rest := slices.Clone(b)
	var more []string
	for _, s := range a {
		if i := slices.Index(rest, s); i >= 0 {
			rest = slices.Delete(rest, i, i+1)
		} else {
			more = append(more, s)
		}
	}
	return more
}

func text(v any) string {
	if s := fmt.Sprint(v); s != "" {
		return s
	}
	return "nothing"
}

func list(s []string) string {
	if len(s) == 0 {
		return "nothing"
	}
	return strings.Join(s, ", ")
}
