// Package scenario makes what is observed: a namespace with VMs, pods and Services as manifests/ has them, up to
// the first command in each guest, and takes it away again in an order that does not hang.
package scenario

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/facts"
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
	// Timeouts are DefaultTimeouts when nil.
	Timeouts *Timeouts
	// Step may be nil.
	Step StepFunc
}

// definition is what the code knows of a scenario beyond its manifests.
type definition struct {
	short string
	// files are applied at once, after the namespace's.
	namespace string
	files     []string
	spare     string
	// extra are for Running.Apply.
	extra []string
}

var definitions = map[string]definition{
	"cluster-network": {
		short: "cn", namespace: "namespace.yaml", spare: "spare.yaml",
		files: []string{"pods.yaml", "services.yaml", "vm-a.yaml", "vm-b.yaml", "vm-c.yaml"},
		extra: []string{"e1000e.yaml", "networkpolicy-deny.yaml", "networkpolicy-allow.yaml"},
	},
}

// Names lists the scenarios.
func Names() []string { return slices.Sorted(maps.Keys(definitions)) }

// The names that manifests and code agree on.
const (
	nameLabel     = "app.kubernetes.io/name"
	instanceLabel = "app.kubernetes.io/instance"
	scenarioLabel = "app.kubernetes.io/component" // of the namespace
	guestLabel    = "app.kubernetes.io/version"   // of the namespace: the guest's profile
	guestSecret   = "vmnet-guest"
)

// Deploy makes the scenario and returns once a command ran in each guest that is no spare. All VMs start at
// once. When it fails, what it made is still there and Running is not nil from the moment there is something
// to look at: gather Diagnostics, then Teardown.
func Deploy(ctx context.Context, b *bed.Bed, o Options) (*Running, error) {
	r, objects, err := prepare(ctx, b, o)
	if err != nil {
		return nil, err
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
	r := newRunning(b, o, d, profile, "vmnet-"+d.short+"-"+o.RunID, identity)
	if r.keys != "" {
		if err := errors.Join(os.MkdirAll(o.IdentityDir, 0o700), identity.Save(r.keys)); err != nil {
			return nil, nil, err
		}
	}
	files := d.files
	if o.Spare {
		files = append(slices.Clone(files), d.spare)
	}
	objects, err := r.load(ctx, files...)
	return r, objects, err
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
	for _, o := range objects {
		into(o, r.Namespace)
		label(o, r.labels())
	}
	return objects, nil
}

// create makes the namespace, what pods in it need, and then everything else at once.
func (r *Running) create(ctx context.Context, objects []client.Object) error {
	ctx, cancel := r.bound(ctx, r.timeouts.Apply)
	defer cancel()
	if _, err := r.bed.Kube.CoreV1().Namespaces().Get(ctx, r.Namespace, metav1.GetOptions{}); err == nil {
		return &bed.InputError{What: "namespace " + r.Namespace, Err: errors.New("exists already: choose another run ID, or remove it")}
	}
	space, err := load(r.Scenario, r.definition.namespace)
	if err != nil {
		return err
	}
	for _, o := range space {
		into(o, r.Namespace)
		label(o, merged(r.labels(), map[string]string{scenarioLabel: r.Scenario, guestLabel: r.Profile.Name}))
	}
	if err := r.apply(ctx, space); err != nil {
		return err
	}
	secret := &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Name: guestSecret, Namespace: r.Namespace, Labels: r.labels()},
		StringData: map[string]string{"userdata": r.identity.UserData()},
	}
	if err := r.apply(ctx, []client.Object{secret}); err != nil {
		return err
	}
	// without it pods are refused, and their controllers try again only after a back-off
	err = wait.PollUntilContextCancel(ctx, poll, true, func(ctx context.Context) (bool, error) {
		_, err := r.bed.Kube.CoreV1().ServiceAccounts(r.Namespace).Get(ctx, "default", metav1.GetOptions{})
		return err == nil, r.tolerate(err)
	})
	if err != nil {
		return fmt.Errorf("namespace %s: no service account: %w", r.Namespace, err)
	}
	return r.apply(ctx, objects)
}

// apply makes objects or changes them to what the manifest says, all at once, and notes the VMs among them.
func (r *Running) apply(ctx context.Context, objects []client.Object) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, o := range objects {
		group.Go(func() error { return r.applyOne(ctx, o) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	r.note(objects)
	r.forget()
	return nil
}

// applyOne tries again while the API server or a webhook behind it has trouble of its own, as right after start.
func (r *Running) applyOne(ctx context.Context, o client.Object) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, poll, true, func(ctx context.Context) (bool, error) {
		wanted, ok := o.DeepCopyObject().(client.Object) // the answer is written into it
		if !ok {
			return false, fmt.Errorf("%T is no object", o)
		}
		//nolint:staticcheck // there are no apply configurations for KubeVirt's kinds
		last = r.bed.Objects.Patch(ctx, wanted, client.Apply, client.FieldOwner(bed.PartOf), client.ForceOwnership)
		if refused(last) {
			return false, last
		}
		return last == nil, nil
	})
	if err == nil {
		return nil
	}
	if last != nil {
		err = last
	}
	return fmt.Errorf("apply %s %s: %w", o.GetObjectKind().GroupVersionKind().Kind, o.GetName(), err)
}

// refused is true for an error that the same request will meet again.
func refused(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsForbidden(err) ||
		apierrors.IsUnauthorized(err) || apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) ||
		apierrors.IsUnsupportedMediaType(err) || apierrors.IsRequestEntityTooLargeError(err) || meta.IsNoMatchError(err)
}

// bound gives a wait its timeout.
func (r *Running) bound(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, timeout, errTimeout)
}

var errTimeout = errors.New("timed out")
