package observe

import (
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestLauncher(t *testing.T) {
	pod := func(name, vm, node string, change func(*corev1.Pod)) corev1.Pod {
		p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{domainAnnotation: vm}},
			Spec: corev1.PodSpec{NodeName: node}, Status: corev1.PodStatus{Phase: corev1.PodRunning}}
		if change != nil {
			change(&p)
		}
		return p
	}
	leaving := func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: time.Now()} }
	done := func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }
	for name, tc := range map[string]struct {
		pods []corev1.Pod
		want string
	}{
		"one":            {[]corev1.Pod{pod("a", "vm-a", "n1", nil), pod("b", "vm-b", "n1", nil)}, "a"},
		"restarted":      {[]corev1.Pod{pod("old", "vm-a", "n1", leaving), pod("new", "vm-a", "n1", nil)}, "new"},
		"migrated":       {[]corev1.Pod{pod("source", "vm-a", "n2", done), pod("target", "vm-a", "n1", nil)}, "target"},
		"both still run": {[]corev1.Pod{pod("source", "vm-a", "n2", nil), pod("target", "vm-a", "n1", nil)}, "target"},
		"none":           {[]corev1.Pod{pod("b", "vm-b", "n1", nil)}, ""},
		"which":          {[]corev1.Pod{pod("x", "vm-a", "n1", nil), pod("y", "vm-a", "n1", nil)}, ""},
	} {
		got, err := launcher(&corev1.PodList{Items: tc.pods}, nil, "vm-a", "n1")
		if tc.want == "" && err == nil || tc.want != "" && (err != nil || got.Name != tc.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := launcher(nil, errors.New("no API"), "vm-a", "n1"); err == nil {
		t.Error("a list that could not be had gave a pod")
	}
}
