package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// look is what a walk has to know of a pod and of its node before it begins. It is read anew: what the stage has may be of
// before a restart or migration, or was not read at all.
type look struct {
	place
	links, host []model.Link
	nics        []model.NIC // of a launcher
	err         error
}

// lookAt reads the links of a pod and its node, and of a launcher the NICs.
func (o *observer) lookAt(ctx context.Context, p place, launcher bool) look {
	l := look{place: p}
	if p.node == "" {
		l.err = errors.New("the pod is not known")
		return l
	}
	prelude, n := launcherAsks(0, "walk", p)
	host := ask{id: "host", show: ipAddr}
	asks := []ask{n.links, host}
	if launcher {
		asks = append(asks, n.qemus)
	}
	answers, err := o.onNode(ctx, p.node, bed.ProcessPrelude+prelude, asks)
	at := placed("node " + p.node)
	links, hosts := read(at, n.links, answers, err, parse.Links), read(at, host, answers, err, parse.Links)
	l.links, l.host = links.Value, hosts.Value
	l.err = errors.Join(links.Failure(), hosts.Failure())
	if launcher {
		nics := read(at, n.qemus, answers, err, nics)
		l.nics = nics.Value
		l.err = errors.Join(l.err, nics.Failure())
	}
	return l
}

// ports are the links behind one NIC of a VM, from the hypervisor outward; empty where there is none.
type ports struct{ tap, bridge, pod, host, master string }

// behind follows a NIC: its tap, the tap's bridge, and the bridge's way out. That is a veth in the bridge, or eth0 where the
// binding translates addresses. Without a NIC it is the pod's own link that is followed.
func (l look) behind(nic *model.NIC, own string) ports {
	p := ports{pod: own}
	if nic != nil {
		p.tap = nic.Tap
		p.bridge = l.link(nic.Tap).Master
		for _, k := range l.links {
			if p.bridge != "" && k.Master == p.bridge && k.Kind == "veth" {
				p.pod = k.Name
			}
		}
	}
	if peer := l.link(p.pod).PeerIndex; peer != 0 {
		for _, h := range l.host {
			if h.Index == peer {
				p.host, p.master = h.Name, h.Master
			}
		}
	}
	return p
}

func (l look) link(name string) model.Link {
	for _, k := range l.links {
		if k.Name == name {
			return k
		}
	}
	return model.Link{}
}

// nicWith gives the NIC of that MAC, nicFor that of an interface of the spec; nil for none.
func (l look) nicWith(mac string) *model.NIC {
	return l.nic(func(n model.NIC) bool { return mac != "" && strings.EqualFold(n.MAC, mac) })
}

func (l look) nicFor(name string) *model.NIC {
	return l.nic(func(n model.NIC) bool { return interfaceOf(n) == name })
}

func (l look) nic(is func(model.NIC) bool) *model.NIC {
	if i := slices.IndexFunc(l.nics, is); i >= 0 {
		return &l.nics[i]
	}
	return nil
}

// interfaceOf is the name in the spec that a NIC's alias was made of (libvirt's ua- and KubeVirt's name).
func interfaceOf(n model.NIC) string {
	_, name, _ := strings.Cut(n.ID, "ua-")
	return name
}

// askBridges lists a node's bridge mappings and the ports of the bridges in them, each with its type: empty for a link of
// the node's, patch, internal.
var askBridges = ask{id: "bridges",
	show: "ovs-vsctl get Open_vSwitch . external_ids:ovn-bridge-mappings; ovs-vsctl list-ports BRIDGE; ovs-vsctl get Interface PORT type",
	script: `m=$(ovs-vsctl --if-exists get Open_vSwitch . external_ids:ovn-bridge-mappings | tr -d '"') || exit 1
for p in $(echo "$m" | tr ',' ' '); do
	echo "mapping ${p%%:*} ${p#*:}"
	ovs-vsctl br-exists "${p#*:}" || continue
	ports=$(ovs-vsctl list-ports "${p#*:}") || exit 1
	for l in $ports; do t=$(ovs-vsctl get Interface "$l" type) || exit 1; echo "port ${p#*:} $l $(echo "$t" | tr -d '"')"; done
done
exit 0`}

// bridges are a node's OVS bridges behind physical networks.
type bridges struct {
	mappings map[string]string   // the bridge by the physical network's name
	physical map[string][]string // links of the node by bridge
	patched  map[string]bool     // bridges with a patch port
}

func readBridges(text string) (bridges, error) {
	b := bridges{mappings: map[string]string{}, physical: map[string][]string{}, patched: map[string]bool{}}
	for _, line := range strings.Split(text, "\n") {
		f := strings.Fields(line)
		switch {
		case len(f) == 0:
		case len(f) == 3 && f[0] == "mapping":
			b.mappings[f[1]] = f[2]
		case len(f) == 3 && f[0] == "port", len(f) == 4 && f[0] == "port" && f[3] == "system":
			b.physical[f[1]] = append(b.physical[f[1]], f[2])
		case len(f) == 4 && f[0] == "port":
			b.patched[f[1]] = b.patched[f[1]] || f[3] == "patch"
		default:
			return b, fmt.Errorf("%q is neither mapping nor port", line)
		}
	}
	return b, nil
}

// switching is a node's Open vSwitch and OVN.
type switching struct {
	bridges model.Read[bridges]
	tables  ovnAnswers
}

// switchingOf reads it; the tables only where they are needed.
func (o *observer) switchingOf(ctx context.Context, node string, tables bool) switching {
	asks := []ask{askBridges}
	if tables {
		asks = append(asks, askInterfaces, askBindings, askChassis)
	}
	answers, err := o.inOVN(ctx, node, asks...)
	at := placed("node " + node)
	return switching{bridges: read(at, askBridges, answers, err, readBridges), tables: ovnAnswers{
		interfaces: read(at, askInterfaces, answers, err, parse.Table),
		bindings:   read(at, askBindings, answers, err, parse.Table),
		chassis:    read(at, askChassis, answers, err, parse.Table)}}
}

// physicalOf is the link of the node that a bridge leads to.
func (s switching) physicalOf(bridge string) (string, error) {
	if err := s.bridges.Failure(); err != nil {
		return "", err
	}
	if links := s.bridges.Value.physical[bridge]; len(links) > 0 {
		return links[0], nil
	}
	return "", fmt.Errorf("bridge %q has no link of the node", bridge)
}
