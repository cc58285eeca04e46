package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"
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

// Kind is UDNKind, CUDNKind for a network of the whole cluster, or NADKind for a user's own attachment.
func (n NetworkRef) Kind() schema.GroupVersionKind {
	switch {
	case n.Cluster:
		return CUDNKind
	case n.Attachment:
		return NADKind
	}
	return UDNKind
}

// awaitNetworks waits until the control plane says of each network that it is created, or has taken it up.
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
		status, why := n.created(o)
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
	return r.explain(bounded, err, "network "+n.Key+" created", "Network", r.timeouts.Network, func() string {
		return strings.Join(append([]string{said}, r.eventsAbout(ctx, n)...), "; ")
	})
}

// networkID is what OVN-Kubernetes writes on an attachment of its own once it has taken it up (go-controller/pkg/types:
// OvnNetworkIDAnnotation).
const networkID = "k8s.ovn.org/network-id"

// created is as Created; an attachment has no conditions, and one of another plugin needs nobody to take it up.
func (n NetworkRef) created(o *unstructured.Unstructured) (status, said string) {
	switch {
	case !n.Attachment:
		return Created(o)
	case !slices.Contains(n.Asked.Plugins, ovnPlugin) || o.GetAnnotations()[networkID] != "":
		return "True", ""
	}
	return "", "OVN-Kubernetes has not taken it up: it has no annotation " + networkID
}

// eventsAbout are the last ones about a network that is not created.
func (r *Running) eventsAbout(ctx context.Context, n NetworkRef) []string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), troubleTime)
	defer cancel()
	if !n.Attachment {
		return nil // its condition says it
	}
	return lastEvents(ctx, r.bed, n.Namespace, []string{n.Name})
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
