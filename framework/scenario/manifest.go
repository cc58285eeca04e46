package scenario

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/manifests"
)

// strict refuses fields that the types do not have: an API server would drop them without a word.
var strict = func() runtime.Decoder {
	scheme := runtime.NewScheme()
	utilruntime.Must(errors.Join(clientscheme.AddToScheme(scheme), kubevirtv1.AddToScheme(scheme)))
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}()

// load decodes files of a scenario's folder.
func load(scenario string, files ...string) ([]client.Object, error) {
	var all []client.Object
	for _, file := range files {
		raw, err := fs.ReadFile(manifests.Scenarios, path.Join(scenario, file))
		if err != nil {
			return nil, &bed.InputError{What: "scenario " + scenario, Err: fmt.Errorf("has no manifest %s", file)}
		}
		objects, err := decode(raw)
		if err != nil {
			return nil, fmt.Errorf("manifest %s/%s: %w", scenario, file, err)
		}
		all = append(all, objects...)
	}
	return all, nil
}

func decode(raw []byte) ([]client.Object, error) {
	var objects []client.Object
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(raw)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if foreign, ok, err := decodeForeign(document); err != nil {
			return nil, err
		} else if ok {
			objects = append(objects, foreign)
			continue
		}
		decoded, _, err := strict.Decode(document, nil, nil)
		if err != nil {
			return nil, err
		}
		object, ok := decoded.(client.Object)
		if !ok {
			return nil, fmt.Errorf("%T is no object with metadata", decoded)
		}
		if err := complete(document, decoded); err != nil {
			return nil, fmt.Errorf("%s: %w", object.GetName(), err)
		}
		if vm, ok := object.(*kubevirtv1.VirtualMachine); ok && vm.Spec.Template == nil {
			return nil, fmt.Errorf("%s: spec.template is missing", vm.Name)
		}
		objects = append(objects, object)
	}
}

// label marks an object as this run's, and a VM's pod with it.
func label(object client.Object, labels map[string]string) {
	object.SetLabels(merged(object.GetLabels(), labels))
	if vm, ok := object.(*kubevirtv1.VirtualMachine); ok && vm.Spec.Template != nil {
		vm.Spec.Template.ObjectMeta.Labels = merged(vm.Spec.Template.ObjectMeta.Labels, labels)
	}
}

func merged(have, more map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range []map[string]string{have, more} {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}

// claimAnnotation names the IPAMClaim of a VM's primary network on its pod (OVN-Kubernetes, go-controller/pkg/types).
const claimAnnotation = "k8s.ovn.org/primary-udn-ipamclaim"

// withoutClaims leaves out what KubeVirt's IPAM extension makes by itself: the claims of VMs.
func withoutClaims(objects []client.Object) []client.Object {
	for _, vm := range virtualMachines(objects) {
		delete(vm.Spec.Template.ObjectMeta.Annotations, claimAnnotation)
	}
	return slices.DeleteFunc(objects, func(o client.Object) bool {
		return o.GetObjectKind().GroupVersionKind() == ClaimKind && !hasStatus(o)
	})
}

// hasStatus is true for a manifest that says what its object's status is to be.
func hasStatus(o client.Object) bool {
	u, ok := o.(*unstructured.Unstructured)
	return ok && u.Object["status"] != nil
}

func virtualMachines(objects []client.Object) []*kubevirtv1.VirtualMachine {
	var vms []*kubevirtv1.VirtualMachine
	for _, o := range objects {
		if vm, ok := o.(*kubevirtv1.VirtualMachine); ok {
			vms = append(vms, vm)
		}
	}
	return vms
}
