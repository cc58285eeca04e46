package main

import (
	"context"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// isOurs names the namespaces whose pods come and go by a run's own doing.
func isOurs(namespace string) bool { return strings.HasPrefix(namespace, "vmnet-") }

// platformNamespaces are those whose containers carry a run: Kubernetes' own, and those of OVN-Kubernetes, Multus and
// KubeVirt. Whatever else crashes on a cluster is no business of a run. What cannot be listed is not watched.
func platformNamespaces(ctx context.Context, b *bed.Bed) []string {
	spaces := []string{metav1.NamespaceSystem}
	if pods, err := b.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{LabelSelector: bed.OVNNodeSelector}); err == nil {
		for _, p := range pods.Items {
			spaces = append(spaces, p.Namespace)
		}
	}
	if sets, err := b.Kube.AppsV1().DaemonSets(metav1.NamespaceAll).List(ctx, metav1.ListOptions{}); err == nil {
		for _, d := range sets.Items {
			if strings.Contains(d.Name, "multus") {
				spaces = append(spaces, d.Namespace)
			}
		}
	}
	if b.KubeVirt != nil {
		if virts, err := b.KubeVirt.KubeVirt(metav1.NamespaceAll).List(ctx, metav1.ListOptions{}); err == nil {
			for _, v := range virts.Items {
				spaces = append(spaces, v.Namespace)
			}
		}
	}
	slices.Sort(spaces)
	return slices.Compact(spaces)
}
