package scenario

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

// placed gives a scenario's objects in a run's namespaces.
func placed(t *testing.T, scenario string) (*Running, []client.Object) {
	t.Helper()
	d := definitions[scenario]
	decoded, err := load(scenario, d.all()...)
	if err != nil {
		t.Fatal(err)
	}
	r := &Running{Scenario: scenario, Namespace: d.base() + "-x1", RunID: "x1", definition: d, pods: map[string]string{},
		bed: &bed.Bed{Underlay: &bed.Underlay{Physical: &bed.Physical{Network: "trunk", Interface: "eth1"}}}}
	r.facts.MasqueradeSubnet = "169.254.0.0/17"
	r.facts.Nodes = []model.Node{{Name: "n1", BridgeMappings: map[string]string{"physnet": "breth0"}}}
	r.facts.Features = map[model.Feature]model.Presence{model.FeatureL2Bridge: {Present: true}}
	for i, o := range decoded {
		if decoded[i], err = r.move().object(o); err != nil {
			t.Fatal(err)
		}
	}
	return r, decoded
}

func TestOwnManifestsPassTheCheck(t *testing.T) {
	for name := range definitions {
		r, objects := placed(t, name)
		if err := r.check(objects); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGroupsMoveAlong(t *testing.T) {
	r, objects := placed(t, "primary-udn")
	if err := r.note(objects); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, n := range r.Networks() {
		keys = append(keys, n.Key+" in "+n.Namespace)
	}
	slices.Sort(keys)
	want := []string{"layer3/layer3-udn in vmnet-pu-x1-layer3", "other/other-udn in vmnet-pu-x1-other", "primary-udn in vmnet-pu-x1", "twin/primary-udn in vmnet-pu-x1-twin"}
	if !slices.Equal(keys, want) {
		t.Errorf("networks %v", keys)
	}
	if got := r.NamespaceOf("vm-o"); got != r.Group("other") {
		t.Errorf("vm-o is in %s", got)
	}
	if got := r.PodNamespace("twin-a"); got != r.Group("twin") {
		t.Errorf("twin-a is in %s", got)
	}
	for _, o := range objects {
		if kind := o.GetObjectKind().GroupVersionKind(); kind == ClaimKind {
			network, _ := field(o, "spec", "network")
			if !strings.HasPrefix(network, o.GetNamespace()+"_") {
				t.Errorf("%s claims an address of network %s", o.GetName(), network)
			}
		}
	}
}

// A VM on a Layer3 network cannot be entered: nobody may wait for that.
func TestWhoIsWaitedFor(t *testing.T) {
	r, objects := placed(t, "primary-udn")
	if err := r.note(objects); err != nil {
		t.Fatal(err)
	}
	names := func(specs []model.VMSpec) string {
		var all []string
		for _, s := range specs {
			all = append(all, s.Name)
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	if got, want := names(r.expected(r.Specs)), "vm-o vm-p vm-q vm-r vm-spare"; got != want {
		t.Errorf("waited for are %s, want %s", got, want)
	}
	if got, want := names(r.spares()), "vm-spare"; got != want {
		t.Errorf("spares waited for are %s, want %s", got, want)
	}
}

func TestWaysIntoGuests(t *testing.T) {
	for scenario, want := range map[string]map[string]string{
		"cluster-network": {"vm-a": "port-forward jump-pod"},
		"primary-udn":     {"vm-p": "jump-pod", "vm-o": "jump-pod", "vm-l3": "jump-pod"},
		"secondary-udn":   {"vm-ps": "jump-pod"},
		"localnet":        {"vm-l": "port-forward jump-pod", "vm-c": "port-forward"},
	} {
		r, objects := placed(t, scenario)
		if err := r.note(objects); err != nil {
			t.Fatal(err)
		}
		for vm, names := range want {
			var got []string
			for _, w := range r.ways(vm) {
				got = append(got, w.Name())
			}
			if strings.Join(got, " ") != names {
				t.Errorf("%s %s: %v", scenario, vm, got)
			}
		}
	}
}

func TestNetworksComeBeforeWhatIsOnThem(t *testing.T) {
	_, objects := placed(t, "primary-udn")
	spaces, networks, rest := sorted(objects)
	if len(spaces) != 5 || len(networks) != 4 || len(rest) == 0 {
		t.Errorf("%d namespaces, %d networks, %d others", len(spaces), len(networks), len(rest))
	}
}

// Each wrong manifest has one line that names the thing, before anything is made.
func TestWrongManifests(t *testing.T) {
	cases := map[string]struct {
		spoil func(*testing.T, *Running, []client.Object) []client.Object
		says  string
	}{
		"a primary network in a namespace without the label": {says: "network primary-udn: it is primary, and its namespace has not the label",
			spoil: func(_ *testing.T, r *Running, o []client.Object) []client.Object {
				named(o, r.Namespace).SetLabels(nil)
				return o
			}},
		"layer 3 for a VM": {says: "VM vm-l3: its primary network layer3/layer3-udn is Layer3",
			spoil: func(_ *testing.T, r *Running, o []client.Object) []client.Object {
				r.definition.tried = ""
				return o
			}},
		"a subnet that does not parse": {says: `subnet "10.1.1.0/240" does not parse`,
			spoil: func(t *testing.T, _ *Running, o []client.Object) []client.Object {
				return edited(t, o, "10.1.1.0/24", "10.1.1.0/240")
			}},
		"the binding is not registered": {says: ": interface default wants the binding l2bridge, which the KubeVirt resource does not register",
			spoil: func(_ *testing.T, r *Running, o []client.Object) []client.Object {
				r.facts.Features[model.FeatureL2Bridge] = model.Presence{Reason: "not there"}
				return o
			}},
		"a cluster without such networks": {says: "network primary-udn: the cluster has no user-defined networks: segmentation is off",
			spoil: func(_ *testing.T, r *Running, o []client.Object) []client.Object {
				r.facts.Features[model.FeatureUDN] = model.Presence{Reason: "segmentation is off"}
				return o
			}},
		"a masquerade subnet that is too small": {says: "masquerade subnet: 169.254.169.0/29 is too small for 4 primary networks",
			spoil: func(_ *testing.T, r *Running, o []client.Object) []client.Object {
				r.facts.MasqueradeSubnet = "169.254.169.0/29"
				return o
			}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r, objects := placed(t, "primary-udn")
			err := r.check(c.spoil(t, r, objects))
			var input *bed.InputError
			if !errors.As(err, &input) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestNetworkCondition(t *testing.T) {
	o := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"conditions": []any{
		map[string]any{"type": "NetworkAllocationSucceeded", "status": "True"},
		map[string]any{"type": "NetworkCreated", "status": "False", "reason": "SyncError", "message": "no label"}}}}}
	if status, said := Created(o); status != "False" || said != "NetworkCreated=False, SyncError: no label" {
		t.Errorf("%q %q", status, said)
	}
	if status, said := Created(&unstructured.Unstructured{Object: map[string]any{"status": "?"}}); status != "" || said != "" {
		t.Errorf("%q %q", status, said)
	}
}

// named is the first object of that name, nil for none.
func named(objects []client.Object, name string) client.Object {
	if i := slices.IndexFunc(objects, func(o client.Object) bool { return o.GetName() == name }); i >= 0 {
		return objects[i]
	}
	return nil
}

func field(o client.Object, path ...string) (string, bool) {
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return "", false
	}
	text, found, err := unstructured.NestedString(u.Object, path...)
	return text, found && err == nil
}

func edited(t *testing.T, objects []client.Object, from, to string) []client.Object {
	t.Helper()
	for i, o := range objects {
		if u, ok := o.(*unstructured.Unstructured); ok {
			raw, err := u.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			fresh := &unstructured.Unstructured{}
			if err := fresh.UnmarshalJSON([]byte(strings.ReplaceAll(string(raw), from, to))); err != nil {
				t.Fatal(err)
			}
			objects[i] = fresh
		}
	}
	return objects
}
