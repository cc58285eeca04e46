package observe

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// attachments are what Multus says of each VM's pod and of the others, in the objects that were read.
func (o *observer) attachments() {
	o.mu.Lock()
	defer o.mu.Unlock()
	pods := maps.Clone(o.stage.Pods)
	for vm, v := range o.stage.VMs {
		pods[vm] = v.Pod
	}
	o.stage.Physical.Attachments = map[string]model.Read[[]model.Attachment]{}
	for name, pod := range pods {
		r := model.Read[[]model.Attachment]{Place: pod.Place, Command: pod.Command, Raw: pod.Raw, Err: pod.Err, At: pod.At}
		if pod.Failure() == nil {
			var err error
			if r.Value, err = parse.Attachments(pod.Raw); err != nil {
				r.Err = err.Error()
			}
		}
		o.stage.Physical.Attachments[name] = r
	}
}

// vlanPeers are the hosts on VLANs, as the underlay says; what they see is read elsewhere.
func (o *observer) vlanPeers() {
	p, ok := o.bed.Physical()
	if !ok {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stage.Physical.Peers == nil {
		o.stage.Physical.Peers = map[string]model.PhysicalPeer{}
	}
	for _, h := range p.Peers {
		one := o.stage.Physical.Peers[h.Name]
		one.VLAN, one.Address, one.Prefix = h.VLAN, h.Address, h.Prefix
		o.stage.Physical.Peers[h.Name] = one
	}
}

// askPlugins prints the configuration of a node's network plugins, and their programs' names: of OpenShift's folders where
// they are, else of the usual ones (containerd's and CRI-O's defaults, Debian's /usr/lib/cni).
var askPlugins = ask{id: "plugins", show: "/etc/cni/net.d/*, ls /opt/cni/bin (or /etc/kubernetes/cni/net.d, /var/lib/cni/bin)",
	script: `r=/proc/1/root
files() { for f in "$r$1"/*.conf "$r$1"/*.conflist "$r$1"/*.json; do [ ! -f "$f" ] || echo "$f"; done; }
conf=/etc/kubernetes/cni/net.d bin="/var/lib/cni/bin /usr/libexec/cni"
[ -n "$(files "$conf")" ] || { conf=/etc/cni/net.d bin="/opt/cni/bin /usr/lib/cni /usr/libexec/cni"; }
for f in $(files "$conf"); do echo "` + parse.CNIFile + `${f##*/}"; cat "$f"; echo; done
for d in $bin; do
	for f in "$r$d"/*; do
		[ -d "$f" ] || [ ! -x "$f" ] && [ ! -L "$f" ] || echo "` + parse.CNIBinary + `${f##*/}"
	done
done`}

// plugins reads them on all nodes.
func (o *observer) plugins(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, VisitTimeout)
	defer cancel()
	var parts []func()
	for _, n := range o.facts.Nodes {
		parts = append(parts, func() {
			answers, err := o.onNode(ctx, n.Name, "", []ask{askPlugins})
			r := read(placed("node "+n.Name), askPlugins, answers, err, parse.CNI)
			o.mu.Lock()
			defer o.mu.Unlock()
			if o.stage.Physical.CNI == nil {
				o.stage.Physical.CNI = map[string]model.Read[model.CNI]{}
			}
			o.stage.Physical.CNI[n.Name] = r
		})
	}
	together(parts...)
}

// sysctls reads in each launcher what any network of its VM sets, for each of the VM's links to networks of its own: where
// a network does not set it there is what the kernel has otherwise.
func (o *observer) sysctls(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, VisitTimeout)
	defer cancel()
	var parts []func()
	for _, s := range o.running.Specs {
		a := askSysctls(o.sysctlNames(s))
		p, known := o.launchers[s.Name]
		if a.show == "" || !known {
			continue // one whose pod is not known is told by the pod's read
		}
		parts = append(parts, func() {
			answers, err := o.onNode(ctx, p.node, bed.ProcessPrelude+fmt.Sprintf("P=$(of '%s')\n", bed.CGroupOf(p.uid)), []ask{a})
			r := read(placed("launcher "+s.Name), a, answers, err, settings)
			o.mu.Lock()
			defer o.mu.Unlock()
			if o.stage.Physical.Sysctls == nil {
				o.stage.Physical.Sysctls = map[string]model.Read[map[string]string]{}
			}
			o.stage.Physical.Sysctls[s.Name] = r
		})
	}
	together(parts...)
}

// pluginLink is the word for the attachment's link in the settings of CNI's plugin tuning.
const pluginLink = "IFNAME"

// sysctlNames are the settings, with the names that KubeVirt has given the links (pkg/network/link: GenerateNewBridgedVmiInterfaceName).
func (o *observer) sysctlNames(s model.VMSpec) []string {
	var set, names []string
	for _, i := range s.Interfaces {
		set = slices.AppendSeq(set, maps.Keys(o.networkAsked(i).Sysctls))
	}
	for _, i := range s.Interfaces {
		for _, name := range set {
			if i.Network != "" {
				names = append(names, strings.ReplaceAll(name, pluginLink, scenario.LinkHash(i.Name)+"-nic"))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// askSysctls prints those that are there, as `sysctl` does; nothing to do for no names.
func askSysctls(names []string) ask {
	if len(names) == 0 {
		return ask{}
	}
	return ask{id: "sysctls", show: "sysctl " + strings.Join(names, " "), script: `in_pod "$P" sh -c '
for n; do
	f=/proc/sys/$(echo "$n" | tr . /)
	[ ! -e "$f" ] || echo "$n = $(cat "$f")"
done' sh ` + strings.Join(names, " ")}
}

// settings reads lines of name = value.
func settings(text string) (map[string]string, error) {
	all := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, " = ")
		if !ok {
			return nil, fmt.Errorf("sysctls: %q is not name = value", line)
		}
		all[name] = strings.TrimSpace(value)
	}
	return all, nil
}
