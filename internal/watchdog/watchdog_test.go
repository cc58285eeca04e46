package watchdog

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func pod(namespace string, restarts, exitCode int32) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "p", UID: "u"},
		Spec:       corev1.PodSpec{NodeName: "n"},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "c", RestartCount: restarts,
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: exitCode}}}}},
	}
}

// step is a pod as it is seen some time after the one before, with what has been said by then.
type step struct {
	pod    *corev1.Pod
	before bool
	after  time.Duration
	said   int
	dead   bool
}

// dying is a container that ends at these minutes, and comes back each time.
func dying(minutes ...int) []step {
	steps := []step{{pod: pod("kubevirt", 0, 0), before: true}}
	last := 0
	for i, at := range minutes {
		steps = append(steps, step{pod: pod("kubevirt", int32(i+1), 2), after: time.Duration(at-last) * time.Minute, said: i + 1})
		last = at
	}
	return steps
}

// What ended before the run is nobody's business; what ends during it is told, and what does not stay ends the run.
func TestLook(t *testing.T) {
	for name, steps := range map[string][]step{
		"old deaths":    {{pod: pod("kubevirt", 7, 1), before: true}, {pod: pod("kubevirt", 7, 1)}},
		"one death":     {{pod: pod("kubevirt", 0, 0), before: true}, {pod: pod("kubevirt", 1, 2), said: 1}, {pod: pod("kubevirt", 1, 2), said: 1}},
		"a clean end":   {{pod: pod("kubevirt", 0, 0), before: true}, {pod: pod("kubevirt", 1, 0)}},
		"another's":     {{pod: pod("shop", 0, 0), before: true}, {pod: pod("shop", 5, 1)}},
		"now and then":  dying(0, 1, 2, 3, 14, 15, 16, 17),
		"does not stay": append(dying(0, 1, 2, 3), step{pod: pod("kubevirt", 5, 2), said: 4, dead: true}),
		"for ever":      append(dying(0, 6, 12, 18, 24, 30, 36, 42, 48), step{pod: pod("kubevirt", 10, 2), said: 9, dead: true}),
	} {
		synctest.Test(t, func(t *testing.T) {
			said := 0
			w := &watchdog{kube: fake.NewClientset(), seen: map[container]int32{}, died: map[container][]time.Time{},
				watched: map[string]bool{"kubevirt": true}, say: func(*DiedError) { said++ }}
			for i, s := range steps {
				time.Sleep(s.after + time.Second)
				dead := w.look(t.Context(), s.pod, s.before)
				if said != s.said || (dead != nil) != s.dead {
					t.Errorf("%s, step %d: said %d, want %d; dead: %v", name, i, said, s.said, dead)
				}
				if dead != nil && !strings.Contains(dead.Error(), "container c of pod kubevirt/p on node n died: exit code 2") {
					t.Errorf("%s: %v", name, dead)
				}
			}
		})
	}
}

// An API server that does not answer for a minute ends the run; one that comes back does not.
func TestSilence(t *testing.T) {
	for _, down := range []time.Duration{30 * time.Second, 2 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			kube := fake.NewClientset()
			kube.PrependReactor("list", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
				if time.Since(began) < down {
					return true, nil, errors.New("connection refused")
				}
				return false, nil, nil
			})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			err := Watch(ctx, kube, func(context.Context) []string { return nil }, func(*DiedError) {})
			if (err != nil) != (down > silence) {
				t.Errorf("down for %s: %v", down, err)
			}
			if err != nil && time.Since(began) > silence+5*time.Second {
				t.Errorf("noticed after %s", time.Since(began))
			}
		})
	}
}

// A namespace that the platform moves into during a run is watched from the next round on; how often its containers
// ended before is known by then.
func TestPlatformIsLookedUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		kube := fake.NewClientset(pod("moved", 4, 1))
		kube.PrependWatchReactor("pods", func(clienttesting.Action) (bool, watch.Interface, error) { return true, watch.NewFake(), nil })
		restarts := int32(4)
		kube.PrependReactor("list", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
			if time.Since(began) > 2*time.Minute {
				restarts = 5
			}
			return true, &corev1.PodList{Items: []corev1.Pod{*pod("moved", restarts, 1)}}, nil
		})
		rounds := 0
		platform := func(context.Context) []string {
			if rounds++; rounds == 2 { // and cannot be listed later
				return []string{"moved"}
			}
			return nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		said := 0
		if err := Watch(ctx, kube, platform, func(*DiedError) { said++ }); err != nil {
			t.Error(err)
		}
		if said != 1 || rounds < 3 {
			t.Errorf("said %d times in %d rounds, want once", said, rounds)
		}
	})
}
