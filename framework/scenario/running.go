package scenario

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/transport"
)

// Running is a scenario that was deployed. Its methods may be called concurrently.
type Running struct {
	Scenario, Namespace, RunID string
	Profile                    Profile
	// Specs are the VMs as their manifests ask for them, by name. Apply and Delete change them.
	Specs []model.VMSpec

	bed        *bed.Bed
	facts      model.Facts
	definition definition
	identity   *transport.Identity
	keys       string // the file that keeps identity; empty for none
	timeouts   Timeouts
	report     StepFunc
	glances    glances
	ours       atomic.Bool // its namespaces are: before that there may be others of that name
	onPhysical atomic.Bool // it is on the physical side, or was about to be

	mu        sync.Mutex
	guests    map[string]*guest
	addresses map[string]string
	spaces    []string          // the namespaces, the main one first
	pods      map[string]string // the fixture pods' namespaces, by pod
	networks  []NetworkRef
}

func newRunning(b *bed.Bed, o Options, d definition, p Profile, namespace string, id *transport.Identity) *Running {
	r := &Running{Scenario: o.Scenario, Namespace: namespace, RunID: o.RunID, Profile: p, bed: b, definition: d,
		identity: id, timeouts: DefaultTimeouts(), report: o.Step,
		guests: map[string]*guest{}, addresses: map[string]string{}, spaces: []string{namespace}, pods: map[string]string{}}
	if o.IdentityDir != "" {
		r.keys = identityFile(o.IdentityDir, namespace)
	}
	if o.Timeouts != nil {
		r.timeouts = *o.Timeouts
	}
	return r
}

// know takes the cluster's facts, and the time that they ask for.
func (r *Running) know(f model.Facts, given *Timeouts) {
	r.facts = f
	if f.Emulation && given == nil {
		r.timeouts = r.timeouts.emulated()
	}
}

// note remembers what was applied: the specs of VMs, where pods are, networks and namespaces.
func (r *Running) note(objects []client.Object) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range objects {
		switch o := o.(type) {
		case *kubevirtv1.VirtualMachine:
			r.forgetSpec(o.Name)
			r.Specs = append(r.Specs, r.specsOf([]client.Object{o})...)
		case *corev1.Pod:
			r.pods[o.Name] = o.Namespace
		case *corev1.Namespace:
			if !slices.Contains(r.spaces, o.Name) {
				r.spaces = append(r.spaces, o.Name)
			}
		}
	}
	slices.SortFunc(r.Specs, func(a, b model.VMSpec) int { return strings.Compare(a.Name, b.Name) })
	found, err := networksOf(objects, r.Namespace, r.RunID)
	for _, n := range found {
		r.networks = slices.DeleteFunc(r.networks, func(o NetworkRef) bool { return o.Key == n.Key })
		r.networks = append(r.networks, n)
	}
	return err
}

// unnote forgets VMs, pods and networks that are no more.
func (r *Running) unnote(objects []client.Object) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range objects {
		switch o := o.(type) {
		case *kubevirtv1.VirtualMachine:
			r.forgetSpec(o.Name)
		case *corev1.Pod:
			delete(r.pods, o.Name)
		}
	}
	gone, _ := networksOf(objects, r.Namespace, r.RunID) // note has said what is wrong with them
	for _, n := range gone {
		r.networks = slices.DeleteFunc(r.networks, func(o NetworkRef) bool { return o.Key == n.Key })
	}
}

func (r *Running) forgetSpec(name string) {
	r.Specs = slices.DeleteFunc(r.Specs, func(s model.VMSpec) bool { return s.Name == name })
}

func (r *Running) labels() map[string]string {
	return map[string]string{bed.PartOfLabel: bed.PartOf, instanceLabel: r.RunID}
}

// step reports a piece of work around f.
func (r *Running) step(name string, f func() error) error {
	if r.report == nil {
		return f()
	}
	done := r.report(r.Scenario + ": " + name)
	err := f()
	done(err)
	return err
}

// Pod is a fixture pod as a place, by its name in the manifests, in whichever namespace it is: "client", "twin-a".
func (r *Running) Pod(name string) bed.Streamer { return r.bed.Pod(r.PodNamespace(name), name, "") }

// PodNamespace is where a fixture pod is; the main namespace for a pod that no manifest has.
func (r *Running) PodNamespace(pod string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return cmp.Or(r.pods[pod], r.Namespace)
}

// NamespaceOf is where a VM is; the main namespace for a VM that no manifest has.
func (r *Running) NamespaceOf(vm string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.Specs {
		if s.Name == vm {
			return s.Namespace
		}
	}
	return r.Namespace
}

// Group is the name of a group's namespace; of the main one for the empty group.
func (r *Running) Group(group string) string {
	if group == "" {
		return r.Namespace
	}
	return r.Namespace + "-" + group
}

// Namespaces are all of the scenario's, the main one first.
func (r *Running) Namespaces() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.spaces)
}

// Networks are the user-defined networks as their manifests ask for them.
func (r *Running) Networks() []NetworkRef {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.networks)
}

// Guest is a VM's inside. The connection is made on first use, kept, and made anew when it broke.
func (r *Running) Guest(ctx context.Context, vm string) (bed.Runner, error) {
	g := r.guest(vm)
	if _, err := g.connection(ctx); err != nil {
		return nil, err
	}
	return g, nil
}

// Address is the IP of a fixture pod ("client", "echo") or a Service's cluster IP ("service/vm-a"); empty for
// what the scenario does not have.
func (r *Running) Address(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.addresses[name]
}

// readAddresses asks the cluster for what Address answers.
func (r *Running) readAddresses(ctx context.Context) error {
	pods, err := r.bed.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, r.mine())
	if err != nil {
		return fmt.Errorf("addresses of pods: %w", err)
	}
	services, err := r.bed.Kube.CoreV1().Services(metav1.NamespaceAll).List(ctx, r.mine())
	if err != nil {
		return fmt.Errorf("addresses of services: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range pods.Items {
		r.addresses[p.Name] = p.Status.PodIP
	}
	for _, s := range services.Items {
		r.addresses["service/"+s.Name] = s.Spec.ClusterIP
	}
	return nil
}

// mine selects what this run made, in all of its namespaces.
func (r *Running) mine() metav1.ListOptions {
	return metav1.ListOptions{LabelSelector: bed.PartOfLabel + "=" + bed.PartOf + "," + instanceLabel + "=" + r.RunID}
}

// leave ends the connection to a guest.
func (r *Running) leave(vm string) {
	r.mu.Lock()
	g := r.guests[vm]
	delete(r.guests, vm)
	r.mu.Unlock()
	if g != nil {
		g.close()
	}
}

func (r *Running) specsOf(objects []client.Object) []model.VMSpec {
	return specsOf(objects, r.Namespace)
}

// specsOf are what the VMs among objects ask for; main is the main namespace's name.
func specsOf(objects []client.Object, main string) []model.VMSpec {
	var specs []model.VMSpec
	for _, vm := range virtualMachines(objects) {
		s := SpecOf(vm)
		s.Group = groupOf(s.Namespace, main)
		specs = append(specs, s)
	}
	return specs
}
