package scenario

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
)

// refusedFor is how long a network may say that it cannot be created before it is believed: controllers start one after
// another and correct themselves.
const refusedFor = 10 * time.Second

// Kind is UDNKind, or CUDNKind for a network of the whole cluster.
func (n NetworkRef) Kind() schema.GroupVersionKind {
	if n.Cluster {
		return CUDNKind
	}
	return UDNKind
}

// awaitNetworks waits until the control plane says of each network that it is created.
func (r *Running) awaitNetworks(ctx context.Context, networks []NetworkRef) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, n := range networks {
		group.Go(func() error {
			return r.step("network "+n.Key+" created", func() error { return r.awaitNetwork(ctx, n) })
		})
	}
	return group.Wait()
}

func (r *Running) awaitNetwork(ctx context.Context, n NetworkRef) error {
	bounded, cancel := r.bound(ctx, r.timeouts.Network)
	defer cancel()
	said := "it says nothing of NetworkCreated"
	var since time.Time
	err := wait.PollUntilContextCancel(bounded, poll, true, func(ctx context.Context) (bool, error) {
		o := &unstructured.Unstructured{}
		o.SetGroupVersionKind(n.Kind())
		if err := r.bed.Objects.Get(ctx, types.NamespacedName{Namespace: n.Namespace, Name: n.Name}, o); err != nil {
			return false, r.tolerate(err)
		}
		status, why := Created(o)
		if why != "" {
			said = why
		}
		switch {
		case status != "False":
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case time.Since(since) > refusedFor:
			return false, &FailedError{What: "network " + n.Key, Trouble: said}
		}
		return status == "True", nil
	})
	return r.explain(bounded, err, "network "+n.Key+" created", "Network", r.timeouts.Network, func() string { return said })
}

// Created reads the condition NetworkCreated of a user-defined network: its status, and what it says; both are empty where
// it has none (OVN-Kubernetes, go-controller/pkg/clustermanager/userdefinednetwork).
func Created(o *unstructured.Unstructured) (status, said string) {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions") // a status of another form has none
	for _, c := range conditions {
		c, ok := c.(map[string]any)
		if !ok || c["type"] != "NetworkCreated" {
			continue
		}
		status, _ = c["status"].(string)
		return status, fmt.Sprintf("NetworkCreated=%v, %v: %v", c["status"], c["reason"], c["message"])
	}
	return "", ""
}
