package kind

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/internal/tail"
)

// watched runs work while all pods are looked at: one that will not come up ends it at once, with a
// *ComponentError.
func (c *Cluster) watched(ctx context.Context, work func(context.Context, *Cluster) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if found := c.findDead(ctx); found != nil {
			cancel(found)
		}
	}()
	err := work(ctx, c)
	var dead *ComponentError
	if errors.As(context.Cause(ctx), &dead) {
		err = dead
	}
	cancel(nil)
	<-ended
	return err
}

// findDead returns the first container that will not come up, nil when ctx ends.
func (c *Cluster) findDead(ctx context.Context) *ComponentError {
	var found *ComponentError
	err := c.until(ctx, &corev1.PodList{}, func(o client.Object) bool {
		p, ok := o.(*corev1.Pod)
		if !ok || p.DeletionTimestamp != nil {
			return false
		}
		container, reason := dead(p)
		if reason == "" {
			return false
		}
		found = &ComponentError{Namespace: p.Namespace, Pod: p.Name, Container: container, Node: p.Spec.NodeName, Reason: reason}
		return true
	})
	if err == nil && found != nil {
		found.Log = c.lastLog(ctx, found)
		return found
	}
	return nil // nobody waits any more
}

// exits is how often a container may end with an error: ovnkube may meet a database that is not open yet, and
// KubeVirt's a certificate that is not made yet, once or twice. shortRun is what a run takes that never got to
// work: on a busy core a controller may lose its lease after minutes, and comes back by itself.
const (
	exits    = 3
	shortRun = time.Minute
)

// dead says which container of a pod does not come up, and why; "" for none.
func dead(p *corev1.Pod) (container, reason string) {
	for _, s := range append(append([]corev1.ContainerStatus(nil), p.Status.InitContainerStatuses...), p.Status.ContainerStatuses...) {
		if w := s.State.Waiting; w != nil {
			switch w.Reason {
			case "ErrImageNeverPull", "ImagePullBackOff", "InvalidImageName":
				return s.Name, strings.TrimSpace(w.Reason + ": " + s.Image + " " + w.Message)
			}
		}
		last := s.State.Terminated
		if last == nil {
			last = s.LastTerminationState.Terminated
		}
		if last == nil || last.ExitCode == 0 || last.FinishedAt.Sub(last.StartedAt.Time) > shortRun {
			continue
		}
		ended := int(s.RestartCount)
		if s.State.Running == nil { // the last end is not followed by a start yet
			ended++
		}
		if ended >= exits {
			return s.Name, fmt.Sprintf("ended %d times%s", ended, exit(last))
		}
	}
	return "", ""
}

func exit(t *corev1.ContainerStateTerminated) string {
	text := fmt.Sprintf(", exit %d", t.ExitCode)
	if t.Reason != "" && t.Reason != "Error" {
		text += " " + t.Reason
	}
	return text
}

// lastLog is the end of what a dead container wrote, of its last run if there was one.
func (c *Cluster) lastLog(ctx context.Context, e *ComponentError) []string {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	count := int64(12)
	for _, previous := range []bool{true, false} {
		text, err := c.Kube.CoreV1().Pods(e.Namespace).GetLogs(e.Pod, &corev1.PodLogOptions{
			Container: e.Container, Previous: previous, TailLines: &count}).DoRaw(ctx)
		if err == nil && len(strings.TrimSpace(string(text))) > 0 {
			return tail.Lines(string(text), int(count))
		}
	}
	return nil
}
