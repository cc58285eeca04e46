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

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// Labels and annotations of KubeVirt's launcher pods (staging/src/kubevirt.io/api/core/v1/types.go).
const (
	launcherSelector = "kubevirt.io=virt-launcher"
	domainAnnotation = "kubevirt.io/domain"
)

const apiPlace = "api"

// api reads the objects: VMIs, launcher pods, fixture pods, Services.
func (o *observer) api(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, APITimeout)
	defer cancel()
	var pods *corev1.PodList
	var podsErr error
	parts := []func(){
		func() { pods, podsErr = o.bed.Kube.CoreV1().Pods(o.running.Namespace).List(ctx, metav1.ListOptions{}) },
	}
	for _, s := range o.running.Specs {
		parts = append(parts, func() {
			vmi, err := o.bed.KubeVirt.VirtualMachineInstance(o.running.Namespace).Get(ctx, s.Name, metav1.GetOptions{})
			r := object("get vmi "+s.Name, vmi, err, parse.VMI)
			o.view(s.Name, func(v *model.VMView) { v.VMI = r })
		})
	}
	together(parts...)
	if podsErr == nil {
		for _, p := range pods.Items {
			if p.Annotations[domainAnnotation] == "" {
				o.fixtures[p.Name] = place{pod: p.Name, uid: string(p.UID), node: p.Spec.NodeName}
			}
		}
	}
	for _, s := range o.running.Specs {
		command := "get pod -l " + launcherSelector + " of " + s.Name
		p, err := launcher(pods, podsErr, s.Name, o.stage.VMs[s.Name].VMI.Value.Node)
		if err != nil {
			o.view(s.Name, func(v *model.VMView) { v.Pod = failed[model.Pod](apiPlace, command, err) })
			continue
		}
		o.launchers[s.Name] = place{pod: p.Name, uid: string(p.UID), node: p.Spec.NodeName}
		r := object("get pod "+p.Name, p, nil, parse.Pod)
		o.view(s.Name, func(v *model.VMView) { v.Pod = r })
	}
	o.services(ctx) // which tells launchers from other pods
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

// object makes a Read of an API object; its raw text is the object's JSON without the record of who changed it.
func object[O metav1.Object, T any](command string, got O, err error, parseText func(string) (T, error)) model.Read[T] {
	r := model.Read[T]{Place: apiPlace, Command: command, At: time.Now().UTC()}
	if err != nil {
		r.Err = err.Error()
		return r
	}
	got.SetManagedFields(nil)
	raw, err := json.Marshal(got)
	if err != nil {
		r.Err = err.Error()
		return r
	}
	r.Raw = string(raw)
	if r.Value, err = parseText(r.Raw); err != nil {
		r.Err = err.Error()
	}
	return r
}

// services reads the scenario's Services with what is behind them.
func (o *observer) services(ctx context.Context) {
	list, err := o.bed.Kube.CoreV1().Services(o.running.Namespace).List(ctx, metav1.ListOptions{})
	behind, sliceErr := o.bed.Kube.DiscoveryV1().EndpointSlices(o.running.Namespace).List(ctx, metav1.ListOptions{})
	if err = errors.Join(err, sliceErr); err != nil {
		return // a claim that needs a Service finds that nobody looked; the API's other reads say why
	}
	for i := range list.Items {
		s := &list.Items[i]
		r := object("get service "+s.Name+", with its endpointslices", s, nil, func(string) (model.Service, error) {
			return service(s, behind.Items, o.hostname), nil
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
