package facts

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// NodesForVMs counts the nodes that carry VMs, see VMNodes.
func NodesForVMs(ctx context.Context, b *bed.Bed) (int, error) {
	names, err := VMNodes(ctx, b)
	return len(names), err
}

// VMNodes names the nodes that carry VMs: those where virt-handler runs or has said that it does
// (kubevirt.io/schedulable), that are neither cordoned nor tainted by somebody. Where two or more should and one of
// them cannot at the moment, that is an error that names it: such a cluster has not fewer nodes, it is unwell.
func VMNodes(ctx context.Context, b *bed.Bed) ([]string, error) {
	list, err := b.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("nodes for VMs: %w", err)
	}
	handlers, err := b.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{LabelSelector: "kubevirt.io=virt-handler"})
	if err != nil {
		return nil, fmt.Errorf("nodes for VMs: virt-handler's pods: %w", err)
	}
	return forVMs(list.Items, handlers.Items)
}

func forVMs(nodes []corev1.Node, handlers []corev1.Pod) ([]string, error) {
	var should, late []string
	for _, n := range nodes {
		schedulable := n.Labels[labelSchedulable] == "true"
		handled := slices.ContainsFunc(handlers, func(p corev1.Pod) bool { return p.Spec.NodeName == n.Name })
		kept := n.Spec.Unschedulable || slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool {
			return t.Effect != corev1.TaintEffectPreferNoSchedule && !strings.HasPrefix(t.Key, "node.kubernetes.io/")
		})
		if kept || !schedulable && !handled {
			continue
		}
		should = append(should, n.Name)
		if !schedulable {
			late = append(late, n.Name)
		}
	}
	if len(should) >= 2 && len(late) > 0 {
		return should, fmt.Errorf("node %s should carry VMs but is not labelled %s=true, as virt-handler's heartbeat is late: wait for it or look at virt-handler there, or cordon the node to do without it",
			strings.Join(late, ", "), labelSchedulable)
	}
	return should, nil
}
