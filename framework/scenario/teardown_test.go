package scenario

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"kubevirt.io/client-go/kubecli"
	"sigs.k8s.io/controller-runtime/pkg/client"
	objectsfake "sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// virt is KubeVirt's API as far as a teardown asks it.
type virt struct {
	kubecli.KubevirtClient
	e *ending
}

func (v virt) VirtualMachine(namespace string) kubecli.VirtualMachineInterface {
	return machines{e: v.e, namespace: namespace}
}

func (virt) VirtualMachineInstance(string) kubecli.VirtualMachineInstanceInterface {
	return instances{}
}

type machines struct {
	kubecli.VirtualMachineInterface
	e         *ending
	namespace string
}

func (m machines) List(_ context.Context, o metav1.ListOptions) (*kubevirtv1.VirtualMachineList, error) {
	selector, err := labels.Parse(o.LabelSelector)
	if err != nil {
		return nil, err
	}
	list := &kubevirtv1.VirtualMachineList{}
	for _, vm := range m.e.vms {
		if selector.Matches(labels.Set(vm.Labels)) {
			list.Items = append(list.Items, vm)
		}
	}
	return list, nil
}

func (m machines) Delete(_ context.Context, name string, _ metav1.DeleteOptions) error {
	m.e.note("virtualmachines", m.namespace, name)
	m.e.vms = slices.DeleteFunc(m.e.vms, func(vm kubevirtv1.VirtualMachine) bool { return vm.Namespace == m.namespace && vm.Name == name })
	return nil
}

type instances struct {
	kubecli.VirtualMachineInstanceInterface
}

func (instances) List(context.Context, metav1.ListOptions) (*kubevirtv1.VirtualMachineInstanceList, error) {
	return &kubevirtv1.VirtualMachineInstanceList{}, nil
}

// ending is a cluster with what the run x1 made in two namespaces, beside what others did; it remembers what is deleted.
type ending struct {
	bed *bed.Bed
	vms []kubevirtv1.VirtualMachine
	mu  sync.Mutex
	// said are the deletions, as "virtualmachines vmnet-pu-x1/vm-p".
	said    []string
	touched int
}

func (e *ending) note(what, namespace, name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.said = append(e.said, what+" "+strings.TrimPrefix(namespace+"/", "/")+name)
}

func endingOf(t *testing.T, finalizers ...string) *ending {
	t.Helper()
	meta := func(run, namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, Namespace: namespace, UID: "1", Labels: map[string]string{bed.PartOfLabel: bed.PartOf, instanceLabel: run}}
	}
	space := func(run, name string) *corev1.Namespace { return &corev1.Namespace{ObjectMeta: meta(run, "", name)} }
	e := &ending{}
	kube := fake.NewClientset(space("x1", "vmnet-pu-x1"), space("x1", "vmnet-pu-x1-other"), space("x2", "vmnet-pu-x2"),
		&corev1.Pod{ObjectMeta: meta("x1", "vmnet-pu-x1-other", "client-other")})
	e.vms = []kubevirtv1.VirtualMachine{{ObjectMeta: meta("x1", "vmnet-pu-x1", "vm-p")}, {ObjectMeta: meta("x1", "vmnet-pu-x1-other", "vm-o")},
		{ObjectMeta: meta("x2", "vmnet-pu-x2", "vm-p")}}
	watch := func(a clienttesting.Action) (bool, runtime.Object, error) {
		if d, ok := a.(clienttesting.DeleteAction); ok {
			e.note(a.GetResource().Resource, a.GetNamespace(), d.GetName())
		}
		return false, nil, nil
	}
	kube.PrependReactor("delete", "*", watch)
	ofKind := func(kind schema.GroupVersionKind, run, namespace, name string) *unstructured.Unstructured {
		u := &unstructured.Unstructured{}
		u.SetGroupVersionKind(kind)
		m := meta(run, namespace, name)
		u.SetName(m.Name)
		u.SetNamespace(m.Namespace)
		u.SetLabels(m.Labels)
		u.SetFinalizers(finalizers)
		return u
	}
	network := func(run, namespace, name string) client.Object { return ofKind(UDNKind, run, namespace, name) }
	made := ofKind(NADKind, "x1", "vmnet-pu-x1", "primary-udn") // OVN-Kubernetes' own
	made.SetLabels(nil)
	user := ofKind(NADKind, "x1", "vmnet-pu-x1", "attachment")
	user.SetFinalizers(nil)
	scheme := runtime.NewScheme()
	for _, kind := range []schema.GroupVersionKind{UDNKind, CUDNKind, NADKind} {
		scheme.AddKnownTypeWithName(kind, &unstructured.Unstructured{})
		scheme.AddKnownTypeWithName(kind.GroupVersion().WithKind(kind.Kind+"List"), &unstructured.UnstructuredList{})
	}
	objects := objectsfake.NewClientBuilder().WithScheme(scheme).
		WithObjects(network("x1", "vmnet-pu-x1", "primary-udn"), network("x1", "vmnet-pu-x1-other", "other-udn"), network("x2", "vmnet-pu-x2", "primary-udn"),
			ofKind(CUDNKind, "x1", "", "cudn-x1"), ofKind(CUDNKind, "x2", "", "cudn-x2"), made, user).
		WithInterceptorFuncs(interceptor.Funcs{
			Delete: func(ctx context.Context, c client.WithWatch, o client.Object, more ...client.DeleteOption) error {
				e.note("networks", o.GetNamespace(), o.GetName())
				return c.Delete(ctx, o, more...)
			},
			Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, _ ...client.PatchOption) error {
				e.mu.Lock()
				e.touched++
				e.mu.Unlock()
				if err := c.Get(ctx, client.ObjectKeyFromObject(o), o); err != nil {
					return err
				}
				o.SetFinalizers(nil) // OVN-Kubernetes looks again, and finds nobody on it
				return c.Update(ctx, o)
			},
		}).Build()
	e.bed = &bed.Bed{Kube: kube, KubeVirt: virt{e: e}, Objects: objects}
	return e
}

func (e *ending) running(t *testing.T) *Running {
	t.Helper()
	identities := t.TempDir()
	o := Options{Scenario: "primary-udn", RunID: "x1", IdentityDir: identities}
	r := newRunning(e.bed, o, definitions["primary-udn"], Small, "vmnet-pu-x1", nil)
	if err := os.WriteFile(r.keys, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

// index is where the first deletion that begins so stands.
func (e *ending) index(t *testing.T, beginning string) int {
	t.Helper()
	i := slices.IndexFunc(e.said, func(s string) bool { return strings.HasPrefix(s, beginning) })
	if i < 0 {
		t.Fatalf("no deletion of %s among %q", beginning, e.said)
	}
	return i
}

func TestTeardownInOrder(t *testing.T) {
	e := endingOf(t)
	r := e.running(t)
	r.ours.Store(true)
	if err := r.Teardown(t.Context()); err != nil {
		t.Fatal(err)
	}
	machines, pods, networks, spaces := e.index(t, "virtualmachines"), e.index(t, "pods"), e.index(t, "networks"), e.index(t, "namespaces")
	if machines >= pods || pods >= networks || networks >= spaces {
		t.Errorf("deleted in this order: %q", e.said)
	}
	got := slices.Clone(e.said)
	slices.Sort(got)
	want := []string{"namespaces vmnet-pu-x1", "namespaces vmnet-pu-x1-other", "networks cudn-x1", "networks vmnet-pu-x1-other/other-udn",
		"networks vmnet-pu-x1/attachment", "networks vmnet-pu-x1/primary-udn",
		"pods vmnet-pu-x1-other/client-other", "virtualmachines vmnet-pu-x1-other/vm-o", "virtualmachines vmnet-pu-x1/vm-p"}
	if !slices.Equal(got, want) {
		t.Errorf("deleted: %q", got)
	}
	if left, _ := filepath.Glob(filepath.Dir(r.keys) + "/*"); len(left) > 0 {
		t.Errorf("keys are left: %v", left)
	}
}

// A scenario that found its namespaces taken has nothing of its own to take away.
func TestTeardownLeavesWhatItDidNotMake(t *testing.T) {
	e := endingOf(t)
	r := e.running(t)
	_, objects := placed(t, "primary-udn")
	err := r.create(t.Context(), objects)
	var input *bed.InputError
	if !errors.As(err, &input) || !strings.Contains(err.Error(), "exists already") {
		t.Fatalf("create: %v", err)
	}
	if err := r.Teardown(t.Context()); err != nil || len(e.said) > 0 {
		t.Errorf("teardown: %v, deleted %q", err, e.said)
	}
}

const protection = "k8s.ovn.org/user-defined-network-protection"

// A network that hangs is named with its finalizers, and the namespaces are asked to go nevertheless.
func TestTeardownNamesWhatHangs(t *testing.T) {
	t.Parallel()
	e := endingOf(t, protection)
	r := e.running(t)
	r.ours.Store(true)
	r.timeouts.NetworksGone = 100 * time.Millisecond
	err := r.Teardown(t.Context())
	var late *TimeoutError
	if !errors.As(err, &late) || late.Timeout != "NetworksGone" || !strings.Contains(err.Error(), "vmnet-pu-x1-other/other-udn (finalizers "+protection+")") {
		t.Errorf("%v", err)
	}
	e.index(t, "namespaces vmnet-pu-x1-other")
	if strings.Contains(err.Error(), "x2") {
		t.Errorf("names another run's: %v", err)
	}
}

// OVN-Kubernetes looks again at a network that was in use when something about it changes.
func TestTeardownTouchesWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	e := endingOf(t, protection)
	r := e.running(t)
	r.ours.Store(true)
	r.timeouts.NetworksGone = 20 * time.Second
	if err := r.Teardown(t.Context()); err != nil || e.touched != 3 {
		t.Errorf("%v, touched %d times", err, e.touched)
	}
}
