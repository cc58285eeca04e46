package kind

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmnet-project/vmnet/internal/tail"
	"github.com/vmnet-project/vmnet/manifests"
)

// Releases that are installed where a registry is in reach.
const (
	// PublishedNodeImage is the newest Kubernetes that all of the releases below are tested with upstream.
	PublishedNodeImage = "kindest/node:v1.35.0"

	ovnKubernetesTag = "v1.3.0"
	// Images are published by branch, not by tag (OVN-Kubernetes, .github/workflows/docker.yml).
	ovnKubernetesImage = "ghcr.io/ovn-kubernetes/ovn-kubernetes/ovn-kube-ubuntu:release-1.3"
	multusTag          = "v4.1.3"
	ipamClaimsTag      = "v0.5.1-alpha"
	kubevirtTag        = "v1.8.4"
	netshootImage      = "ghcr.io/nicolaka/netshoot:v0.13"
	// vlanPeerImage is built where it is needed: netshoot has no DHCP server.
	vlanPeerImage = "vmnet.test/vlan-peer:netshoot-v0.13"
	agnhostImage  = "registry.k8s.io/e2e-test-images/agnhost:2.53"
)

// Published is the platform from published images: OVN-Kubernetes by its own chart, Multus and KubeVirt by their
// release's manifests. It needs helm, and the network.
type Published struct {
	// Chart is the folder helm/ovn-kubernetes of a checkout; empty means that of ovnKubernetesTag, fetched.
	Chart string
	// Image of OVN-Kubernetes, with tag or digest; empty means the branch of the same release.
	Image string
}

var _ Components = Published{}

// Check looks for helm; a *MissingError.
func (p Published) Check(context.Context) error {
	if _, err := exec.LookPath("helm"); err != nil {
		return &MissingError{Tool: "helm", Remedy: "OVN-Kubernetes' chart needs it (https://helm.sh/docs/intro/install), or build the images from source (IMAGES=source)"}
	}
	if p.Chart != "" {
		if _, err := os.Stat(filepath.Join(p.Chart, "Chart.yaml")); err != nil {
			return fmt.Errorf("chart of OVN-Kubernetes: %w: give the folder helm/ovn-kubernetes of a checkout", err)
		}
	}
	return nil
}

// Provenance names the releases.
func (p Published) Provenance() map[string]string {
	return map[string]string{"ovn-kubernetes": ovnKubernetesTag, "multus": multusTag, "kubevirt": kubevirtTag,
		"ipamclaims": ipamClaimsTag, "image.ovn-kubernetes": p.image(), "image.outside": netshootImage}
}

func (p Published) image() string {
	if p.Image != "" {
		return p.Image
	}
	return ovnKubernetesImage
}

// Outside has its tools from one image and the echo server from another, in one network namespace.
func (p Published) Outside(string) Peer {
	return Peer{Containers: []PeerContainer{
		{Image: netshootImage, Entrypoint: "sleep", Args: []string{"infinity"}},
		{Image: agnhostImage, Entrypoint: "/agnhost", Args: []string{"netexec", "--http-port", "8080"}},
	}}
}

// VLANPeer is the same with dnsmasq.
func (p Published) VLANPeer(nodeImage string) Peer {
	peer := p.Outside(nodeImage)
	peer.Containers[0].Image = vlanPeerImage
	peer.Containers[0].Dockerfile = "FROM " + netshootImage + "\nRUN apk add --no-cache dnsmasq\n"
	return peer
}

// Install goes in the order in which the parts need each other: upstream's own do not wait as ours do.
func (p Published) Install(ctx context.Context, c *Cluster) error {
	var multus, operator []*unstructured.Unstructured
	if err := c.step("components fetched", func() (err error) {
		multus, operator, err = fetchReleases(ctx)
		return err
	}); err != nil {
		return err
	}
	crds, rest := splitCRDs(multus)
	if err := c.step("CRDs applied", func() error { return errors.Join(c.scaleCoreDNS(ctx), c.Apply(ctx, crds...)) }); err != nil {
		return err
	}
	if err := c.step("OVN-Kubernetes by its chart", func() error { return p.installChart(ctx, c) }); err != nil {
		return err
	}
	if err := c.waitFor(ctx, "nodes Ready", c.NodesReady); err != nil {
		return err
	}
	emulated, err := c.Emulated(ctx)
	if err != nil {
		return err
	}
	cr, err := folder(manifests.Components, "kubevirt", map[string]string{"EMULATION": strconv.FormatBool(emulated)})
	if err != nil {
		return err
	}
	if err := c.step("Multus and KubeVirt applied", func() error {
		return c.Apply(ctx, append(append(rest, operator...), cr...)...)
	}); err != nil {
		return err
	}
	return c.platformReady(ctx, "kube-multus-ds")
}

// installChart gives each node its zone and the chart the settings that the project's claims are about.
func (p Published) installChart(ctx context.Context, c *Cluster) error {
	chart := p.Chart
	if chart == "" {
		dir, err := os.MkdirTemp("", "vmnet-chart-")
		if err != nil {
			return fmt.Errorf("chart of OVN-Kubernetes: %w", err)
		}
		defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
		if chart, err = fetchChart(ctx, chartURL, dir); err != nil {
			return err
		}
	}
	nodes, err := c.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("zones of OVN-Kubernetes: %w", err)
	}
	var server string
	for _, n := range nodes.Items {
		patch := fmt.Sprintf(`{"metadata":{"labels":{"k8s.ovn.org/zone-name":%q}}}`, n.Name)
		if _, err := c.Kube.CoreV1().Nodes().Patch(ctx, n.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			return fmt.Errorf("zone of node %s: %w", n.Name, err)
		}
		for _, a := range n.Status.Addresses {
			if n.Name == c.ControlPlane() && a.Type == corev1.NodeInternalIP && server == "" {
				server = a.Address
			}
		}
	}
	cmd := exec.CommandContext(ctx, "helm", p.helmArgs(c.Kubeconfig, chart, server)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("helm: %w\n  %s", err, strings.Join(tail.Lines(string(out), 8), "\n  "))
	}
	return nil
}

// helmArgs is one node per zone with all that the scenarios need switched on; the chart switches on neither.
func (p Published) helmArgs(kubeconfig, chart, server string) []string {
	// The chart writes REPOSITORY:TAG, so a digest goes as REPOSITORY@sha256 and its number.
	repository, tag := p.image(), "latest"
	if i := strings.LastIndex(repository, ":"); i > strings.LastIndex(repository, "/") {
		repository, tag = repository[:i], repository[i+1:]
	}
	args := []string{"upgrade", "--install", "ovn-kubernetes", chart, "--kubeconfig", kubeconfig,
		"--values", filepath.Join(chart, "values-single-node-zone.yaml")}
	for _, set := range []string{
		"k8sAPIServer=https://" + server + ":6443",
		"podNetwork=" + PodSubnet + "/24",
		"serviceNetwork=" + ServiceSubnet,
		"mtu=1400",
		"global.image.repository=" + repository,
		"global.image.tag=" + tag,
		"global.gatewayMode=shared",
		"global.v4MasqueradeSubnet=169.254.0.0/17",
		"global.enableInterconnect=true",
		"global.enableMultiNetwork=true",
		"global.enableNetworkSegmentation=true",
		"global.enablePersistentIPs=true",
	} {
		args = append(args, "--set", set)
	}
	return args
}

// splitCRDs takes the definitions out, which OVN-Kubernetes needs before Multus may run.
func splitCRDs(all []*unstructured.Unstructured) (crds, rest []*unstructured.Unstructured) {
	for _, o := range all {
		if o.GetKind() == "CustomResourceDefinition" {
			crds = append(crds, o)
		} else {
			rest = append(rest, o)
		}
	}
	return crds, rest
}
