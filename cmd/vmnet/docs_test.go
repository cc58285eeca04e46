package main

import (
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

// docs/not-applicable.md names each feature that a claim needs, with the claims that need it, and no others.
func TestNotApplicable(t *testing.T) {
	needs := map[string][]string{}
	for _, c := range judge.All() {
		for _, f := range c.Needs {
			needs[string(f)] = append(needs[string(f)], c.ID)
		}
	}
	row := regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\|.*\\| ([^|]*) \\|$")
	listed := map[string][]string{}
	for _, m := range row.FindAllStringSubmatch(content(t, "docs/not-applicable.md"), -1) {
		if m[2] != "none yet" {
			listed[m[1]] = strings.Split(m[2], ", ")
		}
	}
	for feature, ids := range needs {
		if !slices.Equal(listed[feature], ids) {
			t.Errorf("%s: the docs list %v, the claims that need it are %v", feature, listed[feature], ids)
		}
	}
	for feature := range listed {
		if needs[feature] == nil {
			t.Errorf("%s: no claim needs it", feature)
		}
	}
}
