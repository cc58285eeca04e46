package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

// The words of a network's spec, in lower case.
const (
	primaryRole    = "primary"
	layer3Topology = "layer3"
	l2bridge       = "l2bridge"
)

// check refuses manifests that would end in a timeout: of a network that is never created, of a VM that never gets an
// address. It is made before anything else is.
func (r *Running) check(objects []client.Object) error {
	networks, err := networksOf(objects, r.Namespace, r.RunID)
	if err != nil {
		return err
	}
	labelled := map[string]bool{}
	for _, o := range objects {
		if space, ok := o.(*corev1.Namespace); ok {
			_, labelled[space.Name] = space.Labels[PrimaryLabel]
		}
	}
	primaries := map[string]NetworkRef{}
	for _, n := range networks {
		if err := cmp.Or(r.checkKind(n), checkNetwork(n, labelled), r.checkPhysical(n), r.checkName(n)); err != nil {
			return &bed.InputError{What: "network " + n.Key, Err: err}
		}
		if n.Asked.Role == primaryRole {
			primaries[n.Namespace] = n
		}
	}
	for _, s := range r.specsOf(objects) {
		if err := checkVM(s, primaries, r.definition.tried, r.facts); err != nil {
			return &bed.InputError{What: "VM " + s.Name, Err: err}
		}
	}
	if err := masqueradeRoom(r.facts.MasqueradeSubnet, len(primaries)); len(primaries) > 0 && err != nil {
		return &bed.InputError{What: "masquerade subnet", Err: err}
	}
	return nil
}

// checkKind refuses what only a cluster with network segmentation makes.
func (r *Running) checkKind(n NetworkRef) error {
	if p, ok := r.facts.Features[model.FeatureUDN]; ok && !p.Present && !n.Attachment {
		return fmt.Errorf("the cluster has no user-defined networks: %s", p.Reason)
	}
	return nil
}

func checkNetwork(n NetworkRef, labelled map[string]bool) error {
	if n.Asked.Role == primaryRole && !n.Cluster && !labelled[n.Namespace] {
		return fmt.Errorf("it is primary, and its namespace has not the label %s, which must be there from the namespace's creation", PrimaryLabel)
	}
	for _, subnet := range n.Asked.Subnets {
		if err := checkSubnet(subnet); err != nil {
			return err
		}
	}
	return nil
}

// checkSubnet refuses what is no subnet; on layer 3 the nodes' share of it stands behind another slash.
func checkSubnet(text string) error {
	parts := strings.SplitN(text, "/", 3)
	if _, err := netip.ParsePrefix(strings.Join(parts[:min(len(parts), 2)], "/")); err != nil {
		return fmt.Errorf("subnet %q does not parse: write it as 10.1.1.0/24", text)
	}
	if len(parts) == 3 {
		if _, err := strconv.Atoi(parts[2]); err != nil {
			return fmt.Errorf("subnet %q: the nodes' share is no number", text)
		}
	}
	return nil
}

func checkVM(s model.VMSpec, primaries map[string]NetworkRef, tried string, f model.Facts) error {
	for _, i := range s.Interfaces {
		if p, ok := f.Features[model.FeatureL2Bridge]; i.Binding == l2bridge && ok && !p.Present {
			return fmt.Errorf("interface %s wants the binding %s, which the KubeVirt resource does not register: add it to spec.configuration.network.binding", i.Name, l2bridge)
		}
	}
	if n, ok := primaries[s.Namespace]; ok && n.Asked.Topology == layer3Topology && (tried == "" || s.Group != tried) {
		return fmt.Errorf("its primary network %s is Layer3, on which VMs do not work: use topology Layer2", n.Key)
	}
	return nil
}

// masqueradeRoom says whether OVN-Kubernetes' masquerade subnet holds the addresses of so many more primary networks: two
// for each, after the first ten (go-controller/pkg/generator/udn: masquerade_ips.go).
func masqueradeRoom(subnet string, networks int) error {
	p, err := netip.ParsePrefix(subnet)
	if err != nil {
		return errors.New("the cluster does not say what it is")
	}
	const reserved, each = 10, 2
	if room := 1 << (32 - min(p.Bits(), 32)); room <= reserved+each*(networks+1) {
		return fmt.Errorf("%s is too small for %d primary networks: start OVN-Kubernetes with --gateway-v4-masquerade-subnet=169.254.0.0/17", p, networks)
	}
	return nil
}
