package observe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// Labels and annotations of KubeVirt's launcher pods (staging/src/kubevirt.io/api/core/v1/types.go).
const (
	launcherSelector = "kubevirt.io=virt-launcher"
	domainAnnotation = "kubevirt.io/domain"
)

const apiPlace = "api"

// space is what one of the scenario's namespaces holds.
type space struct {
	pods    *corev1.PodList
	podsErr error
	vmis    *kubevirtv1.VirtualMachineInstanceList
	vmisErr error
}

// api reads the objects: VMIs, launcher pods, fixture pods, Services, and of user-defined networks what holds them.
// One list a kind and namespace is less work for the API server than one question a VM.
func (o *observer) api(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, APITimeout)
	defer cancel()
	spaces := map[string]*space{}
	var services *corev1.ServiceList
	var behind *discoveryv1.EndpointSliceList
	var servicesErr, behindErr error
	parts := []func(){
		func() {
			services, servicesErr = o.bed.Kube.CoreV1().Services(o.running.Namespace).List(ctx, metav1.ListOptions{})
		},
		func() {
			behind, behindErr = o.bed.Kube.DiscoveryV1().EndpointSlices(o.running.Namespace).List(ctx, metav1.ListOptions{})
		},
	}
	for _, name := range o.running.Namespaces() {
		s := &space{}
		spaces[name] = s
		parts = append(parts,
			func() { s.pods, s.podsErr = o.bed.Kube.CoreV1().Pods(name).List(ctx, metav1.ListOptions{}) },
			func() {
				s.vmis, s.vmisErr = o.bed.KubeVirt.VirtualMachineInstance(name).List(ctx, metav1.ListOptions{})
			})
	}
	if o.udn() {
		parts = append(parts, func() { o.networks(ctx) }, func() { o.ipamClaims(ctx) })
	}
	together(parts...)
	for name, s := range spaces {
		o.podsOf(name, s)
	}
	for _, spec := range o.running.Specs {
		o.vm(spec, spaces[o.running.NamespaceOf(spec.Name)])
	}
	if errors.Join(servicesErr, behindErr) == nil {
		o.services(services.Items, behind.Items)
	} // else: a claim that needs a Service finds that nobody looked; the API's other reads say why
}

// podsOf remembers a namespace's pods that run no VM.
func (o *observer) podsOf(namespace string, s *space) {
	if s.podsErr != nil {
		return // a pod that is asked for is then not known
	}
	for i := range s.pods.Items {
		p := &s.pods.Items[i]
		if p.Annotations[domainAnnotation] != "" || p.DeletionTimestamp != nil {
			continue
		}
		o.fixtures[p.Name] = place{pod: p.Name, uid: string(p.UID), node: p.Spec.NodeName, namespace: namespace}
		if o.udn() {
			r := object("get pod "+p.Name, p, nil, parse.Pod)
			o.mu.Lock()
			o.stage.Pods[p.Name] = r
			o.mu.Unlock()
		}
	}
}

// vm reads a VM's instance and pod.
func (o *observer) vm(spec model.VMSpec, s *space) {
	vm := spec.Name
	if s == nil {
		s = &space{podsErr: errNoSpace, vmisErr: errNoSpace}
	}
	vmi, err := instance(s.vmis, s.vmisErr, vm)
	r := object("list vmi, "+vm, vmi, err, parse.VMI)
	o.view(vm, func(v *model.VMView) { v.VMI = r })
	p, err := launcher(s.pods, s.podsErr, vm, r.Value.Node)
	if err != nil {
		delete(o.launchers, vm)
		command := "get pod -l " + launcherSelector + " of " + vm
		o.view(vm, func(v *model.VMView) { v.Pod = failed[model.Pod](apiPlace, command, err) })
		return
	}
	o.launchers[vm] = place{pod: p.Name, uid: string(p.UID), node: p.Spec.NodeName, namespace: p.Namespace}
	pod := object("get pod "+p.Name, p, nil, parse.Pod)
	o.view(vm, func(v *model.VMView) { v.Pod = pod })
}

var errNoSpace = errors.New("its namespace is none of the scenario's")

func instance(list *kubevirtv1.VirtualMachineInstanceList, err error, vm string) (*kubevirtv1.VirtualMachineInstance, error) {
	if err != nil {
		return nil, err
	}
	for i := range list.Items {
		if list.Items[i].Name == vm {
			return &list.Items[i], nil
		}
	}
	return nil, fmt.Errorf("no VirtualMachineInstance %s", vm)
}

// launcher finds the pod that runs a VM: after a migration or a restart there may be others, on their way out.
func launcher(pods *corev1.PodList, err error, vm, node string) (*corev1.Pod, error) {
	if err != nil {
		return nil, err
	}
	var found []*corev1.Pod
	for i := range pods.Items {
		p := &pods.Items[i]
		if p.Annotations[domainAnnotation] == vm && p.DeletionTimestamp == nil && p.Status.Phase == corev1.PodRunning {
			found = append(found, p)
		}
	}
	if len(found) > 1 {
		found = slices.DeleteFunc(found, func(p *corev1.Pod) bool { return p.Spec.NodeName != node })
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%d running launcher pods, want one", len(found))
	}
	return found[0], nil
}

// object makes a Read of an API object; its raw text is the object's JSON.
func object[O metav1.Object, T any](command string, got O, err error, parseText func(string) (T, error)) model.Read[T] {
	r := model.Read[T]{Place: apiPlace, Command: command, At: time.Now().UTC()}
	if err != nil {
		r.Err = err.Error()
		return r
	}
	r.Raw = asJSON(got)
	if r.Value, err = parseText(r.Raw); err != nil {
		r.Err = err.Error()
	}
	return r
}

// asJSON is an object's text, without the record of who changed it; empty for one that has none, which no parser takes.
func asJSON(got metav1.Object) string {
	got.SetManagedFields(nil)
	raw, err := json.Marshal(got)
	if err != nil {
		return ""
	}
	return string(raw)
}

// services keeps the scenario's Services with what is behind them; launchers must be known, to tell them from other pods.
func (o *observer) services(list []corev1.Service, behind []discoveryv1.EndpointSlice) {
	for i := range list {
		s := &list[i]
		r := object("get service "+s.Name+", with its endpointslices", s, nil, func(string) (model.Service, error) {
			return service(s, behind, o.hostname), nil
		})
		o.mu.Lock()
		o.stage.Services[s.Name] = r
		o.mu.Unlock()
	}
}

// service takes the backends from the endpoint slices: a fixture pod's name, or for a launcher its VM's hostname.
func service(s *corev1.Service, all []discoveryv1.EndpointSlice, hostname func(pod string) string) model.Service {
	out := model.Service{Name: s.Name, Namespace: s.Namespace, ClusterIP: s.Spec.ClusterIP}
	for _, p := range s.Spec.Ports {
		if p.Protocol == corev1.ProtocolTCP {
			out.Ports = append(out.Ports, int(p.Port))
		}
	}
	for _, slice := range all {
		if slice.Labels[discoveryv1.LabelServiceName] != s.Name {
			continue
		}
		for _, e := range slice.Endpoints {
			if e.TargetRef == nil || e.Conditions.Ready != nil && !*e.Conditions.Ready {
				continue
			}
			if name := hostname(e.TargetRef.Name); !slices.Contains(out.Backends, name) {
				out.Backends = append(out.Backends, name)
			}
		}
	}
	return out
}

// hostname is what a pod answers for its name: a launcher stands for its VM.
func (o *observer) hostname(pod string) string {
	for _, s := range o.running.Specs {
		if p, ok := o.launchers[s.Name]; ok && p.pod == pod {
			return s.Hostname
		}
	}
	return pod
}

// serviceURL is a Service's own URL on its first TCP port.
func (o *observer) serviceURL(name, host, path string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	port := defaultHTTPPort
	if ports := o.stage.Services[name].Value.Ports; len(ports) > 0 {
		port = ports[0]
	}
	return "http://" + host + ":" + strconv.Itoa(port) + path
}
