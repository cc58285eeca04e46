package observe

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// objects answers by kind; what is not there is not found.
type objects struct {
	client.Client
	have map[string]string
	err  error
	// endless refuses calls that have a deadline, as client-go does where it would have to queue them beyond that.
	endless bool
}

func (o objects) Get(ctx context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	kind := into.GetObjectKind().GroupVersionKind().Kind
	text, ok := o.have[kind]
	_, bounded := ctx.Deadline()
	switch {
	case o.endless && bounded:
		return errors.New("client rate limiter Wait returned an error: rate: Wait(n=1) would exceed context deadline")
	case o.err != nil:
		return o.err
	case !ok:
		return apierrors.NewNotFound(schema.GroupResource{Resource: kind}, key.Name)
	}
	return json.Unmarshal([]byte(text), &into.(*unstructured.Unstructured).Object)
}

func recorded(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "parse", "testdata", "cluster", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestNetwork(t *testing.T) {
	asked := model.NetworkSpec{Topology: "layer2", Role: "primary", Subnets: []string{"10.1.1.0/24"}, Persistent: true}
	ref := scenario.NetworkRef{Key: "primary-udn", Namespace: "s2", Name: "primary-udn", Asked: asked}
	udn, nad := recorded(t, "udn.json"), recorded(t, "nad.json")
	for name, tc := range map[string]struct {
		objects     objects
		fails, made bool
	}{
		"both":        {objects: objects{have: map[string]string{"UserDefinedNetwork": udn, "NetworkAttachmentDefinition": nad}}, made: true},
		"not made":    {objects: objects{have: map[string]string{"UserDefinedNetwork": udn}}},
		"no network":  {objects: objects{}, fails: true},
		"no API":      {objects: objects{err: errors.New("no answer")}, fails: true},
		"another one": {objects: objects{have: map[string]string{"UserDefinedNetwork": udn, "NetworkAttachmentDefinition": udn}}, fails: true},
	} {
		o := &observer{bed: &bed.Bed{Objects: tc.objects}, running: &scenario.Running{}}
		r := o.network(t.Context(), ref)
		if (r.Failure() != nil) != tc.fails || !tc.fails && (r.Value.Created != "True" || (r.Value.ID == "5") != tc.made || (r.Value.NetworkName == "s2_primary-udn") != tc.made) {
			t.Errorf("%s: %+v, %v", name, r.Value, r.Failure())
		}
	}
}

func TestIPAMClaim(t *testing.T) {
	claim := recorded(t, "ipamclaim.json")
	var ours map[string]any
	if err := json.Unmarshal([]byte(claim), &ours); err != nil {
		t.Fatal(err)
	}
	ours["metadata"].(map[string]any)["labels"] = map[string]string{bed.PartOfLabel: bed.PartOf}
	labelled, err := json.Marshal(ours)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		objects  objects
		by, name string
		fails    bool
	}{
		"the extension's": {objects: objects{have: map[string]string{"IPAMClaim": claim}}, name: "vm-p.default", by: "ipam-extension"},
		"ours":            {objects: objects{have: map[string]string{"IPAMClaim": string(labelled)}}, name: "vm-p.default", by: "vmnet"},
		"none":            {},
		"no API":          {objects: objects{err: errors.New("no answer")}, fails: true},
	} {
		o := &observer{bed: &bed.Bed{Objects: tc.objects}}
		r := o.ipamClaim(t.Context(), "s2", claimName("vm-p", "default"))
		if (r.Failure() != nil) != tc.fails || r.Value.By != tc.by || r.Value.Name != tc.name {
			t.Errorf("%s: %+v, %v", name, r.Value, r.Failure())
		}
	}
}

func TestRemoving(t *testing.T) {
	ref := scenario.NetworkRef{Namespace: "s2", Name: "primary-udn"}
	var going map[string]any
	if err := json.Unmarshal([]byte(recorded(t, "udn.json")), &going); err != nil {
		t.Fatal(err)
	}
	going["metadata"].(map[string]any)["deletionTimestamp"] = "2026-11-25T22:00:00Z"
	text, err := json.Marshal(going)
	if err != nil {
		t.Fatal(err)
	}
	r := model.Read[model.Removal]{}
	at := func(have objects) *observer { return &observer{bed: &bed.Bed{Objects: have}} }
	at(objects{have: map[string]string{"UserDefinedNetwork": string(text)}}).removing(t.Context(), ref, &r)
	if r.Err != "" || !r.Value.There || !r.Value.Deleting || len(r.Value.Finalizers) != 1 {
		t.Errorf("%+v", r)
	}
	at(objects{have: map[string]string{"UserDefinedNetwork": string(text)}, endless: true}).watchRemoval(t.Context(), ref, 10*time.Millisecond, &r)
	if r.Err != "" || !r.Value.There {
		t.Errorf("the wait's end changed what was seen: %+v", r)
	}
	at(objects{err: errors.New("no answer")}).removing(t.Context(), ref, &r)
	if r.Err == "" {
		t.Errorf("%+v", r)
	}
	at(objects{}).removing(t.Context(), ref, &r)
	if r.Err != "" || r.Value.There || r.Value.Deleting {
		t.Errorf("gone: %+v", r)
	}
}
