package bed

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
)

// PodReady says whether a pod runs and all its containers are ready.
func PodReady(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodRunning && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// PodTrouble says in a few words why a pod does not run: its phase, the conditions that are false, and what
// its containers wait for.
func PodTrouble(pod *corev1.Pod) string {
	said := []string{"pod " + pod.Name + " is " + string(pod.Status.Phase)}
	for _, c := range pod.Status.Conditions {
		if c.Status == corev1.ConditionFalse && c.Message != "" && !strings.HasPrefix(c.Reason, "ContainersNot") {
			said = append(said, fmt.Sprintf("%s: %s: %s", c.Type, c.Reason, c.Message))
		}
	}
	for _, c := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		switch {
		case c.State.Waiting != nil && c.State.Waiting.Reason != "PodInitializing":
			said = append(said, fmt.Sprintf("container %s waits: %s %s", c.Name, c.State.Waiting.Reason, c.State.Waiting.Message))
		case c.State.Terminated != nil && c.State.Terminated.ExitCode != 0:
			said = append(said, fmt.Sprintf("container %s ended with %d: %s", c.Name, c.State.Terminated.ExitCode, c.State.Terminated.Message))
		}
	}
	return strings.Join(said, "; ")
}

// RemoveNamespace deletes the namespace that now has this name and waits, as long as ctx allows, until it is gone:
// one that is made under that name meanwhile stays. When it hangs, the error says on what, as the namespace's own
// conditions have it.
func (b *Bed) RemoveNamespace(ctx context.Context, name string) error {
	have, err := b.Kube.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete namespace %s: %w", name, err)
	}
	return b.removeNamespace(ctx, name, have.UID)
}

// removeNamespace removes the one with this UID alone.
func (b *Bed) removeNamespace(ctx context.Context, name string, uid types.UID) error {
	spaces := b.Kube.CoreV1().Namespaces()
	err := spaces.Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: ptr.To(int64(0)), Preconditions: &metav1.Preconditions{UID: &uid}})
	if client404(err) != nil && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete namespace %s: %w", name, err)
	}
	var last *corev1.Namespace
	err = wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		have, err := spaces.Get(ctx, name, metav1.GetOptions{})
		if err == nil {
			last = have
		}
		return apierrors.IsNotFound(err) || err == nil && have.UID != uid, nil
	})
	if err == nil {
		return nil
	}
	var held []string
	if last != nil {
		for _, c := range last.Status.Conditions {
			if c.Status == corev1.ConditionTrue && c.Message != "" {
				held = append(held, c.Message)
			}
		}
	}
	return fmt.Errorf("namespace %s is still there: %w: %s", name, context.Cause(ctx), strings.Join(held, "; "))
}

// client404 takes "not found" for success, as deletions want it.
func client404(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
