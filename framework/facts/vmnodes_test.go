package facts

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestForVMs(t *testing.T) {
	node := func(name, label string, change func(*corev1.Node)) corev1.Node {
		n := corev1.Node{}
		n.Name, n.Labels = name, map[string]string{labelSchedulable: label}
		if change != nil {
			change(&n)
		}
		return n
	}
	taint := func(key string) func(*corev1.Node) {
		return func(n *corev1.Node) {
			n.Spec.Taints = []corev1.Taint{{Key: key, Effect: corev1.TaintEffectNoSchedule}}
		}
	}
	handlers := []corev1.Pod{{Spec: corev1.PodSpec{NodeName: "a"}}, {Spec: corev1.PodSpec{NodeName: "b"}}}
	for name, tc := range map[string]struct {
		b     corev1.Node
		want  int
		fails bool
	}{
		"two":           {node("b", "true", nil), 2, false},
		"late":          {node("b", "false", nil), 2, true},
		"not ready":     {node("b", "false", taint("node.kubernetes.io/unreachable")), 2, true},
		"cordoned":      {node("b", "false", func(n *corev1.Node) { n.Spec.Unschedulable = true }), 1, false},
		"tainted":       {node("b", "true", taint("node-role.kubernetes.io/control-plane")), 1, false},
		"never for VMs": {node("c", "false", nil), 1, false},
	} {
		got, err := forVMs([]corev1.Node{node("a", "true", nil), tc.b}, handlers)
		if len(got) != tc.want || (err != nil) != tc.fails || err != nil && !strings.Contains(err.Error(), "node b ") {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
