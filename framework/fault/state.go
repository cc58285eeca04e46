package fault

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/vmnet-project/vmnet/framework/facts"
	"github.com/vmnet-project/vmnet/framework/parse"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// state is what a fault may have left that no observation shows: the cluster's facts, what the VMs ask for by the API's
// word, and rows of each node's northbound database.
type state struct {
	facts any
	specs map[string]any
	rows  map[string][]row // by node
}

// row is one of a table.
type row struct {
	table   string
	columns parse.Row
}

// tables are those that faults, and repairs of faults, change.
var tables = []string{"NAT", "ACL", "Logical_Router_Port", "Address_Set", "Logical_Router_Static_Route", "Load_Balancer", "DHCP_Options"}

// passing are the columns that say nothing of what is configured.
var passing = []string{"_uuid", "status", "ipv6_prefix"}

const (
	// stateTries are so many looks at what cannot be read at first.
	stateTries = 3
	// statePatience and statePoll are the engine's.
	statePatience = 30 * time.Second
	statePoll     = 3 * time.Second
)

// state looks.
func (w *World) state(ctx context.Context) (state, error) {
	var s state
	var err error
	for range stateTries {
		if s, err = w.look(ctx); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return state{}, fmt.Errorf("look at facts, VMs and OVN's tables: %w", err)
	}
	return s, nil
}

func (w *World) look(ctx context.Context) (state, error) {
	s := state{specs: map[string]any{}, rows: map[string][]row{}}
	f, err := facts.Discover(ctx, w.Bed)
	if err != nil {
		return s, fmt.Errorf("facts: %w", err)
	}
	f.At = time.Time{}
	if s.facts, err = plain(f); err != nil {
		return s, err
	}
	for _, spec := range w.Running.Specs {
		vm, err := w.Bed.KubeVirt.VirtualMachine(spec.Namespace).Get(ctx, spec.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue // it shows as one that is not there
		}
		if err != nil {
			return s, fmt.Errorf("VM %s: %w", spec.Name, err)
		}
		if s.specs[spec.Name], err = plain(scenario.SpecOf(vm)); err != nil {
			return s, err
		}
	}
	rows := make([][]row, len(f.Nodes))
	group, ctx := errgroup.WithContext(ctx)
	for i, n := range f.Nodes {
		group.Go(func() (err error) {
			rows[i], err = w.rows(ctx, n.Name)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return s, err
	}
	for i, n := range f.Nodes {
		s.rows[n.Name] = rows[i]
	}
	return s, nil
}

func (w *World) rows(ctx context.Context, node string) ([]row, error) {
	pod, err := w.Bed.OVNPod(ctx, node)
	if err != nil {
		return nil, err
	}
	out, err := pod.Run(ctx, append([]string{"sh", "-c", `set -e; for t; do ovn-nbctl -t 60 -f json list "$t"; done`, "sh"}, tables...)...)
	if err != nil {
		return nil, err
	}
	all, err := parse.Tables(out, len(tables))
	if err != nil {
		return nil, fmt.Errorf("northbound database of %s: %w", node, err)
	}
	var rows []row
	for i, t := range all {
		for _, r := range t {
			if tables[i] == "Load_Balancer" && elsewhere(r, w.Running.Namespaces()) {
				withoutEnds(r)
			}
			for _, c := range passing {
				delete(r, c)
			}
			rows = append(rows, row{tables[i], r})
		}
	}
	return rows, nil
}

// elsewhere says whether a load balancer is of a Service in another namespace than these: its ends come and go with pods that
// are not the scenario's.
func elsewhere(r parse.Row, namespaces []string) bool {
	ids, _ := r["external_ids"].(map[string]any)
	owner, _ := ids["k8s.ovn.org/owner"].(string)
	namespace, _, isService := strings.Cut(owner, "/")
	return isService && !slices.Contains(namespaces, namespace)
}

// withoutEnds leaves of a load balancer what it stands for, not who answers.
func withoutEnds(r parse.Row) {
	if vips, ok := r["vips"].(map[string]any); ok {
		for vip := range vips {
			vips[vip] = ""
		}
	}
	delete(r, "ip_port_mappings")
}

// plain makes plain values of anything.
func plain(v any) (any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var tree any
	return tree, json.Unmarshal(raw, &tree)
}

// differences lists where two states differ, each put into words by its own normaliser.
func (s state) differences(after state, a, b normaliser) []string {
	var found []string
	compare("facts", s.facts, after.facts, &found)
	for _, vm := range slices.Sorted(maps.Keys(s.specs)) {
		compare("spec of VM "+vm, s.specs[vm], after.specs[vm], &found)
	}
	for _, node := range slices.Sorted(maps.Keys(s.rows)) {
		was, is := a.lines(s.rows[node]), b.lines(after.rows[node])
		for _, line := range less(was, is) {
			found = append(found, "OVN on node "+node+": gone is "+clip(line))
		}
		for _, line := range less(is, was) {
			found = append(found, "OVN on node "+node+": new is "+clip(line))
		}
	}
	return found
}

// lines are rows as text, without those of what came anew.
func (n normaliser) lines(rows []row) []string {
	var lines []string
	for _, r := range rows {
		line := r.table + " " + jsonOf(n.cell(map[string]any(r.columns)))
		if !n.ofRenewed(line) {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

// cell is a value of a table: references to other rows count as being there, and sets have no order.
func (n normaliser) cell(v any) any {
	switch v := v.(type) {
	case parse.UUID:
		return "a row"
	case string:
		return n.text(v)
	case []any:
		set := make([]any, 0, len(v))
		for _, e := range v {
			set = append(set, n.cell(e))
		}
		return sorted(set)
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[n.text(k)] = n.cell(e)
		}
		return out
	}
	return v
}

// less is a without what is in b, as often as it is there.
func less(a, b []string) []string {
	count := map[string]int{}
	for _, line := range b {
		count[line]++
	}
	var rest []string
	for _, line := range a {
		if count[line]--; count[line] < 0 {
			rest = append(rest, line)
		}
	}
	return rest
}

// steadyState looks until two looks in a row are the same: what observations made for themselves is gone then.
func (e *engine) steadyState(ctx context.Context) (state, error) {
	last, err := e.state(ctx)
	if err != nil {
		return last, err
	}
	bounded, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	_ = wait.PollUntilContextCancel(bounded, e.statePoll, false, func(ctx context.Context) (bool, error) { // the last look counts
		next, failed := e.state(ctx)
		if failed != nil {
			return false, nil //nolint:nilerr // looked again until the patience ends
		}
		same := len(last.differences(next, normaliser{}, normaliser{})) == 0
		last = next
		return same, nil
	})
	return last, ctx.Err()
}
