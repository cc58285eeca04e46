// Package watchdog notices at once when something that carries a run dies: a container of the platform, or the
// API server.
package watchdog

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/vmnet-project/vmnet/internal/tail"
)

const (
	// silence is how long the API server may fail to answer before it is given up.
	silence = time.Minute
	retry   = time.Second
	listing = 15 * time.Second
	// deaths within a spell are a container that does not stay: the kubelet's back-off lets one that ends at once come to
	// them within three minutes. Fewer are none: where the API server is slow, an operator loses its leader election, fails
	// to start once or twice for the same reason, and comes back.
	deaths = 5
	spell  = 10 * time.Minute
	// many within a long spell do not stay either, though each lives for minutes.
	many      = 10
	longSpell = time.Hour
	logLines  = 12
)

// DiedError is a component that died and does not come back.
type DiedError struct {
	// What names it, as "container ovnkube of pod ovn-kubernetes/ovnkube-node-x on node n".
	What   string
	Reason string
	// Log is the end of what it said; empty where that could not be had.
	Log []string
}

func (e *DiedError) Error() string {
	text := e.What + " died: " + e.Reason
	if len(e.Log) > 0 {
		text += "\n  " + strings.Join(e.Log, "\n  ")
	}
	return text
}

// ExitCode is that of a set-up that failed: such a run concludes nothing.
func (*DiedError) ExitCode() int { return 3 }

type watchdog struct {
	kube     kubernetes.Interface
	platform func(context.Context) []string
	say      func(*DiedError)
	watched  map[string]bool           // namespaces
	seen     map[container]int32       // restarts, of all namespaces
	died     map[container][]time.Time // during this run
}

type container struct {
	pod  types.UID
	name string
}

// Watch follows the pods of the namespaces that platform names. It asks platform again every minute or so, for a part
// may be installed anew elsewhere; a namespace that was named once stays. Watch tells say of each container that ended
// with an error, and returns a *DiedError for one that does not come back and for an API server that no longer
// answers; nil when ctx ends.
func Watch(ctx context.Context, kube kubernetes.Interface, platform func(context.Context) []string, say func(*DiedError)) error {
	w := &watchdog{kube: kube, platform: platform, say: say, watched: map[string]bool{}, seen: map[container]int32{}, died: map[container][]time.Time{}}
	first := true
	var failing time.Time // since when
	for {
		dead, err := w.follow(ctx, first)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // being told to stop is no failure
		}
		switch {
		case dead != nil:
			return dead
		case err == nil:
			first, failing = false, time.Time{}
		case failing.IsZero():
			failing = time.Now()
		case time.Since(failing) > silence:
			return &DiedError{What: "the API server", Reason: fmt.Sprintf("no answer for %s: %v", silence, err)}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retry):
		}
	}
}

// follow lists once and watches until the connection ends. The first list is what was before the run.
func (w *watchdog) follow(ctx context.Context, first bool) (*DiedError, error) {
	limited, cancel := context.WithTimeout(ctx, listing)
	defer cancel()
	pods := w.kube.CoreV1().Pods(metav1.NamespaceAll)
	list, err := pods.List(limited, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, namespace := range w.platform(limited) {
		w.watched[namespace] = true
	}
	for i := range list.Items {
		if dead := w.look(ctx, &list.Items[i], first); dead != nil {
			return dead, nil
		}
	}
	// a connection that is cut silently is noticed when the server does not end it in time
	seconds := int64(50)
	watching, err := pods.Watch(ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion, TimeoutSeconds: &seconds})
	if err != nil {
		return nil, err
	}
	defer watching.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, nil
		case <-time.After(time.Duration(seconds+10) * time.Second):
			return nil, nil // the next list tells whether anybody is there
		case event, open := <-watching.ResultChan():
			if !open {
				return nil, nil
			}
			if pod, ok := event.Object.(*corev1.Pod); ok {
				if dead := w.look(ctx, pod, false); dead != nil {
					return dead, nil
				}
			}
		}
	}
}

// look compares a pod with what was seen of it, and returns the container that will not come back.
func (w *watchdog) look(ctx context.Context, pod *corev1.Pod, before bool) *DiedError {
	if pod.DeletionTimestamp != nil {
		return nil
	}
	for _, s := range pod.Status.ContainerStatuses {
		key := container{pod.UID, s.Name}
		ended := s.RestartCount
		if s.State.Terminated != nil {
			ended++
		}
		known := w.seen[key]
		w.seen[key] = max(known, ended)
		if before || ended <= known || !w.watched[pod.Namespace] {
			continue
		}
		last := s.State.Terminated
		if last == nil {
			last = s.LastTerminationState.Terminated
		}
		if last != nil && last.ExitCode == 0 {
			continue
		}
		for range ended - known {
			w.died[key] = append(w.died[key], time.Now())
		}
		d := &DiedError{What: fmt.Sprintf("container %s of pod %s/%s on node %s", s.Name, pod.Namespace, pod.Name, pod.Spec.NodeName),
			Reason: why(last), Log: w.log(ctx, pod, s.Name, s.State.Terminated == nil)}
		if lately := within(w.died[key], spell); lately >= deaths || within(w.died[key], longSpell) >= many {
			d.Reason += fmt.Sprintf(", for the %d. time, %d of them in the last %.0f minutes", len(w.died[key]), lately, spell.Minutes())
			return d
		}
		w.say(d)
	}
	return nil
}

// within counts those of the last while.
func within(died []time.Time, while time.Duration) (n int) {
	for _, t := range died {
		if time.Since(t) < while {
			n++
		}
	}
	return n
}

func why(t *corev1.ContainerStateTerminated) string {
	if t == nil {
		return "it was started again"
	}
	text := fmt.Sprintf("exit code %d", t.ExitCode)
	if t.Reason != "" && t.Reason != "Error" {
		text += " (" + t.Reason + ")"
	}
	return text
}

func (w *watchdog) log(ctx context.Context, pod *corev1.Pod, name string, previous bool) []string {
	limited, cancel := context.WithTimeout(ctx, listing)
	defer cancel()
	count := int64(logLines)
	raw, err := w.kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name,
		&corev1.PodLogOptions{Container: name, Previous: previous, TailLines: &count}).DoRaw(limited)
	if err != nil {
		return nil
	}
	return tail.Lines(string(raw), logLines)
}
