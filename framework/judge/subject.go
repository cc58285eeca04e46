package judge

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// subject is one VM in the steady stage, with lookups that note what they do not find.
type subject struct {
	model.VMView
	name  string
	facts model.Facts
	stage model.Stage
	n     *Notebook
}

// which selects VMs.
type which func(model.VMSpec) bool

func everyVM(model.VMSpec) bool  { return true }
func guests(s model.VMSpec) bool { return !s.Spare }
func spares(s model.VMSpec) bool { return s.Spare }
func customVMs(s model.VMSpec) bool {
	return guests(s) && len(s.Interfaces) > 0 && s.Interfaces[0].VMNetworkCIDR != ""
}

// subjects gives the VMs that a claim is about, by name. A VM of the scenario that the observation has not is noted:
// a VM that vanished must not leave a verdict on the rest.
func subjects(n *Notebook, o model.Observation, scenario []string, of which) []subject {
	stage, _ := o.Stage(model.Steady)
	for _, name := range scenario {
		if _, ok := stage.VMs[name]; !ok {
			n.Cannot(name, "nobody looked at this VM")
		} else if !of(stage.VMs[name].Spec) && of(model.VMSpec{}) {
			n.Cannot(name, "it is a spare, nobody looked into its guest")
		}
	}
	var found []subject
	for name, v := range stage.VMs {
		if of(v.Spec) {
			found = append(found, subject{VMView: v, name: name, facts: o.Facts, stage: stage, n: n})
		}
	}
	slices.SortFunc(found, func(a, b subject) int { return strings.Compare(a.name, b.name) })
	return found
}

// clusterVMs judges the VMs of that kind on the cluster network, one after another.
func clusterVMs(of which, judge func(subject)) func(*Notebook, model.Observation) {
	return func(n *Notebook, o model.Observation) {
		for _, s := range subjects(n, o, clusterNetworkVMs, of) {
			judge(s)
		}
	}
}

func (s subject) what(thing string) string { return s.name + " " + thing }

// first is the spec of the VM's first interface.
func (s subject) first() (model.InterfaceSpec, bool) {
	if len(s.Spec.Interfaces) == 0 {
		s.n.Cannot(s.what("spec"), "it has no interface")
		return model.InterfaceSpec{}, false
	}
	return s.Spec.Interfaces[0], true
}

// subnet is the subnet between the VM's bridge and guest, and the reason for it.
func (s subject) subnet() (netip.Prefix, string, bool) {
	i, ok := s.first()
	if !ok {
		return netip.Prefix{}, "", false
	}
	p, err := guestSubnet(i)
	if err != nil {
		s.n.Cannot(s.what("spec"), err.Error())
		return netip.Prefix{}, "", false
	}
	why := "KubeVirt's default vmNetworkCIDR"
	if i.VMNetworkCIDR != "" {
		why = "the spec's vmNetworkCIDR " + i.VMNetworkCIDR
	}
	return p, why, true
}

// podIP is the address that OVN-Kubernetes allotted on the default network.
func (s subject) podIP() (netip.Addr, bool) {
	pod, _, ok := Need(s.n, s.what("pod"), s.Pod)
	if !ok {
		return netip.Addr{}, false
	}
	ips, err := allottedIPv4(pod, defaultNetwork)
	if err != nil {
		s.n.Cannot(s.what("pod IP"), err.Error())
		return netip.Addr{}, false
	}
	return ips[0], true
}

// node is the node that the VM's pod runs on.
func (s subject) node() (model.Node, bool) {
	pod, _, ok := Need(s.n, s.what("pod"), s.Pod)
	if !ok {
		return model.Node{}, false
	}
	node, ok := s.facts.Node(pod.Node)
	if !ok {
		s.n.Cannot(s.what("node"), fmt.Sprintf("the facts have no node %q", pod.Node))
	}
	return node, ok
}

// launcherLink is a link of the launcher's namespace; that it is not there is a comparison that fails.
func (s subject) launcherLink(name string) (model.Link, Source, bool) {
	links, from, ok := Need(s.n, s.what("launcher's links"), s.Launcher.Links)
	if !ok {
		return model.Link{}, from, false
	}
	for _, l := range links {
		if l.Name == name {
			return l, from, true
		}
	}
	s.n.Has(s.what("launcher's links"), from, name, "KubeVirt's names for "+interfaces(s.Spec), linkNames(links))
	return model.Link{}, from, false
}

// guestNIC is the guest's link beside lo; where there are several, the one with the MAC of the spec.
func (s subject) guestNIC() (model.Link, Source, bool) {
	links, from, ok := Need(s.n, s.what("guest's links"), s.Guest.Links)
	if !ok {
		return model.Link{}, from, false
	}
	nics := besideLo(links)
	if len(nics) == 1 {
		return nics[0], from, true
	}
	i, ok := s.first()
	if !ok {
		return model.Link{}, from, false
	}
	for _, l := range nics {
		if l.MAC == i.MAC && i.MAC != "" {
			return l, from, true
		}
	}
	s.n.Check(s.what("guest's NIC"), from, "one, or one with MAC "+i.MAC, "the spec", list(linkNames(links)), false)
	return model.Link{}, from, false
}

// path is an attempt to pass traffic.
func (s subject) path(name string) (model.Path, Source, bool) {
	return Need(s.n, "path "+name, s.stage.Paths[name])
}

func besideLo(links []model.Link) []model.Link {
	return slices.DeleteFunc(slices.Clone(links), func(l model.Link) bool { return l.Name == "lo" })
}

func linkNames(links []model.Link) []string {
	names := make([]string, 0, len(links))
	for _, l := range links {
		names = append(names, l.Name)
	}
	return names
}

func ipv4(l model.Link) []string {
	var cidrs []string
	for _, a := range l.Addresses {
		if a.Family == "inet" {
			cidrs = append(cidrs, a.CIDR)
		}
	}
	return cidrs
}

// state is a link's administrative and operational state in one word.
func state(l model.Link) string {
	switch {
	case !slices.Contains(l.Flags, "UP"):
		return "DOWN"
	case l.State != "UP":
		return "UP, but its state is " + text(l.State)
	}
	return "UP"
}

// endpoint reads what was dialled: an address, address:port or URL; the port is 0 where none is named.
func endpoint(target string) (host string, port int, err error) {
	if _, err := netip.ParseAddr(target); err == nil {
		return target, 0, nil
	}
	if !strings.Contains(target, "://") {
		target = "//" + target
	}
	u, err := url.Parse(target)
	if err != nil {
		return "", 0, fmt.Errorf("target: %w", err)
	}
	port, _ = strconv.Atoi(u.Port())
	if port == 0 && u.Scheme == "http" {
		port = 80
	}
	if u.Hostname() == "" {
		return "", 0, fmt.Errorf("target %q names no host", target)
	}
	return u.Hostname(), port, nil
}
