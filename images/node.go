package images

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// nodeTag is the name of kind's node image for this Kubernetes.
const nodeTag = "kindest/node:" + kubernetesVersion

// nodeImage makes the root file system of kind's node image: Debian's systemd
// and containerd, kind's own files, Kubernetes' binaries and CNI plugins. It
// shares unchanged files with the root file system it comes from: read only.
func (b *builder) nodeImage(ctx context.Context) (string, error) {
	dir, err := b.artifact(ctx, "node", "node", b.nodeKey(), func(dir string) error {
		base, err := b.root(ctx, rootByName("node"))
		if err != nil {
			return err
		}
		root := filepath.Join(dir, "root")
		if err := b.onHost(ctx, "/", nil, nil, "cp", "-al", base, root); err != nil {
			return err
		}
		if err := b.kindFiles(ctx, root); err != nil {
			return err
		}
		for component, to := range map[string]map[string]string{
			"kubernetes":     {"kubeadm": "usr/bin", "kubelet": "usr/bin", "kubectl": "usr/bin", "agnhost": "usr/bin"},
			"cni-plugins":    {"*": "opt/cni/bin"},
			"multus":         {"multus": "opt/cni/bin"},
			"ovn-kubernetes": {"ovn-k8s-cni-overlay": "opt/cni/bin"},
		} {
			c, _ := find(component)
			bin, err := b.component(ctx, c)
			if err != nil {
				return err
			}
			for pattern, dir := range to {
				if err := placeAll(filepath.Join(bin, pattern), filepath.Join(root, dir)); err != nil {
					return err
				}
			}
		}
		return containerSpec(ctx, root)
	})
	return filepath.Join(dir, "root"), err
}

func (b *builder) nodeKey() string {
	parts := []string{"1", b.rootKey(rootByName("node")), nodeTag}
	for _, name := range []string{"kind", "kubernetes", "cni-plugins", "multus", "ovn-kubernetes"} {
		c, _ := find(name)
		parts = append(parts, b.componentKey(c))
	}
	return key(parts...)
}

// kindFiles copies what kind's base image copies (images/base/Dockerfile of
// sigs.k8s.io/kind), except its containerd, which is Debian's here.
func (b *builder) kindFiles(ctx context.Context, root string) error {
	kind, _ := find("kind")
	source, err := b.sourceDir(ctx, kind, kind.module)
	if err != nil {
		return err
	}
	files := filepath.Join(source, "images/base/files")
	for _, pattern := range []string{
		"usr/local/bin/entrypoint", "kind/bin/*", "etc/default/kubelet", "etc/sysctl.d/10-network-magic.conf",
		"etc/systemd/system/kubelet.service", "etc/systemd/system/kubelet.slice", "etc/systemd/system/kubelet.service.d/*",
		"etc/systemd/system/undo-mount-hacks.service",
	} {
		found, err := filepath.Glob(filepath.Join(files, pattern))
		if err != nil || len(found) == 0 {
			return fmt.Errorf("kind %s has no %s (%v)", kind.version(), pattern, err)
		}
		for _, f := range found {
			data, err := os.ReadFile(f)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(files, f)
			if err != nil {
				return err
			}
			if err := put(filepath.Join(root, rel), data, modeOf(data)); err != nil {
				return err
			}
		}
	}
	for _, unit := range []string{"kubelet", "undo-mount-hacks"} {
		wants := filepath.Join(root, "etc/systemd/system/multi-user.target.wants", unit+".service")
		if err := link("/etc/systemd/system/"+unit+".service", wants); err != nil {
			return err
		}
	}
	return put(filepath.Join(root, "kind/version"), []byte(kubernetesVersion), 0o644)
}

// containerSpec writes the specification that containerd starts containers by:
// its own, without the limit of open files (kind's Dockerfile does the same).
func containerSpec(ctx context.Context, root string) error {
	text, err := output(sandbox{root: root, clean: true}.command(ctx, "/", nil, "ctr", "oci", "spec"))
	if err != nil {
		return fmt.Errorf("ctr oci spec: %w", err)
	}
	var spec map[string]any
	if err := json.NewDecoder(bytes.NewBufferString(text)).Decode(&spec); err != nil {
		return fmt.Errorf("ctr oci spec: %w", err)
	}
	process, ok := spec["process"].(map[string]any)
	if !ok {
		return fmt.Errorf("ctr oci spec: no process in it")
	}
	delete(process, "rlimits")
	data, err := json.MarshalIndent(spec, "", "  ")
	if err != nil {
		return err
	}
	return put(filepath.Join(root, "etc/containerd/cri-base.json"), data, fs.FileMode(0o644))
}

func placeAll(pattern, dir string) error {
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		return fmt.Errorf("nothing is called %s (%v)", pattern, err)
	}
	for _, f := range found {
		if err := place(f, filepath.Join(dir, filepath.Base(f))); err != nil {
			return err
		}
	}
	return nil
}
