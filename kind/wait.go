package kind

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// until follows the objects of a kind, by list and watch, until done says so. done gets each object as it is now,
// and again whenever it changes; what was missed while a connection was broken is listed anew.
func (c *Cluster) until(ctx context.Context, kind client.ObjectList, done func(client.Object) bool, which ...client.ListOption) error {
	for {
		found, err := c.follow(ctx, kind, done, which)
		if found {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil && final(err) {
			return err
		}
		select { // an API server that is busy or restarts
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Second):
		}
	}
}

// follow lists once and watches once.
func (c *Cluster) follow(ctx context.Context, kind client.ObjectList, done func(client.Object) bool, which []client.ListOption) (found bool, err error) {
	list, ok := kind.DeepCopyObject().(client.ObjectList)
	if !ok {
		return false, fmt.Errorf("%T is no list", kind)
	}
	listing, cancel := context.WithTimeout(ctx, 30*time.Second)
	err = c.Objects.List(listing, list, which...)
	cancel()
	if err != nil {
		return false, err
	}
	err = meta.EachListItem(list, func(item runtime.Object) error {
		if o, ok := item.(client.Object); ok {
			found = found || done(o)
		}
		return nil
	})
	if found || err != nil {
		return found, err
	}
	from := &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.GetResourceVersion()}}
	watching, err := c.Objects.Watch(ctx, list, append([]client.ListOption{from}, which...)...)
	if err != nil {
		return false, err
	}
	defer watching.Stop()
	for event := range watching.ResultChan() {
		if o, ok := event.Object.(client.Object); ok && (event.Type == watch.Added || event.Type == watch.Modified) && done(o) {
			return true, nil
		}
	}
	return false, nil
}

// named selects one object.
func named(namespace, name string) []client.ListOption {
	return []client.ListOption{client.InNamespace(namespace), client.MatchingFields{"metadata.name": name}}
}

// NodesReady waits until all nodes of the cluster are Ready.
func (c *Cluster) NodesReady(ctx context.Context) error {
	ready := map[string]bool{}
	return c.until(ctx, &corev1.NodeList{}, func(o client.Object) bool {
		n, ok := o.(*corev1.Node)
		if !ok {
			return false
		}
		delete(ready, n.Name)
		for _, condition := range n.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
				ready[n.Name] = true
			}
		}
		return len(ready) >= c.Nodes
	})
}

// DaemonSetReady waits until the current version runs and is ready on every node, as those of the platform are meant to.
func (c *Cluster) DaemonSetReady(ctx context.Context, namespace, name string) error {
	return c.until(ctx, &appsv1.DaemonSetList{}, func(o client.Object) bool {
		d, ok := o.(*appsv1.DaemonSet)
		return ok && daemonSetReady(d, c.Nodes)
	}, named(namespace, name)...)
}

// daemonSetReady asks for the number of nodes, too: a status may be older than the last node's label.
func daemonSetReady(d *appsv1.DaemonSet, nodes int) bool {
	s := d.Status
	return s.ObservedGeneration >= d.Generation && s.DesiredNumberScheduled >= int32(nodes) &&
		s.UpdatedNumberScheduled == s.DesiredNumberScheduled && s.NumberReady == s.DesiredNumberScheduled
}

// DeploymentReady waits until the current version runs with all its replicas.
func (c *Cluster) DeploymentReady(ctx context.Context, namespace, name string) error {
	return c.until(ctx, &appsv1.DeploymentList{}, func(o client.Object) bool {
		d, ok := o.(*appsv1.Deployment)
		return ok && deploymentReady(d)
	}, named(namespace, name)...)
}

func deploymentReady(d *appsv1.Deployment) bool {
	want := int32(1)
	if d.Spec.Replicas != nil {
		want = *d.Spec.Replicas
	}
	s := d.Status
	return s.ObservedGeneration >= d.Generation && s.UpdatedReplicas >= want && s.AvailableReplicas >= want && s.Replicas == s.UpdatedReplicas
}

// KubeVirtAvailable waits for KubeVirt's own word that it is there.
func (c *Cluster) KubeVirtAvailable(ctx context.Context, namespace, name string) error {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: "kubevirt.io", Version: "v1", Kind: "KubeVirtList"})
	return c.until(ctx, list, func(o client.Object) bool {
		u, ok := o.(*unstructured.Unstructured)
		return ok && conditionTrue(u, "Available")
	}, named(namespace, name)...)
}

// conditionTrue reads status.conditions.
func conditionTrue(o *unstructured.Unstructured, name string) bool {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		if m, ok := c.(map[string]any); ok && m["type"] == name {
			return m["status"] == string(metav1.ConditionTrue)
		}
	}
	return false
}
