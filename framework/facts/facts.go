// Package facts asks a cluster what it is: versions, address ranges, MTU, gateway mode, nodes, features.
//
// Everything comes from the cluster's own settings, by way of its API and of the platform's processes, and
// nothing from whoever made the cluster, so that a bare kubeconfig yields the same. Nothing comes from what
// is judged, either: an expected value that was read from the guest would prove nothing.
package facts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

// Discover reads all facts. What a claim cannot do without (nodes with OVN-Kubernetes' annotations, its
// settings, KubeVirt's resource) is an error; a version that nobody states is left out.
func Discover(ctx context.Context, b *bed.Bed) (model.Facts, error) {
	f := model.Facts{
		At: time.Now().UTC(), Versions: map[string]string{}, Sources: map[string]string{},
		Features: map[model.Feature]model.Presence{},
	}
	server, err := b.Kube.Discovery().ServerVersion()
	if err != nil {
		return f, fmt.Errorf("version of the API server: %w", err)
	}
	f.Versions["kubernetes"] = server.GitVersion
	f.Sources["versions.kubernetes"] = "api: /version"

	// Each part stands alone: one look at a cluster names all that is missing.
	err = errors.Join(nodes(ctx, b, &f), ovnKubernetes(ctx, b, &f), kubeVirt(ctx, b, &f), dns(ctx, b, &f), multus(ctx, b, &f), switches(ctx, b, &f))
	outside(b, &f)
	physical(b, &f)
	return f, err
}

// outside says whether the bed has a host outside the cluster.
func outside(b *bed.Bed, f *model.Facts) {
	host, ok := b.Outside()
	if !ok {
		f.Features[model.FeatureOutside] = model.Presence{Reason: "the underlay names no host outside the cluster (underlay.yaml: outside)"}
		return
	}
	f.Features[model.FeatureOutside] = model.Presence{Present: true, Reason: "underlay: " + host.Name() + " at " + host.Address()}
}
