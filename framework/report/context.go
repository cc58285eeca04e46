package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/vmnet-project/vmnet/framework/model"
)

// WriteFacts writes what the cluster said of itself.
func WriteFacts(w io.Writer, f model.Facts, view View) error {
	width := view.Width
	if width <= 0 {
		width = LogWidth
	}
	var b strings.Builder
	row := func(name, value string) {
		if value == "" {
			return
		}
		for i, line := range strings.Split(text.WrapSoft(clean(value), max(width-14, 40)), "\n") {
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(&b, "  %-12s%s\n", name, strings.TrimSpace(line))
		}
	}
	b.WriteString("Facts of the cluster\n")
	row("versions", pairs(f.Versions))
	row("pods", strings.Join(f.ClusterSubnets, ", "))
	row("services", strings.Join(f.ServiceSubnets, ", "))
	if f.MTU > 0 {
		row("MTU", fmt.Sprint(f.MTU))
	}
	row("gateway", f.GatewayMode)
	row("masquerade", f.MasqueradeSubnet)
	if f.Emulation {
		row("guests", "emulated, no KVM")
	}
	for _, n := range f.Nodes {
		row("node", fmt.Sprintf("%s %s, pods %s, leaves by %s on %s",
			n.Name, n.InternalIP, n.PodSubnet, strings.Join(n.EdgeIPs, ", "), n.EdgeBridge))
	}
	for _, name := range sortedKeys(f.Features) {
		if p := f.Features[name]; !p.Present {
			row("without", fmt.Sprintf("%s: %s", name, p.Reason))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Phase is a stretch of a run: steps whose names begin alike ("kernel" of "kernel: compile") and that follow upon
// one another. One of a single step has that step's name.
type Phase struct {
	Name string
	// Start and Seconds span the phase's steps, from the first one's start to the last one's end.
	Start, Seconds float64
	Failed         bool
}

// pause is how many seconds may lie between two steps of one phase.
const pause = 5

// Phases sums the timings up, in the order in which the phases began.
func Phases(timings []Timing) []Phase {
	timings = slices.Clone(timings)
	slices.SortStableFunc(timings, func(a, b Timing) int { return cmp.Compare(a.Start, b.Start) })
	latest := map[string]int{} // by prefix
	var phases []Phase
	for _, t := range timings {
		prefix, _, _ := strings.Cut(t.Step, ": ")
		i, ok := latest[prefix]
		if !ok || t.Start > phases[i].Start+phases[i].Seconds+pause {
			latest[prefix] = len(phases)
			phases = append(phases, Phase{Name: t.Step, Start: t.Start, Seconds: t.Seconds, Failed: t.Err != ""})
			continue
		}
		p := &phases[i]
		p.Name, p.Failed = prefix, p.Failed || t.Err != ""
		p.Seconds = max(p.Start+p.Seconds, t.Start+t.Seconds) - p.Start
	}
	return phases
}

// WriteTimings writes how long each phase took. Phases may overlap.
func WriteTimings(w io.Writer, r Report) error {
	var b strings.Builder
	b.WriteString("Timings\n")
	for _, p := range Phases(r.Timings) {
		if p.Seconds < 1 && !p.Failed {
			continue
		}
		failed := ""
		if p.Failed {
			failed = "   failed"
		}
		fmt.Fprintf(&b, "  %-36s%8s   from %s%s\n", p.Name, seconds(p.Seconds), seconds(p.Start), failed)
	}
	if !r.Finished.IsZero() {
		fmt.Fprintf(&b, "  %-36s%8s\n", "all", seconds(r.Finished.Sub(r.Started).Seconds()))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteOrigin writes what was tested by what: the source of the suite and of the cluster's images.
func WriteOrigin(w io.Writer, r Report) error {
	var b strings.Builder
	tree := r.GitTree
	if tree == "" {
		tree = "not known"
	}
	if r.Dirty {
		tree += ", with changes"
	}
	fmt.Fprintf(&b, "Source tree %s\n", tree)
	if r.Reconstruction {
		b.WriteString("Images were built from source: this cluster is a reconstruction, not the published release.\n")
	}
	if r.Stopped != "" {
		fmt.Fprintf(&b, "The run ended early: %s\n", r.Stopped)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// seconds is a duration for a reader: 0.4s, 41s, 3m07s.
func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", s)
	case d < time.Minute:
		return fmt.Sprintf("%.0fs", s)
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
}

func pairs(m map[string]string) string {
	parts := make([]string, 0, len(m))
	for _, k := range sortedKeys(m) {
		parts = append(parts, k+" "+m[k])
	}
	return strings.Join(parts, ", ")
}

func sortedKeys[K ~string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
