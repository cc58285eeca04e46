package kind

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pending names the pods that are not ready, for a wait that ended too early.
func (c *Cluster) pending(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second) // the caller's is over
	defer cancel()
	pods, err := c.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return []string{"(the API server does not list pods: " + err.Error() + ")"}
	}
	var names []string
	for _, p := range pods.Items {
		if why := notReady(&p); why != "" {
			names = append(names, fmt.Sprintf("%s/%s (%s)", p.Namespace, p.Name, why))
		}
	}
	sort.Strings(names)
	return names
}

// notReady says what a pod lacks, "" if nothing.
func notReady(p *corev1.Pod) string {
	if p.Status.Phase == corev1.PodSucceeded {
		return ""
	}
	for _, s := range append(append([]corev1.ContainerStatus(nil), p.Status.InitContainerStatuses...), p.Status.ContainerStatuses...) {
		switch {
		case s.State.Waiting != nil && s.State.Waiting.Reason != "PodInitializing":
			return s.Name + ": " + s.State.Waiting.Reason
		case s.State.Terminated != nil && s.State.Terminated.ExitCode != 0:
			return fmt.Sprintf("%s: exit %d", s.Name, s.State.Terminated.ExitCode)
		}
	}
	for _, condition := range p.Status.Conditions {
		if condition.Type == corev1.PodReady {
			if condition.Status == corev1.ConditionTrue {
				return ""
			}
			break
		}
	}
	return string(p.Status.Phase) + ", not ready"
}

// waitFor is a wait as a step; when the time is over it says which pods are not ready.
func (c *Cluster) waitFor(ctx context.Context, what string, wait func(context.Context) error) error {
	return c.step(what, func() error {
		err := wait(ctx)
		if err == nil {
			return nil
		}
		if errors.Is(ctx.Err(), context.Canceled) { // by the caller, or a container that died
			return fmt.Errorf("%s: %w", what, err)
		}
		return &NotReadyError{What: what, Pending: c.pending(ctx), Err: err}
	})
}
