package main

import (
	"cmp"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vmnet-project/vmnet/framework/judge"
	"github.com/vmnet-project/vmnet/images"
)

func content(t *testing.T, name string) string {
	t.Helper()
	body, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// Every command, and every variable that a flag reads, is in the README; variables are in make's help, too.
func TestReadme(t *testing.T) {
	readme, makefile := content(t, "README.md"), content(t, "Makefile")
	variable := regexp.MustCompile(`variable ([A-Z_]+)`)
	root := (&app{stdout: io.Discard, stderr: io.Discard}).root()
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c != root && !c.Hidden && c.Name() != "completion" && c.Name() != "help" && !strings.Contains(readme, "`vmnet "+c.Name()) {
			t.Errorf("README does not name vmnet %s", c.Name())
		}
		check := func(f *pflag.Flag) {
			for _, m := range variable.FindAllStringSubmatch(f.Usage, -1) {
				if !strings.Contains(readme, "`"+m[1]+"=") || !strings.Contains(makefile, "'  "+m[1]+"=") {
					t.Errorf("--%s reads %s, and README or make help does not name it", f.Name, m[1])
				}
			}
		}
		c.LocalFlags().VisitAll(check)
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
	for _, name := range images.Components() {
		if v := strings.ToUpper(strings.ReplaceAll(name, "-", "_")); !strings.Contains(readme, v) && name != "kind" && name != "controller-gen" {
			t.Errorf("README does not say that %s can come from a checkout (%s%s)", name, checkoutPrefix, v)
		}
	}
}

// docs/not-applicable.md has a row for each feature, with the claims that need it and no others; "PU-01 to PU-25" is
// what lies between in the registry.
func TestNotApplicable(t *testing.T) {
	var all []string
	needs := map[string][]string{}
	for _, c := range judge.All() {
		all = append(all, c.ID)
		for _, f := range c.Needs {
			needs[string(f)] = append(needs[string(f)], c.ID)
		}
	}
	row := regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\|.*\\| ([^|]*) \\|$")
	listed := map[string][]string{}
	for _, m := range row.FindAllStringSubmatch(content(t, "docs/not-applicable.md"), -1) {
		for part := range strings.SplitSeq(m[2], ", ") {
			from, to, _ := strings.Cut(part, " to ")
			first, last := slices.Index(all, from), slices.Index(all, cmp.Or(to, from))
			if first < 0 || last < first {
				t.Fatalf("%s: no claims %s", m[1], part)
			}
			listed[m[1]] = append(listed[m[1]], all[first:last+1]...)
		}
	}
	for feature := range needs {
		if listed[feature] == nil {
			t.Errorf("claims need %s, and the docs do not say when a cluster lacks it", feature)
		}
	}
	for feature := range listed {
		if !slices.Equal(listed[feature], needs[feature]) {
			t.Errorf("%s: the docs list %v, the claims that need it are %v", feature, listed[feature], needs[feature])
		}
	}
}
