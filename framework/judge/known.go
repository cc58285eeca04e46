package judge

import (
	"fmt"
	"regexp"
	"slices"
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

// of tells whether the issue is known of the version that runs.
func (k Known) of(f model.Facts) bool {
	v, ok := version(f.Versions[k.Component])
	return ok && within(v, k.From, k.Before)
}

// is tells whether what fails is the issue's deviation and nothing else.
func (k Known) is(evidence []model.Evidence) bool {
	return !slices.ContainsFunc(evidence, func(e model.Evidence) bool {
		return e.Err == "" && !e.Holds && !k.Deviation.MatchString(line(e))
	})
}

// known makes a FAIL that is a known issue KNOWN, or an ERROR where something else could not be observed. Where an issue
// would explain a FAIL but for the version, and where one that should be seen is not, the reason says so.
func known(j *model.Judgement, issues []Known, f model.Facts) {
	for _, k := range issues {
		unseen := slices.IndexFunc(j.Evidence, func(e model.Evidence) bool { return e.Err != "" })
		switch of := k.of(f); {
		case j.Verdict == model.Fail && k.is(j.Evidence) && of && unseen >= 0:
			j.Verdict, j.Reason, j.Expected, j.Observed = model.Error, because(j.Evidence[unseen], j.Evidence), "", ""
			return
		case j.Verdict == model.Fail && k.is(j.Evidence) && of:
			j.Verdict, j.Reason = model.Known, k.Issue+": "+j.Reason
			return
		case j.Verdict == model.Fail && k.is(j.Evidence):
			j.Reason += fmt.Sprintf("; as in %s, which is not known of version %s of %s", k.Issue, text(f.Versions[k.Component]), k.Component)
		case j.Verdict == model.Pass && of:
			j.Reason = fmt.Sprintf("%s, known of version %s of %s, is not seen", k.Issue, f.Versions[k.Component], k.Component)
		}
	}
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
