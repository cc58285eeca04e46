package judge

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// Known is a deviation that is an upstream issue: where the component's version is one of those named and exactly this
// deviation was observed, a FAIL is KNOWN instead.
type Known struct {
	// Issue as project#number.
	Issue string
	// Component whose version counts, as in Facts.Versions.
	Component string
	// From is the first version with the issue (empty: all), Before the first without (empty: none yet).
	From, Before string
	// Deviation matches the line of every comparison that fails by this issue: "what: expected …, observed …".
	Deviation *regexp.Regexp
}

func known(issues []Known, f model.Facts, evidence []model.Evidence) (Known, bool) {
	for _, k := range issues {
		v, ok := version(f.Versions[k.Component])
		if !ok || !within(v, k.From, k.Before) {
			continue
		}
		exactly := true
		for _, e := range evidence {
			if e.Err != "" || !e.Holds && !k.Deviation.MatchString(line(e)) {
				exactly = false
			}
		}
		if exactly {
			return k, true
		}
	}
	return Known{}, false
}

var numbers = regexp.MustCompile(`^v?(\d+)\.(\d+)(?:\.(\d+))?`)

// version reads the numbers of a release; what is no release (a commit, a date) has none, and no issue is known of it.
func version(s string) (v [3]int, ok bool) {
	m := numbers.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return v, false
	}
	for i := range v {
		if m[i+1] != "" {
			n, err := strconv.Atoi(m[i+1])
			if err != nil {
				return v, false
			}
			v[i] = n
		}
	}
	return v, true
}

func within(v [3]int, from, before string) bool {
	if f, ok := version(from); ok && less(v, f) {
		return false
	}
	if b, ok := version(before); ok && !less(v, b) {
		return false
	}
	return true
}

func less(a, b [3]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}
