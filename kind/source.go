package kind

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmnet-project/vmnet/manifests"
)

// Source is the platform from images that were built from source and are in the nodes' stores already.
type Source struct {
	// Image holds OVN-Kubernetes, OVN, Multus and agnhost; empty means vmnet.test/stack:dev.
	Image string
	// Manifests is a directory with crds/*.yaml and kubevirt-operator.yaml, made from the same sources.
	Manifests string
	// Versions by component, for provenance.
	Versions map[string]string
}

// DefaultStackImage is the name that the built image has in the nodes' stores.
const DefaultStackImage = "vmnet.test/stack:dev"

var _ Components = Source{}

// Check looks for the generated manifests.
func (s Source) Check(context.Context) error {
	for _, name := range []string{"crds", "kubevirt-operator.yaml"} {
		if _, err := os.Stat(filepath.Join(s.Manifests, name)); err != nil {
			return fmt.Errorf("generated manifests: %w: build the images first", err)
		}
	}
	return nil
}

// Provenance is the versions that the images were built from.
func (s Source) Provenance() map[string]string { return s.Versions }

// Outside is the node image, which holds the tools and agnhost.
func (s Source) Outside(nodeImage string) Peer {
	return Peer{Containers: []PeerContainer{{Image: nodeImage, Entrypoint: "/usr/bin/agnhost",
		Args: []string{"netexec", "--http-port", "8080"}}}}
}

// VLANPeer is of the same image, which has dnsmasq.
func (s Source) VLANPeer(nodeImage string) Peer { return s.Outside(nodeImage) }

// Install applies the network first and the rest when the nodes are Ready: no pod of KubeVirt can start before, and
// its definitions keep an API server on a slow core so busy that ovnkube gives up on it.
func (s Source) Install(ctx context.Context, c *Cluster) error {
	image := s.Image
	if image == "" {
		image = DefaultStackImage
	}
	emulated, err := c.Emulated(ctx)
	if err != nil {
		return err
	}
	network, kubevirt, err := s.objects(map[string]string{
		"STACK_IMAGE":     image,
		"API_SERVER_HOST": c.ControlPlane(),
		"GATEWAY":         c.Network.Gateway.String(),
		"EMULATION":       strconv.FormatBool(emulated),
	})
	if err != nil {
		return err
	}
	if err := c.step("OVN-Kubernetes and Multus applied", func() error {
		if err := c.scaleCoreDNS(ctx); err != nil {
			return err
		}
		return c.Apply(ctx, network...)
	}); err != nil {
		return err
	}
	if err := c.waitFor(ctx, "nodes Ready", c.NodesReady); err != nil {
		return err
	}
	if err := c.step("KubeVirt applied", func() error { return c.Apply(ctx, kubevirt...) }); err != nil {
		return err
	}
	return c.platformReady(ctx, "kube-multus-ds")
}

// platformReady waits for the parts in the order in which they get ready, once the nodes are.
func (c *Cluster) platformReady(ctx context.Context, multus string) error {
	return first(
		func() error {
			return c.waitFor(ctx, "OVN-Kubernetes runs", func(ctx context.Context) error {
				return c.DaemonSetReady(ctx, "ovn-kubernetes", "ovnkube-node")
			})
		},
		func() error {
			return c.waitFor(ctx, "CoreDNS ready", func(ctx context.Context) error {
				return c.DeploymentReady(ctx, "kube-system", "coredns")
			})
		},
		func() error {
			return c.waitFor(ctx, "Multus ready", func(ctx context.Context) error {
				return c.DaemonSetReady(ctx, "kube-system", multus)
			})
		},
		func() error {
			return c.waitFor(ctx, "virt-operator ready", func(ctx context.Context) error {
				return c.DeploymentReady(ctx, "kubevirt", "virt-operator")
			})
		},
		func() error {
			return c.waitFor(ctx, "KubeVirt Available", func(ctx context.Context) error {
				return c.KubeVirtAvailable(ctx, "kubevirt", "kubevirt")
			})
		},
		func() error { // Available does not say that each node has its own
			return c.waitFor(ctx, "virt-handler ready", func(ctx context.Context) error {
				return c.DaemonSetReady(ctx, "kubevirt", "virt-handler")
			})
		},
	)
}

// first runs one after the other until one fails.
func first(work ...func() error) error {
	for _, w := range work {
		if err := w(); err != nil {
			return err
		}
	}
	return nil
}

// objects is all that Install applies, in its order: what the network needs, then KubeVirt.
func (s Source) objects(values map[string]string) (network, kubevirt []*unstructured.Unstructured, err error) {
	generated := os.DirFS(s.Manifests)
	for _, part := range []struct {
		files  fs.FS
		dir    string
		values map[string]string
		into   *[]*unstructured.Unstructured
	}{
		{generated, "crds", nil, &network},
		{manifests.Components, "ovn-kubernetes", values, &network},
		{manifests.Components, "multus", values, &network},
		{generated, ".", nil, &kubevirt}, // kubevirt-operator.yaml
		{manifests.Components, "kubevirt", values, &kubevirt},
	} {
		some, err := folder(part.files, part.dir, part.values)
		if err != nil {
			return nil, nil, err
		}
		*part.into = append(*part.into, some...)
	}
	for _, o := range kubevirt {
		if o.GetKind() == "Deployment" && o.GetName() == "virt-operator" {
			if err := tuneOperator(o); err != nil {
				return nil, nil, err
			}
		}
	}
	return network, kubevirt, nil
}

// tuneOperator leaves one virt-operator, for two cost a slow core more than a cluster for tests gets back. It gets a share
// of the core that it can keep its leader election with, and time to start: with the manifest's 10 millicores it lost the
// election wherever a run had much to do, and was then ended by its liveness probe before it was up again.
func tuneOperator(o *unstructured.Unstructured) error {
	if err := unstructured.SetNestedField(o.Object, int64(1), "spec", "replicas"); err != nil {
		return fmt.Errorf("virt-operator: %w", err)
	}
	containers, found, err := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
	if err != nil || !found {
		return fmt.Errorf("virt-operator: no containers in its deployment: %w", errors.Join(err))
	}
	for _, container := range containers {
		m, ok := container.(map[string]any)
		if !ok {
			continue
		}
		failed := unstructured.SetNestedField(m, fmt.Sprintf("%dm", operatorShare), "resources", "requests", "cpu")
		if m["livenessProbe"] != nil {
			failed = errors.Join(failed, unstructured.SetNestedField(m, int64(300), "livenessProbe", "initialDelaySeconds"))
		}
		if failed != nil {
			return fmt.Errorf("virt-operator: %w", failed)
		}
	}
	return unstructured.SetNestedSlice(o.Object, containers, "spec", "template", "spec", "containers")
}

// scaleCoreDNS leaves one of kubeadm's two replicas.
func (c *Cluster) scaleCoreDNS(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	_, err := c.Kube.AppsV1().Deployments("kube-system").Patch(ctx, "coredns", types.MergePatchType,
		[]byte(`{"spec":{"replicas":1}}`), metav1.PatchOptions{FieldManager: "vmnet"})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("scaling CoreDNS: %w", err)
	}
	return nil
}
