package facts

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

// kubeVirt reads the KubeVirt resource, of which a cluster has one.
func kubeVirt(ctx context.Context, b *bed.Bed, f *model.Facts) error {
	list, err := b.KubeVirt.KubeVirt("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("KubeVirt's resource, which an installation of KubeVirt has: %w", err)
	}
	if len(list.Items) != 1 {
		return fmt.Errorf("%d KubeVirt resources, want one: install KubeVirt", len(list.Items))
	}
	kv := list.Items[0]
	at := "api: kubevirt " + kv.Namespace + "/" + kv.Name
	f.Versions["kubevirt"] = kv.Status.ObservedKubeVirtVersion
	f.Sources["versions.kubevirt"] = at + ", status.observedKubeVirtVersion"
	if d := kv.Spec.Configuration.DeveloperConfiguration; d != nil {
		f.Emulation = d.UseEmulation
	}
	f.Sources["emulation"] = at + ", spec.configuration.developerConfiguration.useEmulation"
	l2bridge := false
	if n := kv.Spec.Configuration.NetworkConfiguration; n != nil {
		_, l2bridge = n.Binding["l2bridge"]
	}
	f.Features[model.FeatureL2Bridge] = model.Presence{Present: l2bridge, Reason: fmt.Sprintf("%s, spec.configuration.network.binding has l2bridge: %t", at, l2bridge)}

	deployments, err := b.Kube.AppsV1().Deployments("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("deployments: %w", err)
	}
	ipam := model.Presence{Reason: "no deployment kubevirt-ipam-controller-manager in any namespace"}
	for _, d := range deployments.Items {
		if d.Name == "kubevirt-ipam-controller-manager" {
			ipam = model.Presence{Present: true, Reason: "deployment " + d.Namespace + "/" + d.Name}
		}
	}
	f.Features[model.FeatureIPAMExtension] = ipam
	return nil
}

// dns asks a kubelet for the domain and the server that it gives to pods.
func dns(ctx context.Context, b *bed.Bed, f *model.Facts) error {
	list, err := b.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return fmt.Errorf("nodes, to ask a kubelet: %w", err)
	}
	if len(list.Items) == 0 {
		return nil // nodes() has said so
	}
	name := list.Items[0].Name
	raw, err := b.Kube.CoreV1().RESTClient().Get().Resource("nodes").Name(name).SubResource("proxy").Suffix("configz").DoRaw(ctx)
	if err != nil {
		return fmt.Errorf("configuration of the kubelet on %s: %w", name, err)
	}
	var configz struct {
		Kubelet struct {
			Domain  string   `json:"clusterDomain"`
			Servers []string `json:"clusterDNS"`
		} `json:"kubeletconfig"`
	}
	if err := json.Unmarshal(raw, &configz); err != nil {
		return fmt.Errorf("configuration of the kubelet on %s: %w", name, err)
	}
	f.ClusterDomain = strings.TrimSuffix(configz.Kubelet.Domain, ".")
	f.Sources["clusterDomain"] = "api: nodes/" + name + "/proxy/configz, clusterDomain"
	services, err := b.Kube.CoreV1().Services("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("services: %w", err)
	}
	f.Features[model.FeatureClusterDNS] = clusterDNS(configz.Kubelet.Servers, services.Items)
	return nil
}

// clusterDNS is there where the kubelet gives pods a server: whether anything answers there is judged, so that a
// Service that is gone must not hide it.
func clusterDNS(servers []string, services []corev1.Service) model.Presence {
	if len(servers) == 0 {
		return model.Presence{Reason: "the kubelet's clusterDNS names no server"}
	}
	for _, s := range services {
		if slices.Contains(servers, s.Spec.ClusterIP) {
			return model.Presence{Present: true, Reason: "service " + s.Namespace + "/" + s.Name + " at " + s.Spec.ClusterIP}
		}
	}
	return model.Presence{Present: true, Reason: fmt.Sprintf("the kubelet's clusterDNS is %v, though no Service has that address", servers)}
}

// multus takes the version from the image of Multus' daemon set; a cluster may do without Multus.
func multus(ctx context.Context, b *bed.Bed, f *model.Facts) error {
	list, err := b.Kube.AppsV1().DaemonSets("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("daemon sets: %w", err)
	}
	for _, d := range list.Items {
		if !strings.Contains(d.Name, "multus") || strings.Contains(d.Name, "additional") || len(d.Spec.Template.Spec.Containers) == 0 {
			continue
		}
		image := d.Spec.Template.Spec.Containers[0].Image
		f.Sources["versions.multus"] = "api: image of daemonset " + d.Namespace + "/" + d.Name
		if v := tagVersion(image); v != "" {
			f.Versions["multus"] = v
		} else {
			f.Sources["versions.multus"] += ", left out: " + image + " has no version for a tag"
		}
		return nil
	}
	return nil
}

var versionTag = regexp.MustCompile(`:(v?\d+\.\d[^:/@]*)(@.*)?$`)

// tagVersion is the version that an image's tag is, empty where it is another word.
func tagVersion(image string) string {
	if m := versionTag.FindStringSubmatch(image); m != nil {
		return m[1]
	}
	return ""
}

// servesKind says whether the API server has the kind.
func servesKind(b *bed.Bed, gv schema.GroupVersion, kind string) (bool, error) {
	list, err := b.Kube.Discovery().ServerResourcesForGroupVersion(gv.String())
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("resources of %s: %w", gv, err)
	}
	for _, r := range list.APIResources {
		if r.Kind == kind {
			return true, nil
		}
	}
	return false, nil
}
