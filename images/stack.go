package images

import (
	"context"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Names under which kubeadm of this Kubernetes looks for what it starts (see
// cmd/kubeadm/app/constants of k8s.io/kubernetes).
const (
	pauseTag   = "3.10"
	pauseTag2  = "3.10.1"
	corednsTag = "v1.12.1"
	etcdTag    = "3.6.5-0"
)

const netBindService = 10 // CAP_NET_BIND_SERVICE of the kernel's uapi/linux/capability.h

// layers makes the layers that the images are stacked from. What Debian
// provides is the lower one: two images that share it have it unpacked once.
func (b *builder) layers(ctx context.Context, dir string) (map[string]v1.Layer, error) {
	makers := map[string]func(context.Context, *layer) error{
		"base":    func(ctx context.Context, l *layer) error { return b.rootLayer(ctx, l, "base") },
		"virt":    func(ctx context.Context, l *layer) error { return b.rootLayer(ctx, l, "virt") },
		"ovn":     b.ovnLayer,
		"control": b.kubevirtControlLayer,
		"node":    b.kubevirtNodeLayer,
		"kube":    b.kubernetesLayer,
		"guest":   b.guestLayer,
	}
	made := map[string]v1.Layer{}
	for name, fill := range makers {
		l := newLayer()
		if err := fill(ctx, l); err != nil {
			return nil, err
		}
		saved, err := saveLayer(dir, name, l)
		if err != nil {
			return nil, err
		}
		made[name] = saved
	}
	return made, nil
}

// images is everything that goes into the nodes' store.
func stackImages(l map[string]v1.Layer) ([]namedImage, error) {
	type image struct {
		names  []string
		config v1.Config
		layers []v1.Layer
	}
	kubevirt := func(names ...string) (list []string) {
		for _, n := range names {
			list = append(list, imagePrefix+"/kubevirt/virt-"+n+":"+kubevirtVersion)
		}
		return list
	}
	const k8s = "registry.k8s.io/"
	all := []image{
		{names: []string{imagePrefix + "/stack:dev"}, layers: []v1.Layer{l["base"], l["ovn"]}},
		// these run as non-root, which the kubelet can only check for a number
		{names: kubevirt("operator", "api", "controller"), config: v1.Config{User: "1001"}, layers: []v1.Layer{l["base"], l["control"]}},
		{names: kubevirt("handler", "launcher"), layers: []v1.Layer{l["virt"], l["node"]}},
		{names: []string{k8s + "pause:" + pauseTag, k8s + "pause:" + pauseTag2}, config: v1.Config{Entrypoint: []string{"/pause"}}, layers: []v1.Layer{l["kube"]}},
		{names: []string{k8s + "coredns/coredns:" + corednsTag}, config: v1.Config{Entrypoint: []string{"/coredns"}}, layers: []v1.Layer{l["kube"]}},
		{names: []string{
			k8s + "kube-apiserver:" + kubernetesVersion, k8s + "kube-controller-manager:" + kubernetesVersion,
			k8s + "kube-scheduler:" + kubernetesVersion, k8s + "etcd:" + etcdTag,
		}, layers: []v1.Layer{l["kube"]}},
		{names: []string{imagePrefix + "/guest:dev"}, layers: []v1.Layer{l["guest"]}},
	}
	var list []namedImage
	for _, i := range all {
		img, err := newImage(i.config, i.layers...)
		if err != nil {
			return nil, err
		}
		list = append(list, namedImage{i.names, img})
	}
	return list, nil
}

func (b *builder) rootLayer(ctx context.Context, l *layer, name string) error {
	root, err := b.root(ctx, rootByName(name))
	if err != nil {
		return err
	}
	return l.addTree(root)
}

// addBinaries puts what a component built into dir of the layer.
func (b *builder) addBinaries(ctx context.Context, l *layer, dir, component string, names ...string) error {
	c, _ := find(component)
	bin, err := b.component(ctx, c)
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := l.addFile(dir+n, filepath.Join(bin, n), 0o755); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) ovnLayer(ctx context.Context, l *layer) error {
	for component, names := range map[string]string{
		"ovn-kubernetes": "ovnkube ovn-k8s-cni-overlay ovnkube-identity ovn-kube-util ovnkube-trace",
		"multus":         "multus thin_entrypoint",
		"kubernetes":     "kubectl agnhost",
	} {
		if err := b.addBinaries(ctx, l, "usr/bin/", component, strings.Fields(names)...); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) kubevirtControlLayer(ctx context.Context, l *layer) error {
	l.addData(".version", []byte(kubevirtVersion+"\n"), 0o644)
	return b.addBinaries(ctx, l, "usr/bin/", "kubevirt", "virt-operator", "virt-api", "virt-controller")
}

// kubevirtNodeLayer has what runs on a node, with the files that KubeVirt's own
// build (cmd/virt-launcher/BUILD.bazel) puts beside it.
func (b *builder) kubevirtNodeLayer(ctx context.Context, l *layer) error {
	kubevirt, _ := find("kubevirt")
	if err := b.addBinaries(ctx, l, "usr/bin/", "kubevirt",
		"virt-handler", "virt-launcher", "virt-launcher-monitor", "virt-freezer", "virt-probe", "virt-tail", "virt-chroot"); err != nil {
		return err
	}
	// the monitor hands this capability on to the launcher
	if err := l.setCapability("usr/bin/virt-launcher-monitor", netBindService); err != nil {
		return err
	}
	programs, err := b.programs(ctx)
	if err != nil {
		return err
	}
	if err := l.addFile("usr/bin/container-disk", filepath.Join(programs, "container-disk"), 0o755); err != nil {
		return err
	}
	source, err := b.sourceDir(ctx, kubevirt, kubevirt.module)
	if err != nil {
		return err
	}
	for from, to := range map[string]string{
		"qemu.conf":                      "etc/libvirt/qemu.conf",
		"virtqemud.conf":                 "etc/libvirt/virtqemud.conf",
		"qemu":                           "etc/libvirt/hooks/qemu",
		"node-labeller/node-labeller.sh": "usr/bin/node-labeller.sh",
	} {
		mode := int64(0o644)
		if !strings.HasSuffix(to, ".conf") {
			mode = 0o755
		}
		if err := l.addFile(to, filepath.Join(source, "cmd/virt-launcher", from), mode); err != nil {
			return err
		}
	}
	l.addData(".version", []byte(kubevirtVersion+"\n"), 0o644)
	return nil
}

func (b *builder) kubernetesLayer(ctx context.Context, l *layer) error {
	if err := b.addBinaries(ctx, l, "usr/local/bin/", "kubernetes", "kube-apiserver", "kube-controller-manager", "kube-scheduler"); err != nil {
		return err
	}
	if err := b.addBinaries(ctx, l, "usr/local/bin/", "etcd", "etcd"); err != nil {
		return err
	}
	if err := b.addBinaries(ctx, l, "", "coredns", "coredns"); err != nil {
		return err
	}
	programs, err := b.programs(ctx)
	if err != nil {
		return err
	}
	l.addDir("tmp", 0o1777)
	for _, d := range []string{"etc", "run", "proc", "sys", "dev"} {
		l.addDir(d, 0o755)
	}
	return l.addFile("pause", filepath.Join(programs, "pause"), 0o755)
}

func (b *builder) guestLayer(ctx context.Context, l *layer) error {
	dir, err := b.guest(ctx)
	if err != nil {
		return err
	}
	// QEMU does not run as root
	for _, name := range []string{"vmlinuz", "vmlinuz-generic", "initrd"} {
		if err := l.addFile("boot/"+name, filepath.Join(dir, name), 0o644); err != nil {
			return err
		}
	}
	return nil
}
