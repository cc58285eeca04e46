package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// Profile is a guest: its image and what is known of its inside. Manifests are written for Small; another
// profile changes the decoded objects, so that a manifest stays what a user would apply.
type Profile struct {
	Name string
	// User can log in by SSH, and is root.
	User string
	// Serve is a shell command that starts an HTTP server on port 8080, if none runs there: /hostname answers
	// the guest's name. (Small also answers /cgi-bin/clientip, with the client's address and port.)
	Serve string
	// Ask is typed on the serial console for evidence; empty where the console has no open shell.
	Ask string
	// change makes the objects fit; nil for Small.
	change func([]client.Object)
}

// The image names that the manifests hold.
const (
	smallGuestImage = "vmnet.test/guest:dev"
	smallPodImage   = "vmnet.test/stack:dev"
)

// Small boots in seconds under emulation: a kernel and an initramfs with busybox, iproute2 and an SSH server.
var Small = Profile{Name: "small", User: "root", Ask: "PATH=/usr/sbin:/usr/bin:/sbin:/bin; ip addr; ip route; ss -ltn; dmesg | tail -n 30", Serve: `ss -Hltn | grep -q ':8080 ' || {
mkdir -p /run/www/cgi-bin && hostname > /run/www/hostname &&
printf '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\n%%s:%%s" "$REMOTE_ADDR" "$REMOTE_PORT"\n' > /run/www/cgi-bin/clientip &&
chmod 755 /run/www/cgi-bin/clientip && httpd -p 0.0.0.0:8080 -h /run/www; }`}

// Published is Fedora with NetworkManager, from a registry, by release. Its user is root, which cloud-init lets in
// by disable_root: false.
var Published = Profile{Name: "published", User: "root", change: publish, Serve: `ss -Hltn | grep -q ':8080 ' || {
mkdir -p /run/www && hostname > /run/www/hostname && cd /run/www &&
systemd-run --unit=vmnet-http --working-directory=/run/www python3 -m http.server 8080; }`}

const (
	publishedGuestImage = "quay.io/containerdisks/fedora:42"
	publishedPodImage   = "registry.k8s.io/e2e-test-images/agnhost:2.53"
	publishedMemory     = "1Gi"
)

// KnownGuest says whether a profile has that name; the empty one leaves the choice to ProfileNamed.
func KnownGuest(name string) error {
	if name == "" || name == Small.Name || name == Published.Name {
		return nil
	}
	return &bed.InputError{What: "guest " + name, Err: fmt.Errorf("no such profile: use %s or %s", Small.Name, Published.Name)}
}

// ProfileNamed finds a profile; an empty name asks the cluster: Small where a node holds its image.
func ProfileNamed(ctx context.Context, b *bed.Bed, name string) (Profile, error) {
	switch name {
	case Small.Name:
		return Small, nil
	case Published.Name:
		return Published, nil
	}
	if err := KnownGuest(name); err != nil {
		return Profile{}, err
	}
	nodes, err := b.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return Profile{}, fmt.Errorf("choose a guest: %w", err)
	}
	for _, n := range nodes.Items {
		for _, image := range n.Status.Images {
			if slices.Contains(image.Names, smallGuestImage) {
				return Small, nil
			}
		}
	}
	return Published, nil
}

// publish replaces kernel and initramfs by a disk image, and the test pods' image.
func publish(objects []client.Object) {
	for _, o := range objects {
		switch o := o.(type) {
		case *kubevirtv1.VirtualMachine:
			spec := &o.Spec.Template.Spec
			spec.Domain.Firmware = nil
			memory := resource.MustParse(publishedMemory)
			spec.Domain.Memory = &kubevirtv1.Memory{Guest: &memory}
			spec.Domain.Devices.Rng = &kubevirtv1.Rng{}
			disk := kubevirtv1.Disk{Name: "root", DiskDevice: kubevirtv1.DiskDevice{Disk: &kubevirtv1.DiskTarget{Bus: kubevirtv1.DiskBusVirtio}}}
			spec.Domain.Devices.Disks = append([]kubevirtv1.Disk{disk}, spec.Domain.Devices.Disks...)
			spec.Volumes = append(spec.Volumes, kubevirtv1.Volume{Name: "root", VolumeSource: kubevirtv1.VolumeSource{
				ContainerDisk: &kubevirtv1.ContainerDiskSource{Image: publishedGuestImage, ImagePullPolicy: corev1.PullIfNotPresent},
			}})
		case *corev1.Pod:
			for i := range o.Spec.Containers {
				c := &o.Spec.Containers[i]
				if c.Image == smallPodImage && len(c.Command) > 0 {
					// the published image has the program elsewhere
					c.Image, c.Command[0] = publishedPodImage, "/"+c.Command[0][strings.LastIndex(c.Command[0], "/")+1:]
				}
			}
		}
	}
}

// relax lets VMs share a node where there is but one: what must be on another node then only should.
func relax(objects []client.Object) {
	for _, vm := range virtualMachines(objects) {
		affinity := vm.Spec.Template.Spec.Affinity
		if affinity == nil || affinity.PodAntiAffinity == nil {
			continue
		}
		anti := affinity.PodAntiAffinity
		for _, term := range anti.RequiredDuringSchedulingIgnoredDuringExecution {
			anti.PreferredDuringSchedulingIgnoredDuringExecution = append(anti.PreferredDuringSchedulingIgnoredDuringExecution,
				corev1.WeightedPodAffinityTerm{Weight: 100, PodAffinityTerm: term})
		}
		anti.RequiredDuringSchedulingIgnoredDuringExecution = nil
	}
}
