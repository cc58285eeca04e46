package main

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/vmnet-project/vmnet/framework/bed"
)

func TestOnlyThePlatformIsWatched(t *testing.T) {
	kube := fake.NewClientset(
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ovn-kubernetes", Name: "ovnkube-node-a", Labels: map[string]string{"app": "ovnkube-node"}}},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ovn-kubernetes", Name: "ovnkube-node-b", Labels: map[string]string{"app": "ovnkube-node"}}},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crashes", Labels: map[string]string{"app": "shop"}}},
		&appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-multus", Name: "multus"}},
		&appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "logging", Name: "collector"}})
	got := platformNamespaces(t.Context(), &bed.Bed{Kube: kube})
	if want := []string{"kube-system", "openshift-multus", "ovn-kubernetes"}; !slices.Equal(got, want) {
		t.Errorf("watched %v, want %v", got, want)
	}
}
