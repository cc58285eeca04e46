package report

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/onsi/ginkgo/v2/reporters"

	"github.com/vmnet-project/vmnet/framework/model"
)

// JUnit is the report as JUnit XML, in the shape that Ginkgo's own reporter writes: a suite a scenario, a case a
// claim. FAIL is a failure; ERROR and DID-NOT-RUN are errors; KNOWN and NOT-APPLICABLE are skipped with the reason.
func JUnit(r Report) ([]byte, error) {
	all := reporters.JUnitTestSuites{Time: r.Finished.Sub(r.Started).Seconds()}
	byScenario := map[string]int{}
	for _, c := range r.Claims {
		i, ok := byScenario[c.Scenario]
		if !ok {
			i = len(all.TestSuites)
			byScenario[c.Scenario] = i
			all.TestSuites = append(all.TestSuites, reporters.JUnitTestSuite{
				Name: c.Scenario, Package: "suites/" + strings.ReplaceAll(c.Scenario, "-", ""),
				Timestamp: r.Started.UTC().Format("2006-01-02T15:04:05"), Time: all.Time,
				Properties: reporters.JUnitProperties{Properties: properties(r)},
			})
		}
		s := &all.TestSuites[i]
		s.TestCases = append(s.TestCases, testCase(c))
		s.Tests++
		switch c.Verdict {
		case model.Pass:
		case model.Known, model.NotApplicable:
			s.Skipped++
			all.Disabled++
		case model.Fail:
			s.Failures++
			all.Failures++
		default:
			s.Errors++
			all.Errors++
		}
		all.Tests++
	}
	body, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode JUnit: %w", err)
	}
	return append([]byte(xml.Header), append(body, '\n')...), nil
}

func testCase(c model.Judgement) reporters.JUnitTestCase {
	tc := reporters.JUnitTestCase{
		Name: c.ID + " " + c.Text, Classname: c.Scenario, Status: strings.ToLower(string(c.Verdict)),
		SystemOut: fmt.Sprintf("expected: %s\nobserved: %s\n", c.Expected, c.Observed),
	}
	var details strings.Builder
	_ = WriteDetails(&details, []model.Judgement{c}, View{}) // a strings.Builder does not fail
	message := c.Reason
	if message == "" {
		message = fmt.Sprintf("expected %s, observed %s", c.Expected, c.Observed)
	}
	switch c.Verdict {
	case model.Pass:
	case model.Known, model.NotApplicable:
		tc.Skipped = &reporters.JUnitSkipped{Message: fmt.Sprintf("%s: %s", c.Verdict, message)}
	case model.Fail:
		tc.Failure = &reporters.JUnitFailure{Type: string(c.Verdict), Message: message, Description: details.String()}
	default:
		tc.Error = &reporters.JUnitError{Type: string(c.Verdict), Message: message, Description: details.String()}
	}
	return tc
}

func properties(r Report) []reporters.JUnitProperty {
	p := []reporters.JUnitProperty{
		{Name: "gitTree", Value: r.GitTree},
		{Name: "dirty", Value: fmt.Sprint(r.Dirty)},
		{Name: "reconstruction", Value: fmt.Sprint(r.Reconstruction)},
	}
	for _, k := range sortedKeys(r.Facts.Versions) {
		p = append(p, reporters.JUnitProperty{Name: "version." + k, Value: r.Facts.Versions[k]})
	}
	return p
}
