// Package scenario makes what is observed: a namespace with VMs, pods and Services as manifests/ has them, up to
// the first command in each guest, and takes it away again in an order that does not hang.
package scenario

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/facts"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/transport"
)

// StepFunc is told of each wait when it begins, and calls back when it is over; it is called concurrently.
type StepFunc func(name string) (done func(error))

// Options say what to deploy.
type Options struct {
	// Scenario is a folder of manifests/scenarios, as "cluster-network".
	Scenario string
	// Spare adds the scenario's spare VM, for faults that cut a guest off.
	Spare bool
	// RunID makes the namespace's name unique; empty for a random one.
	RunID string
	// Guest is a profile's name; empty to choose by the images that the nodes hold.
	Guest string
	// IdentityDir, where set, keeps the keys to the guests in a file, so that Attach finds them later.
	IdentityDir string
	// Facts of the cluster; discovered when nil.
	Facts *model.Facts
	// Keep says that the scenario is to stay when the process ends, and so what it needs of the physical side.
	Keep bool
	// Timeouts are DefaultTimeouts when nil.
	Timeouts *Timeouts
	// Step may be nil.
	Step StepFunc
}

// The names that manifests and code agree on.
const (
	nameLabel     = "app.kubernetes.io/name"
	instanceLabel = "app.kubernetes.io/instance"
	scenarioLabel = "app.kubernetes.io/component" // of the namespace
	guestLabel    = "app.kubernetes.io/version"   // of the namespace: the guest's profile
	guestSecret   = "vmnet-guest"
)

// Deploy makes the scenario and returns once a command ran in each guest that is no spare. VMs start a few at a
// time, see turns, and boot together. When it fails, what it made is still there and Running is not nil from the
// moment there is something to look at: gather Diagnostics, then Teardown.
func Deploy(ctx context.Context, b *bed.Bed, o Options) (*Running, error) {
	r, objects, err := prepare(ctx, b, o)
	if err != nil {
		return nil, err
	}
	if r.definition.physical {
		if err := r.step("physical side", func() error { return r.joinPhysical(ctx, o.Keep) }); err != nil {
			return r, err
		}
	}
	if err := r.step("apply", func() error { return r.create(ctx, objects) }); err != nil {
		return r, err
	}
	return r, r.await(ctx)
}

// prepare decides on everything before anything is made.
func prepare(ctx context.Context, b *bed.Bed, o Options) (*Running, []client.Object, error) {
	d, ok := definitions[o.Scenario]
	if !ok {
		return nil, nil, &bed.InputError{What: "scenario " + o.Scenario, Err: fmt.Errorf("there is none of that name: %s", strings.Join(Names(), ", "))}
	}
	if o.RunID == "" {
		random := make([]byte, 3)
		_, _ = rand.Read(random) // never fails
		o.RunID = hex.EncodeToString(random)
	}
	profile, err := ProfileNamed(ctx, b, o.Guest)
	if err != nil {
		return nil, nil, err
	}
	identity, err := transport.NewIdentity(profile.User)
	if err != nil {
		return nil, nil, err
	}
	r := newRunning(b, o, d, profile, d.base()+"-"+o.RunID, identity)
	f, err := factsOf(ctx, b, o.Facts)
	if err != nil {
		return nil, nil, err
	}
	r.know(f, o.Timeouts)
	objects, err := r.load(ctx, d.on(r.facts, o.Spare)...)
	var later []client.Object
	if err == nil {
		later, err = r.load(ctx, d.extra...)
	}
	if err == nil {
		err = r.check(slices.Concat(objects, later))
	}
	if err == nil && r.keys != "" {
		err = errors.Join(os.MkdirAll(o.IdentityDir, 0o700), identity.Save(r.keys))
	}
	return r, objects, err
}

func factsOf(ctx context.Context, b *bed.Bed, given *model.Facts) (model.Facts, error) {
	if given != nil {
		return *given, nil
	}
	f, err := facts.Discover(ctx, b)
	if err != nil {
		return f, fmt.Errorf("facts: %w", err)
	}
	return f, nil
}

func identityFile(dir, namespace string) string { return filepath.Join(dir, namespace+".identity") }

// load decodes files, fits them to the cluster and moves them into the run.
func (r *Running) load(ctx context.Context, files ...string) ([]client.Object, error) {
	objects, err := load(r.Scenario, files...)
	if err != nil {
		return nil, err
	}
	if r.Profile.change != nil {
		r.Profile.change(objects)
	}
	nodes, err := facts.NodesForVMs(ctx, r.bed)
	if err != nil {
		return nil, err
	}
	if nodes < 2 {
		relax(objects)
	}
	if r.facts.Features[model.FeatureIPAMExtension].Present {
		objects = withoutClaims(objects)
	}
	if err := r.fit(objects); err != nil {
		return nil, err
	}
	for i, o := range objects {
		if o, err = r.move().object(o); err != nil {
			return nil, err
		}
		label(o, r.labels())
		if _, space := o.(*corev1.Namespace); space {
			label(o, map[string]string{scenarioLabel: r.Scenario, guestLabel: r.Profile.Name})
		}
		objects[i] = o
	}
	return objects, nil
}

// create makes the namespaces, what pods in them need, the networks, and then everything else at once.
func (r *Running) create(ctx context.Context, objects []client.Object) error {
	ctx, cancel := r.bound(ctx, r.timeouts.Apply)
	defer cancel()
	spaces, networks, rest := sorted(objects)
	for _, o := range spaces {
		if _, err := r.bed.Kube.CoreV1().Namespaces().Get(ctx, o.GetName(), metav1.GetOptions{}); err == nil {
			return &bed.InputError{What: "namespace " + o.GetName(), Err: errors.New("exists already: choose another run ID, or remove it")}
		}
	}
	r.ours.Store(true)
	if err := r.apply(ctx, spaces); err != nil {
		return err
	}
	var secrets []client.Object
	for _, o := range spaces {
		secrets = append(secrets, &corev1.Secret{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
			ObjectMeta: metav1.ObjectMeta{Name: guestSecret, Namespace: o.GetName(), Labels: r.labels()},
			StringData: map[string]string{"userdata": r.identity.UserData()},
		})
	}
	if err := r.apply(ctx, append(secrets, networks...)); err != nil {
		return err
	}
	if err := r.awaitNetworks(ctx, r.networks); err != nil {
		return err
	}
	for _, o := range spaces {
		if err := r.awaitAccount(ctx, o.GetName()); err != nil {
			return err
		}
	}
	err := r.start(ctx, rest)
	return r.explain(ctx, err, "all objects applied", "Apply", r.timeouts.Apply, func() string { return err.Error() })
}

// sorted puts objects into the order in which they are made: a pod that comes before its network is on another.
func sorted(objects []client.Object) (spaces, networks, rest []client.Object) {
	for _, o := range objects {
		_, space := o.(*corev1.Namespace)
		switch kind := o.GetObjectKind().GroupVersionKind(); {
		case space:
			spaces = append(spaces, o)
		case isNetwork(kind):
			networks = append(networks, o)
		default:
			rest = append(rest, o)
		}
	}
	return spaces, networks, rest
}

// awaitAccount waits for a namespace's service account: without it pods are refused, and their controllers try again only
// after a back-off.
func (r *Running) awaitAccount(ctx context.Context, namespace string) error {
	err := wait.PollUntilContextCancel(ctx, poll, true, func(ctx context.Context) (bool, error) {
		_, err := r.bed.Kube.CoreV1().ServiceAccounts(namespace).Get(ctx, "default", metav1.GetOptions{})
		return err == nil, r.tolerate(err)
	})
	if err != nil {
		return fmt.Errorf("namespace %s: no service account: %w", namespace, err)
	}
	return nil
}

// bound gives a wait its timeout.
func (r *Running) bound(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, timeout, errTimeout)
}

var errTimeout = errors.New("timed out")
