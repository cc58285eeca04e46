package facts

import (
	"context"
	"encoding/json"
	"fmt"
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
	there := model.Presence{Reason: fmt.Sprintf("no Service has an address of the kubelet's clusterDNS %v", configz.Kubelet.Servers)}
	for _, s := range services.Items {
		for _, server := range configz.Kubelet.Servers {
			if s.Spec.ClusterIP == server && s.Spec.ClusterIP != corev1.ClusterIPNone {
				there = model.Presence{Present: true, Reason: "service " + s.Namespace + "/" + s.Name + " at " + server}
			}
		}
	}
	f.Features[model.FeatureClusterDNS] = there
	return nil
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
		f.Versions["multus"] = image
		f.Sources["versions.multus"] = "api: image of daemonset " + d.Namespace + "/" + d.Name
		return nil
	}
	return nil
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
