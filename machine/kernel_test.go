package machine

import (
	"bufio"
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestPatchesSayWhy(t *testing.T) {
	names, err := kernelPatches(Options{})
	if err != nil || len(names) != 6 || !slices.IsSorted(names) {
		t.Fatalf("%v, %v: want six, sorted", names, err)
	}
	for _, n := range names {
		data, err := kernelFiles.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		header, diff, ok := strings.Cut(string(data), "\n--- a/")
		if !ok || !strings.HasPrefix(header, "SPDX-License-Identifier: GPL-2.0\nSubject: um: ") || len(strings.Split(header, "\n")) < 5 {
			t.Errorf("%s: no licence, subject and reason in its header", n)
		}
		if err := checkHunks("--- a/" + diff); err != "" {
			t.Errorf("%s: %s", n, err)
		}
	}
	if names, err := kernelPatches(Options{Unpatched: true}); err != nil || len(names) != 0 {
		t.Errorf("unpatched: %v, %v", names, err)
	}
}

var hunkRE = regexp.MustCompile(`^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@`)

// checkHunks counts the lines of each hunk of a unified diff: patch(1) calls a wrong count malformed.
func checkHunks(diff string) string {
	count := func(s string) int {
		if s == "" {
			return 1
		}
		n, _ := strconv.Atoi(s)
		return n
	}
	hunks, left, right := 0, 0, 0
	lines := bufio.NewScanner(strings.NewReader(diff))
	for lines.Scan() {
		l := lines.Text()
		if left == 0 && right == 0 {
			if m := hunkRE.FindStringSubmatch(l); m != nil {
				hunks, left, right = hunks+1, count(m[1]), count(m[2])
			} else if !strings.HasPrefix(l, "--- ") && !strings.HasPrefix(l, "+++ ") {
				return "a line in no hunk: " + l
			}
			continue
		}
		switch {
		case strings.HasPrefix(l, "+"):
			right--
		case strings.HasPrefix(l, "-"):
			left--
		default:
			left, right = left-1, right-1
		}
		if left < 0 || right < 0 {
			return "a hunk has more lines than its head says, at " + l
		}
	}
	if hunks == 0 || left != 0 || right != 0 {
		return "a hunk has fewer lines than its head says, or there is none"
	}
	return ""
}

func TestKernelKey(t *testing.T) {
	key := func(o Options, version string) string {
		t.Helper()
		k, err := kernelKey(o, version)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	a := key(Options{}, "7.3.4-1")
	if a != key(Options{Jobs: 3, Cache: "/x"}, "7.3.4-1") {
		t.Error("the key depends on what the kernel does not")
	}
	if a == key(Options{}, "7.3.5-1") {
		t.Error("the key does not depend on the source's version")
	}
	if a == key(Options{Unpatched: true}, "7.3.4-1") {
		t.Error("the key does not depend on the patches")
	}
}

func TestKernelConfig(t *testing.T) {
	config, err := kernelConfig(Options{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, l := range settingRE.FindAllString(string(config), -1) {
		name, _, _ := strings.Cut(l, "=")
		if seen[name] {
			t.Errorf("%s twice", name)
		}
		seen[name] = true
	}
	for _, need := range []string{"UML_NET_VECTOR", "BLK_DEV_UBD", "OVERLAY_FS", "OPENVSWITCH", "GENEVE", "NET_VRF", "VLAN_8021Q", "DUMMY", "STATIC_LINK"} {
		if !seen["CONFIG_"+need] {
			t.Errorf("CONFIG_%s is missing", need)
		}
	}
	plain, err := kernelConfig(Options{Unpatched: true})
	if err != nil || bytes.Contains(plain, []byte("STATIC_LINK=")) || len(config)-len(plain) != len("CONFIG_STATIC_LINK=y\n") {
		t.Errorf("unpatched: a static link needs its patch; %v", err)
	}
}

func TestRefusedLines(t *testing.T) {
	wanted := "# CONFIG_X\nCONFIG_A=y\nCONFIG_B=\"s t\"\nCONFIG_C=4\nCONFIG_D=y\n"
	got := refusedLines(wanted, "CONFIG_A=y\nCONFIG_B=\"s t\"\nCONFIG_C=8\n# CONFIG_D is not set\n")
	if !slices.Equal(got, []string{"CONFIG_C=4", "CONFIG_D=y"}) {
		t.Errorf("got %q", got)
	}
}

func TestNewest(t *testing.T) {
	got := newest([]string{"linux-source-6.12", "linux-source-7.3", "linux-source-6.9", "linux-source-7.3-rt", "linux-source"})
	if got != "linux-source-7.3" {
		t.Errorf("got %q", got)
	}
	if got := newest([]string{"linux-source"}); got != "" {
		t.Errorf("got %q from none", got)
	}
}
