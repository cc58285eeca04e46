package bed

import (
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestCGroupOf(t *testing.T) {
	pattern := regexp.MustCompile(CGroupOf("060d67c1-dd52-449f"))
	for path, want := range map[string]bool{
		"0::/kubelet/kubepods/burstable/pod060d67c1-dd52-449f/x":                        true,
		"0::/kubepods.slice/kubepods-burstable-pod060d67c1_dd52_449f.slice/cri-x.scope": true,
		"0::/kubepods.slice/kubepods-burstable-pod160d67c1_dd52_449f.slice":             false,
	} {
		if pattern.MatchString(path) != want {
			t.Errorf("%s: not %t", path, want)
		}
	}
}

func TestOVNPod(t *testing.T) {
	pod := func(name string, containers ...string) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ovn", Name: name, Labels: map[string]string{"app": "ovnkube-node"}}}
		for _, c := range containers {
			p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: c})
		}
		return p
	}
	for _, database := range []string{"nb-ovsdb", "nbdb"} {
		b := &Bed{Kube: fake.NewClientset(pod("a", "ovnkube-controller", database))}
		r, err := b.OVNPod(t.Context(), "n1")
		if err != nil {
			t.Fatal(err)
		}
		if p, ok := r.(*podRunner); !ok || p.container != database || p.pod != "a" || p.namespace != "ovn" {
			t.Errorf("%+v", r)
		}
	}
	b := &Bed{Kube: fake.NewClientset(pod("a", "ovnkube-controller"))}
	if _, err := b.OVNPod(t.Context(), "n1"); err == nil || !strings.Contains(err.Error(), "n1") {
		t.Error(err)
	}
}
