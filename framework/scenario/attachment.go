package scenario

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/vmnet-project/vmnet/framework/model"
)

// nadSpec is a NetworkAttachmentDefinition's: the config is JSON in a text.
type nadSpec struct {
	Config string `json:"config"`
}

// The plugins that attachments here may name.
const (
	ovnPlugin       = "ovn-k8s-cni-overlay"
	bridgePlugin    = "bridge"
	cnvBridgePlugin = "cnv-bridge"
	tuningPlugin    = "tuning"
)

const (
	localnetTopology = "localnet"
	bridgeTopology   = "bridge"
)

// nadConfig are the fields of an attachment's config: OVN-Kubernetes' (go-controller/pkg/cni/types: NetConf), those of
// bridge (containernetworking/plugins, plugins/main/bridge: NetConf) and tuning (plugins/meta/tuning: TuningConf), and of a
// list of plugins (CNI specification, section 1).
type nadConfig struct {
	Name    string      `json:"name"`
	Type    string      `json:"type"`
	Plugins []nadConfig `json:"plugins"`

	Topology        string `json:"topology"`
	Role            string `json:"role"`
	NADName         string `json:"netAttachDefName"`
	PhysicalNetwork string `json:"physicalNetworkName"`
	VLANID          *int   `json:"vlanID"`
	MTU             int    `json:"mtu"`
	Subnets         string `json:"subnets"`
	Persistent      bool   `json:"allowPersistentIPs"`

	Bridge    string     `json:"bridge"`
	VLAN      *int       `json:"vlan"`
	VLANTrunk []nadTrunk `json:"vlanTrunk"`

	Sysctls map[string]string `json:"sysctl"`
}

// nadTrunk is one VLAN, or those from the first to the last.
type nadTrunk struct {
	ID    *int `json:"id"`
	MinID *int `json:"minID"`
	MaxID *int `json:"maxID"`
}

// configOf reads an attachment's config.
func configOf(u *unstructured.Unstructured) (nadConfig, error) {
	var d document[nadSpec]
	var c nadConfig
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &d); err != nil {
		return c, err
	}
	if err := json.Unmarshal([]byte(d.Spec.Config), &c); err != nil {
		return c, fmt.Errorf("its spec.config is not the JSON of a CNI configuration: %w", err)
	}
	return c, nil
}

// chain is the config's plugins: those of its list, or the one that it is for.
func (c nadConfig) chain() []nadConfig {
	if len(c.Plugins) > 0 {
		return c.Plugins
	}
	return []nadConfig{c}
}

// askedOfAttachment also gives the name by which OVN-Kubernetes is told to call it.
func askedOfAttachment(u *unstructured.Unstructured) (asked model.NetworkSpec, name string, err error) {
	c, err := configOf(u)
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return asked, "", err
	}
	for _, p := range c.chain() {
		name = cmp.Or(name, p.NADName)
	}
	return c.asked(), name, nil
}

// asked puts a config into the words of a network's spec.
func (c nadConfig) asked() model.NetworkSpec {
	n := model.NetworkSpec{Role: "secondary"}
	for _, p := range c.chain() {
		n.Plugins = append(n.Plugins, p.Type)
		switch p.Type {
		case ovnPlugin:
			n.Topology, n.MTU, n.PhysicalNetwork, n.Persistent = strings.ToLower(p.Topology), p.MTU, p.PhysicalNetwork, p.Persistent
			if p.Role != "" {
				n.Role = strings.ToLower(p.Role)
			}
			if n.PhysicalNetwork == "" && n.Topology == localnetTopology {
				n.PhysicalNetwork = c.Name // OVN-Kubernetes' rule for a localnet that names none
			}
			n.VLAN = idOf(p.VLANID)
			if p.Subnets != "" {
				n.Subnets = strings.FieldsFunc(p.Subnets, func(r rune) bool { return r == ',' || r == ' ' })
			}
		case bridgePlugin, cnvBridgePlugin:
			n.Topology, n.MTU, n.Bridge, n.VLAN, n.Trunk = bridgeTopology, p.MTU, p.Bridge, idOf(p.VLAN), tagsOf(p.VLANTrunk)
		case tuningPlugin:
			n.Sysctls = p.Sysctls
		}
	}
	return n
}

func idOf(vlan *int) int {
	if vlan == nil {
		return 0
	}
	return *vlan
}

// tagsOf lists the VLANs; those that are none are refused by check.
func tagsOf(all []nadTrunk) []int {
	var ids []int
	for _, t := range all {
		if t.ID != nil {
			ids = append(ids, *t.ID)
		}
		if t.MinID == nil || t.MaxID == nil || vlanError(*t.MinID) != nil || vlanError(*t.MaxID) != nil {
			continue
		}
		for id := *t.MinID; id <= *t.MaxID; id++ {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
