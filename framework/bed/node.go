package bed

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilrand "k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
)

// SystemNamespace holds the privileged pods that Node makes, of all runs on a cluster: each has its own pods.
const SystemNamespace = "vmnet-system"

// PartOf labels everything that vmnet makes in a cluster.
const (
	PartOfLabel = "app.kubernetes.io/part-of"
	PartOf      = "vmnet"
)

// OVNNodeSelector selects OVN-Kubernetes' pods on the nodes, by the label that all its installers give them.
const OVNNodeSelector = "app=ovnkube-node"

const (
	// NodePodTimeout is how long a node's pod may take to run; its image is there already.
	NodePodTimeout = 2 * time.Minute
	pollInterval   = 500 * time.Millisecond
	// nodePodSeconds ends the pods of a run that could not remove them.
	nodePodSeconds = int64(12 * 60 * 60)
	nodePodLabel   = "app.kubernetes.io/instance"
)

// nodePods remembers one pod a node; a failed attempt is forgotten, so that the next one tries again.
type nodePods struct {
	mu    sync.Mutex
	used  bool
	id    string // of this bed's pods, so that two runs on one cluster do not take each other's away
	pods  map[string]*nodePod
	space sync.Mutex
}

type nodePod struct {
	mu     sync.Mutex
	runner Runner
}

// Node is a node as a place: a privileged pod with the node's network and process IDs, made on first use from
// an image that OVN-Kubernetes runs on that node already, so that nothing is pulled. Commands see that image's
// files; the node's own are under /proc/1/root.
func (b *Bed) Node(ctx context.Context, name string) (Runner, error) {
	b.nodes.mu.Lock()
	if b.nodes.pods == nil {
		b.nodes.pods, b.nodes.id = map[string]*nodePod{}, utilrand.String(5)
	}
	id := b.nodes.id
	p := b.nodes.pods[name]
	if p == nil {
		p = &nodePod{}
		b.nodes.pods[name] = p
	}
	b.nodes.used = true
	b.nodes.mu.Unlock()

	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runner != nil {
		return p.runner, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, NodePodTimeout,
		fmt.Errorf("its pod in %s does not run within %s", SystemNamespace, NodePodTimeout))
	defer cancel()
	pod, err := b.makeNodePod(ctx, name, id)
	if err != nil {
		return nil, fmt.Errorf("node %s: %w", name, err)
	}
	p.runner = &podRunner{bed: b, place: "node " + name, namespace: SystemNamespace, pod: pod, container: "node"}
	return p.runner, nil
}

func (b *Bed) makeNodePod(ctx context.Context, node, id string) (string, error) {
	image, err := b.imageOn(ctx, node)
	if err != nil {
		return "", err
	}
	if err := b.ensureSystemNamespace(ctx); err != nil {
		return "", err
	}
	pods := b.Kube.CoreV1().Pods(SystemNamespace)
	pod := nodePodFor(node, id, image)
	last := "" // what was in the way, for the error
	err = wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		have, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			have, err = pods.Create(ctx, pod, metav1.CreateOptions{})
		}
		switch {
		case apierrors.IsForbidden(err):
			return false, err
		case err != nil:
			last = err.Error()
			return false, nil //nolint:nilerr // asked again until ctx ends
		case have.DeletionTimestamp != nil:
			last = "an older pod is still being deleted"
			return false, nil
		case have.Status.Phase == corev1.PodSucceeded || have.Status.Phase == corev1.PodFailed:
			return false, errors.New(PodTrouble(have))
		}
		last = PodTrouble(have)
		return PodReady(have), nil
	})
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %s", context.Cause(ctx), last)
	}
	return pod.Name, err
}

// imageOn finds an image with the tools of OVN and Open vSwitch that the node runs already.
func (b *Bed) imageOn(ctx context.Context, node string) (string, error) {
	list, err := b.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx,
		metav1.ListOptions{LabelSelector: OVNNodeSelector, FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		return "", err
	}
	for _, pod := range list.Items {
		for _, c := range pod.Spec.Containers {
			// the node's own container first: others of that pod may come from images without the tools
			if strings.Contains(c.Name, "ovn") {
				return c.Image, nil
			}
		}
	}
	return "", errors.New("no pod of OVN-Kubernetes (label app=ovnkube-node) runs there to take an image from: " +
		"does the node exist, and is OVN-Kubernetes the cluster's network?")
}

func (b *Bed) ensureSystemNamespace(ctx context.Context) error {
	b.nodes.space.Lock()
	defer b.nodes.space.Unlock()
	want := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: SystemNamespace, Labels: map[string]string{
		PartOfLabel: PartOf, "pod-security.kubernetes.io/enforce": "privileged",
	}}}
	return wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		_, err := b.Kube.CoreV1().Namespaces().Create(ctx, want, metav1.CreateOptions{})
		if !apierrors.IsAlreadyExists(err) {
			return err == nil, err
		}
		have, err := b.Kube.CoreV1().Namespaces().Get(ctx, SystemNamespace, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		if err == nil {
			err = isOurs(have)
		}
		return err == nil && have.DeletionTimestamp == nil, err // an older run's may still be going away
	})
}

func nodePodFor(node, id, image string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "node-" + node + "-" + id, Namespace: SystemNamespace,
			Labels: map[string]string{PartOfLabel: PartOf, nodePodLabel: id}},
		Spec: corev1.PodSpec{
			NodeName: node, HostNetwork: true, HostPID: true, RestartPolicy: corev1.RestartPolicyNever,
			ActiveDeadlineSeconds:         ptr.To(nodePodSeconds), // for runs that were killed
			TerminationGracePeriodSeconds: ptr.To(int64(0)), AutomountServiceAccountToken: ptr.To(false),
			EnableServiceLinks: ptr.To(false),
			Tolerations:        []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			Containers: []corev1.Container{{
				Name: "node", Image: image, ImagePullPolicy: corev1.PullIfNotPresent,
				Command:         []string{"sleep", "infinity"},
				SecurityContext: &corev1.SecurityContext{Privileged: ptr.To(true), RunAsUser: ptr.To(int64(0))},
			}},
		},
	}
}

// removeNodePods deletes this bed's pods, and the namespace unless another run has pods there.
func (b *Bed) removeNodePods(ctx context.Context) error {
	b.nodes.mu.Lock()
	used, id := b.nodes.used, b.nodes.id
	b.nodes.pods, b.nodes.used = nil, false
	b.nodes.mu.Unlock()
	if !used {
		return nil
	}
	pods := b.Kube.CoreV1().Pods(SystemNamespace)
	err := pods.DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: ptr.To(int64(0))},
		metav1.ListOptions{LabelSelector: nodePodLabel + "=" + id})
	if client404(err) != nil {
		return fmt.Errorf("remove the node pods: %w", err)
	}
	others, err := pods.List(ctx, metav1.ListOptions{LabelSelector: nodePodLabel + "!=" + id})
	if err != nil {
		return fmt.Errorf("remove the node pods: %w", err)
	}
	for _, pod := range others.Items {
		if pod.DeletionTimestamp == nil && pod.Status.Phase != corev1.PodFailed {
			return nil
		}
	}
	return b.Sweep(ctx)
}

// Sweep removes all node pods of all runs with their namespace, also those that killed runs left. A namespace of that
// name that somebody else made stays, and is an error.
func (b *Bed) Sweep(ctx context.Context) error {
	have, err := b.Kube.CoreV1().Namespaces().Get(ctx, SystemNamespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil {
		err = isOurs(have)
	}
	if err == nil {
		err = b.removeNamespace(ctx, SystemNamespace, have.UID)
	}
	if err != nil {
		return fmt.Errorf("remove the node pods: %w", err)
	}
	return nil
}

// isOurs refuses a namespace that vmnet did not make.
func isOurs(n *corev1.Namespace) error {
	if n.Labels[PartOfLabel] == PartOf {
		return nil
	}
	return fmt.Errorf("namespace %s was not made by vmnet (it lacks the label %s=%s): it stays untouched; rename or remove it", n.Name, PartOfLabel, PartOf)
}
