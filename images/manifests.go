package images

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// imagePrefix names what is built here; nothing is pulled from that host.
const imagePrefix = "vmnet.test"

// manifests generates what the upstreams publish with a release: KubeVirt's
// operator by its own templator, OVN-Kubernetes' CRDs from its types, and the
// CRDs of its client modules.
func (b *builder) manifests(ctx context.Context) (string, error) {
	return b.artifact(ctx, "manifests", "manifests", b.manifestsKey(), func(dir string) error {
		if err := b.crds(ctx, filepath.Join(dir, "crds")); err != nil {
			return err
		}
		return b.kubevirtOperator(ctx, filepath.Join(dir, "kubevirt-operator.yaml"))
	})
}

func (b *builder) manifestsKey() string {
	parts := []string{"1", imagePrefix}
	for _, name := range []string{"ovn-kubernetes", "kubevirt", "controller-gen"} {
		c, _ := find(name)
		parts = append(parts, b.componentKey(c))
	}
	return key(parts...)
}

func (b *builder) crds(ctx context.Context, dir string) error {
	ovn, _ := find("ovn-kubernetes")
	generator, _ := find("controller-gen")
	tool, err := b.component(ctx, generator)
	if err != nil {
		return err
	}
	for module, file := range map[string]string{
		"github.com/k8snetworkplumbingwg/network-attachment-definition-client": "artifacts/networks-crd.yaml",
		"github.com/k8snetworkplumbingwg/ipamclaims":                           "artifacts/k8s.cni.cncf.io_ipamclaims.yaml",
	} {
		source, err := b.sourceDir(ctx, ovn, module)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(filepath.Join(source, file))
		if err != nil {
			return err
		}
		if err := put(filepath.Join(dir, filepath.Base(file)), data, 0o644); err != nil {
			return err
		}
	}
	source, err := b.sourceDir(ctx, ovn, ovn.module)
	if err != nil {
		return err
	}
	// the generator works on a main module, and the module cache is read-only
	work := filepath.Join(filepath.Dir(dir), ".ovn-kubernetes")
	if err := b.onHost(ctx, "/", nil, nil, "cp", "-r", "--no-preserve=mode,ownership", source, work); err != nil {
		return err
	}
	defer os.RemoveAll(work)
	env := append([]string{"GOFLAGS=-mod=mod"}, ovn.env...)
	if err := b.onHost(ctx, work, env, b.log("crds"), filepath.Join(tool, "controller-gen"),
		"crd:crdVersions=v1", "paths=./pkg/crd/...", "output:crd:dir="+dir); err != nil {
		return fmt.Errorf("OVN-Kubernetes' CRDs: %w", err)
	}
	return nil
}

var namespacePlaceholder = regexp.MustCompile(`{{ *\.Namespace *}}`)

func (b *builder) kubevirtOperator(ctx context.Context, path string) error {
	kubevirt, _ := find("kubevirt")
	bin, err := b.component(ctx, kubevirt)
	if err != nil {
		return err
	}
	source, err := b.sourceDir(ctx, kubevirt, kubevirt.module)
	if err != nil {
		return err
	}
	root, err := b.buildRoot(ctx) // the templator is linked against its C library
	if err != nil {
		return err
	}
	var out bytes.Buffer
	cmd := root.box.command(ctx, source, root.env, filepath.Join(bin, "manifest-templator"), "--process-files", "--process-vars",
		"--namespace=kubevirt", "--container-prefix="+imagePrefix+"/kubevirt", "--container-tag="+kubevirtVersion,
		"--image-pull-policy=IfNotPresent", "--verbosity=2", "--kubevirt-logo-path=/dev/null",
		"--generated-manifests-dir=manifests/generated/", "--input-file=manifests/release/kubevirt-operator.yaml.in")
	cmd.Stdout = &out
	if err := run(cmd, nil); err != nil {
		return fmt.Errorf("KubeVirt's operator manifest: %w", err)
	}
	data := namespacePlaceholder.ReplaceAll(out.Bytes(), []byte("kubevirt")) // one pass of the templator leaves these
	if bytes.Contains(data, []byte("{{")) || !bytes.Contains(data, []byte("kind: Deployment")) {
		return fmt.Errorf("KubeVirt's operator manifest: the templator left placeholders or no Deployment")
	}
	return put(path, data, 0o644)
}
