package scenario

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/transport"
)

// Attach takes over a scenario that an earlier run deployed with the same IdentityDir and left up. It waits,
// as Deploy does, until all VMs can be commanded. Of the physical side it takes what is there: a DHCP server ended with
// the run that started it.
func Attach(ctx context.Context, b *bed.Bed, namespace, identityDir string, step StepFunc) (*Running, error) {
	space, err := b.Kube.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, &bed.InputError{What: "namespace " + namespace, Err: fmt.Errorf("is not in the cluster")}
	}
	if err != nil {
		return nil, fmt.Errorf("attach to %s: %w", namespace, err)
	}
	name := space.Labels[scenarioLabel]
	d, ok := definitions[name]
	if !ok {
		return nil, &bed.InputError{What: "namespace " + namespace, Err: fmt.Errorf("holds no scenario (label %s is %q)", scenarioLabel, name)}
	}
	identity, err := transport.LoadIdentity(identityFile(identityDir, namespace))
	if err != nil {
		return nil, &bed.InputError{What: "namespace " + namespace, Err: fmt.Errorf("the keys to its guests: %w", err)}
	}
	profile, err := ProfileNamed(ctx, b, space.Labels[guestLabel])
	if err != nil {
		return nil, err
	}
	r := newRunning(b, Options{Scenario: name, RunID: space.Labels[instanceLabel], IdentityDir: identityDir, Step: step}, d, profile, namespace, identity)
	f, err := factsOf(ctx, b, nil)
	if err != nil {
		return nil, err
	}
	r.know(f, nil)
	// what VMs ask for is what the manifests say; which of the optional ones are there, the cluster knows
	vms, err := b.KubeVirt.VirtualMachine(metav1.NamespaceAll).List(ctx, r.mine())
	if err != nil {
		return nil, fmt.Errorf("attach to %s: %w", namespace, err)
	}
	there := map[string]bool{}
	for _, vm := range vms.Items {
		there[vm.Name] = true
	}
	objects, err := r.load(ctx, d.on(r.facts, true)...)
	if err != nil {
		return nil, err
	}
	later, err := r.load(ctx, d.extra...)
	if err != nil {
		return nil, err
	}
	for _, vm := range virtualMachines(later) {
		objects = append(objects, vm)
	}
	objects = slices.DeleteFunc(objects, func(o client.Object) bool {
		vm, ok := o.(*kubevirtv1.VirtualMachine)
		return ok && !there[vm.Name]
	})
	if err := r.note(objects); err != nil {
		return nil, err
	}
	r.ours.Store(true)
	return r, r.await(ctx)
}
