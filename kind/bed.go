package kind

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// writeBed writes underlay.yaml and provenance.json beside the kubeconfig.
func writeBed(ctx context.Context, o *Options, c *Cluster, underlay *bed.Underlay) error {
	known, err := provenance(ctx, o, c)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(known, "", "  ")
	if err != nil {
		return fmt.Errorf("provenance: %w", err)
	}
	if err := os.WriteFile(o.file(ProvenanceFile), append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("provenance: %w", err)
	}
	return underlay.Write(o.file(UnderlayFile))
}

// provenance is every version and digest that this package can name, with the caller's and the components' own.
func provenance(ctx context.Context, o *Options, c *Cluster) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	known := map[string]string{"kind": kindVersion(), "cluster.nodes": fmt.Sprint(o.Nodes), "image.node": o.NodeImage}
	for key, args := range map[string][]string{
		"docker":            {"version", "--format", "{{.Server.Version}}"},
		"docker.kernel":     {"info", "--format", "{{.KernelVersion}}"},
		"image.node.digest": {"image", "inspect", "--format", "{{.Id}}", o.NodeImage},
	} {
		out, err := o.Engine.Docker(ctx, args...)
		if err != nil {
			return nil, fmt.Errorf("provenance: %w", err)
		}
		known[key] = strings.TrimSpace(out)
	}
	version, err := c.Kube.Discovery().ServerVersion()
	if err != nil {
		return nil, fmt.Errorf("provenance: version of Kubernetes: %w", err)
	}
	known["kubernetes"] = version.GitVersion
	pods, err := c.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("provenance: images that run: %w", err)
	}
	for _, p := range pods.Items {
		for _, s := range p.Status.ContainerStatuses {
			known["image."+s.Image] = s.ImageID
		}
	}
	maps.Copy(known, o.Components.Provenance())
	maps.Copy(known, o.Provenance)
	return known, nil
}

// kindVersion is the version of kind's library in this binary.
func kindVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "sigs.k8s.io/kind" {
				return m.Version
			}
		}
	}
	return "unknown"
}
