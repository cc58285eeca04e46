package scenario

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
)

// poll is how often the cluster is asked while something is waited for, and retrySSH how often a guest that
// boots is tried: each try goes through the API server and virt-api, and both may share a core with the guests.
const (
	poll     = 1500 * time.Millisecond
	retrySSH = 3 * time.Second
)

// glance is the scenario at one moment, shared by all waits: one question for all VMs and pods.
type glance struct {
	at   time.Time
	vmis map[string]*kubevirtv1.VirtualMachineInstance
	pods map[string]*corev1.Pod
}

type glances struct {
	mu   sync.Mutex
	last *glance
}

// look gives a glance that is younger than poll.
func (r *Running) look(ctx context.Context) (*glance, error) {
	r.glances.mu.Lock()
	defer r.glances.mu.Unlock()
	if last := r.glances.last; last != nil && time.Since(last.at) < poll {
		return last, nil
	}
	g := &glance{at: time.Now(), vmis: map[string]*kubevirtv1.VirtualMachineInstance{}, pods: map[string]*corev1.Pod{}}
	vmis, err := r.bed.KubeVirt.VirtualMachineInstance(metav1.NamespaceAll).List(ctx, r.mine())
	if err != nil {
		return nil, err
	}
	pods, err := r.bed.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, r.mine())
	if err != nil {
		return nil, err
	}
	for i := range vmis.Items {
		g.vmis[vmis.Items[i].Name] = &vmis.Items[i]
	}
	for i := range pods.Items {
		g.pods[pods.Items[i].Name] = &pods.Items[i]
	}
	r.glances.last = g
	return g, nil
}

// forget makes the next look a fresh one, after something was changed.
func (r *Running) forget() {
	r.glances.mu.Lock()
	defer r.glances.mu.Unlock()
	r.glances.last = nil
}

// launchers are a VM's launcher pods.
func (g *glance) launchers(vm string) []*corev1.Pod {
	var pods []*corev1.Pod
	for _, p := range g.pods {
		if p.Labels[kubevirtv1.AppLabel] == "virt-launcher" && p.Labels[nameLabel] == vm {
			pods = append(pods, p)
		}
	}
	return pods
}
