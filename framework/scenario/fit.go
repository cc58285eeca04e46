package scenario

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// The physical network and the VLAN that manifests are written for.
const (
	manifestPhysical = "trunk"
	manifestVLAN     = 1924
)

// physical is the physical side that the underlay describes; nil for none.
func (r *Running) physical() *bed.Physical {
	if r.bed == nil || r.bed.Underlay == nil {
		return nil
	}
	return r.bed.Underlay.Physical
}

// fit puts the underlay's physical network and VLAN where the manifests have their own: the VLAN that has the DHCP server,
// or else the first.
func (r *Running) fit(objects []client.Object) error {
	p := r.physical()
	if p == nil || !r.definition.physical || len(p.Peers) == 0 {
		return nil
	}
	peer := p.Peers[max(slices.IndexFunc(p.Peers, func(v bed.VLANPeer) bool { return v.DHCP }), 0)]
	f := fitting{network: p.Network, vlan: peer.VLAN}
	for _, o := range objects {
		if err := f.object(o); err != nil {
			return err
		}
	}
	return nil
}

type fitting struct {
	network string
	vlan    int
}

func (f fitting) object(o client.Object) error {
	if u, ok := o.(*unstructured.Unstructured); ok && u.GroupVersionKind() == CUDNKind {
		f.tree(u.Object["spec"])
	}
	return changeConfig(o, func(config map[string]any) { f.tree(config) })
}

// tree goes through the fields whose names say what they hold.
func (f fitting) tree(tree any) {
	switch t := tree.(type) {
	case map[string]any:
		for key, value := range t {
			switch {
			case key == "physicalNetworkName" && value == manifestPhysical:
				t[key] = f.network
			case slices.Contains([]string{"vlanID", "vlan", "id"}, key) && isVLAN(value):
				t[key] = int64(f.vlan)
			default:
				f.tree(value)
			}
		}
	case []any:
		for _, value := range t {
			f.tree(value)
		}
	}
}

// isVLAN is true for the manifests' VLAN, however a decoder has numbers.
func isVLAN(value any) bool {
	switch n := value.(type) {
	case float64:
		return n == manifestVLAN
	case int64:
		return n == manifestVLAN
	}
	return false
}
