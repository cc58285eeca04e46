package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	definition definition
	identity   *transport.Identity
	keys       string // the file that keeps identity; empty for none
	dialer     transport.Dialer
	timeouts   Timeouts
	report     StepFunc
	glances    glances

	mu        sync.Mutex
	guests    map[string]*guest
	addresses map[string]string
}

func newRunning(b *bed.Bed, o Options, d definition, p Profile, namespace string, id *transport.Identity) *Running {
	r := &Running{Scenario: o.Scenario, Namespace: namespace, RunID: o.RunID, Profile: p, bed: b, definition: d,
		identity: id, dialer: transport.PortForward{Client: b.KubeVirt}, timeouts: DefaultTimeouts(), report: o.Step,
		guests: map[string]*guest{}, addresses: map[string]string{}}
	if o.IdentityDir != "" {
		r.keys = identityFile(o.IdentityDir, namespace)
	}
	if o.Timeouts != nil {
		r.timeouts = *o.Timeouts
	}
	return r
}

// note remembers the specs of applied VMs.
func (r *Running) note(objects []client.Object) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, vm := range virtualMachines(objects) {
		r.forgetSpec(vm.Name)
		r.Specs = append(r.Specs, SpecOf(vm))
	}
	slices.SortFunc(r.Specs, func(a, b model.VMSpec) int { return strings.Compare(a.Name, b.Name) })
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

// Pod is a fixture pod as a place, by its name in the manifests: "client", "echo".
func (r *Running) Pod(name string) bed.Streamer { return r.bed.Pod(r.Namespace, name, "") }

// Guest is a VM's inside. The connection is made on first use, kept, and made anew when it broke.
func (r *Running) Guest(ctx context.Context, vm string) (bed.Runner, error) {
	g := r.guest(vm)
	if _, err := g.connection(ctx); err != nil {
		return nil, err
	}
	return g, nil
}

// Way is the name of the transport that guests are reached by.
func (r *Running) Way() string { return r.dialer.Name() }

// Address is the IP of a fixture pod ("client", "echo") or a Service's cluster IP ("service/vm-a"); empty for
// what the scenario does not have.
func (r *Running) Address(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.addresses[name]
}

// readAddresses asks the cluster for what Address answers.
func (r *Running) readAddresses(ctx context.Context) error {
	pods, err := r.bed.Kube.CoreV1().Pods(r.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("addresses of pods: %w", err)
	}
	services, err := r.bed.Kube.CoreV1().Services(r.Namespace).List(ctx, metav1.ListOptions{})
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

// Apply applies another manifest of the scenario's folder, and for VMs in it waits as Deploy does.
func (r *Running) Apply(ctx context.Context, file string) error {
	objects, err := r.load(ctx, file)
	if err != nil {
		return err
	}
	bounded, cancel := r.bound(ctx, r.timeouts.Apply)
	defer cancel()
	if err := r.step("apply "+file, func() error { return r.apply(bounded, objects) }); err != nil {
		return err
	}
	return r.awaitVMs(ctx, specsOf(objects))
}

// Delete takes a manifest's objects away again, and for VMs waits until they are gone.
func (r *Running) Delete(ctx context.Context, file string) error {
	objects, err := load(r.Scenario, file)
	if err != nil {
		return err
	}
	var errs []error
	for _, o := range objects {
		into(o, r.Namespace)
		if err := r.bed.Objects.Delete(ctx, o); client.IgnoreNotFound(err) != nil {
			errs = append(errs, fmt.Errorf("delete %s: %w", o.GetName(), err))
		}
	}
	for _, vm := range virtualMachines(objects) {
		errs = append(errs, r.awaitGone(ctx, vm.Name))
		r.mu.Lock()
		r.forgetSpec(vm.Name)
		if g := r.guests[vm.Name]; g != nil {
			g.close()
			delete(r.guests, vm.Name)
		}
		r.mu.Unlock()
	}
	return errors.Join(errs...)
}

func specsOf(objects []client.Object) []model.VMSpec {
	var specs []model.VMSpec
	for _, vm := range virtualMachines(objects) {
		specs = append(specs, SpecOf(vm))
	}
	return specs
}
