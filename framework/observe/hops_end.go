package observe

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// behindService gives, for a Service, the first end behind it and its own address; any other end is itself.
func (o *observer) behindService(name string) (string, string) {
	service, ok := strings.CutPrefix(name, "service/")
	if !ok {
		return name, ""
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.stage.Services[service].Value
	for _, backend := range s.Backends {
		if _, ok := o.fixtures[backend]; ok {
			return "pod/" + backend, s.ClusterIP
		}
		for vm, v := range o.stage.VMs {
			if v.Spec.Hostname == backend {
				return "vm/" + vm, s.ClusterIP
			}
		}
	}
	return name, s.ClusterIP
}

// endOf finds an end and reads what its ways out are.
func (o *observer) endOf(ctx context.Context, name string) end {
	kind, of, _ := strings.Cut(name, "/")
	switch kind {
	case "vm", "launcher":
		e := end{vm: of, look: o.lookAt(ctx, o.launchers[of], kind == "vm")}
		o.mu.Lock()
		v := o.stage.VMs[of]
		o.mu.Unlock()
		e.addresses = addressesOf(v.Pod.Value)
		for _, l := range v.Guest.Links.Value {
			e.inner = append(e.inner, addressesIn(l)...)
		}
		if kind == "launcher" {
			e.ports = e.behind(nil, "eth0")
		}
		return e
	case "pod":
		e := end{pod: of, look: o.lookAt(ctx, o.fixtures[of], false)}
		o.mu.Lock()
		pod := o.stage.Pods[of].Value
		o.mu.Unlock()
		if e.addresses = addressesOf(pod); len(e.addresses) == 0 {
			e.addresses = compact([]string{o.running.Address(of)})
		}
		e.ports = e.behind(nil, ownLink(pod))
		return e
	case "peer":
		h, err := o.hostAt(name)
		return end{host: h, look: look{err: err}}
	}
	return end{} // a name server, the node itself: nobody looks there
}

// primaryLink is a pod's link on its primary user-defined network (OVN-Kubernetes, go-controller/pkg/types).
const primaryLink = "ovn-udn1"

// ownLink is the link that a pod without a VM sends by.
func ownLink(p model.Pod) string {
	for key, a := range p.Allotted {
		if a.Role == primary && key != "default" {
			return primaryLink
		}
	}
	return "eth0"
}

func addressesOf(p model.Pod) []string {
	all := slices.Clone(p.IPs)
	for _, a := range p.Allotted {
		for _, cidr := range a.CIDRs {
			ip, _, _ := strings.Cut(cidr, "/")
			all = append(all, ip)
		}
	}
	slices.Sort(all)
	return compact(all)
}

func addressesIn(l model.Link) []string {
	var all []string
	for _, a := range l.Addresses {
		if p, err := netip.ParsePrefix(a.CIDR); err == nil && l.Name != "lo" && p.Addr().Is4() {
			all = append(all, p.Addr().String())
		}
	}
	return all
}

// choose finds the link that the path leads by: at the near end the one that was told, or that the guest's routes or the
// pod's addresses lead to; at the far end the one that has the address that was dialled.
func (o *observer) choose(near, far *end, dialled, by string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if near.vm != "" && near.ports.pod == "" {
		o.on(near, cmp.Or(by, toward(o.stage.VMs[near.vm], dialled)))
	}
	o.inPod(near, dialled, by)
	o.inPod(far, dialled, "")
	if far.vm != "" && far.ports.pod == "" {
		v := o.stage.VMs[far.vm]
		nic := ""
		for _, l := range v.Guest.Links.Value {
			if slices.Contains(addressesIn(l), dialled) {
				nic = l.Name
			}
		}
		o.on(far, nic)
		if nic == "" {
			o.byNetwork(far, v, dialled)
		}
	}
}

// inPod chooses a pod's link: the one told, or another than its own that has the address or its subnet. Its network is the
// one that the control plane gave its MAC on.
func (o *observer) inPod(e *end, dialled, link string) {
	for _, l := range e.links {
		for _, a := range l.Addresses {
			if _, near := within(a.CIDR, dialled); near && link == "" && e.pod != "" {
				link = l.Name
			}
		}
	}
	if e.pod == "" || link == "" || link == e.ports.pod {
		return
	}
	e.ports = e.behind(nil, link)
	for key, a := range o.stage.Pods[e.pod].Value.Allotted {
		if strings.EqualFold(a.MAC, e.link(link).MAC) {
			e.network = o.networkOf(key)
		}
	}
}

// networkOf is what a network is made as, by its name in a spec or annotation; the zero value for one that nobody knows.
func (o *observer) networkOf(name string) model.NetworkSpec {
	for key, r := range o.stage.Networks {
		if !sameNetwork(name, key) && !sameNetwork(name, r.Value.Name) {
			continue
		}
		if r.Value.Made.PhysicalNetwork != "" {
			return r.Value.Made
		}
		return r.Value.Asked
	}
	return model.NetworkSpec{}
}

// toward is the guest's link that its routes send an address out by.
func toward(v model.VMView, address string) string {
	best, longest := model.Route{}, -1
	for _, r := range v.Guest.Routes.Value {
		bits, ok := within(r.Dst, address)
		if ok && r.Family == "inet" && r.Table == "main" && (bits > longest || bits == longest && r.Metric < best.Metric) {
			best, longest = r, bits
		}
	}
	return best.Dev
}

// on chooses a NIC by the guest's link, or the first one.
func (o *observer) on(e *end, link string) {
	v := o.stage.VMs[e.vm]
	var nic *model.NIC
	for _, l := range v.Guest.Links.Value {
		if l.Name == link {
			nic = e.nicWith(l.MAC)
		}
	}
	e.guestLink = link
	if nic == nil && len(e.nics) > 0 {
		nic = &e.nics[0]
	}
	if e.guestLink == "" && nic != nil {
		for _, l := range v.Guest.Links.Value {
			if strings.EqualFold(l.MAC, nic.MAC) {
				e.guestLink = l.Name
			}
		}
	}
	o.by(e, nic)
}

// byNetwork chooses it by the network that the control plane allotted the address on.
func (o *observer) byNetwork(e *end, v model.VMView, address string) {
	for key, a := range v.Pod.Value.Allotted {
		if !slices.ContainsFunc(a.CIDRs, func(c string) bool { return strings.HasPrefix(c, address+"/") }) {
			continue
		}
		for _, i := range v.Spec.Interfaces {
			if nic := e.nicFor(i.Name); nic != nil && (i.Network == "" && a.Role == primary || sameNetwork(i.Network, key)) {
				o.by(e, nic)
				return
			}
		}
	}
}

func (o *observer) by(e *end, nic *model.NIC) {
	e.ports = e.behind(nic, "eth0")
	if nic == nil {
		return
	}
	for _, i := range o.stage.VMs[e.vm].Spec.Interfaces {
		if i.Name == interfaceOf(*nic) && i.Network != "" {
			e.network = o.networkOf(i.Network)
		}
	}
}

// sameNetwork compares a network's name in a spec with another, each with or without its namespace or group.
func sameNetwork(a, b string) bool {
	base := func(s string) string { return s[strings.LastIndex(s, "/")+1:] }
	return base(a) != "" && base(a) == base(b)
}
