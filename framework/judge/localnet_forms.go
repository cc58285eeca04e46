package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// alike is LN-12: what one VM of each form is seen to be, with what is each one's own put into words. The MTU of the VLAN's
// links is such a word where it is what the form gives by default.
func alike(n *Notebook, o model.Observation) {
	for at := range forms[0].vms {
		first := members(n, o, model.Steady, forms[0].vms[at:at+1])
		second := members(n, o, model.Steady, forms[1].vms[at:at+1])
		if len(first) == 0 || len(second) == 0 {
			continue
		}
		a, b := first[0], second[0]
		wordsA, okA := forms[0].words(a)
		wordsB, okB := forms[1].words(b)
		if !okA || !okB {
			continue
		}
		for _, look := range looks {
			want, _, ok := look.at(a, wordsA)
			if !ok {
				continue
			}
			if got, from, ok := look.at(b, wordsB); ok {
				n.Set(b.what(look.thing)+" as "+a.name+"'s", from, want, "form "+forms[0].name+"; leases of MAC "+a.vlanMAC()+" and "+b.vlanMAC(), got)
			}
		}
	}
}

// ownWords are what is each VM's own: addresses, and the MTU of the links on the VLAN.
type ownWords struct {
	addresses *strings.Replacer
	mtu       int
}

func (f form) words(s subject) (ownWords, bool) {
	leased, ok := f.leased(s)
	if !ok {
		return ownWords{}, false
	}
	pod, ok := s.podIP()
	if !ok {
		return ownWords{}, false
	}
	return ownWords{strings.NewReplacer(leased.Addr().String(), "LEASED", pod.String(), "POD IP"), f.mtu(s.facts)}, true
}

// looks are the views of a VM that must not differ.
var looks = []struct {
	thing string
	at    func(subject, ownWords) ([]string, Source, bool)
}{
	{"launcher's links", func(s subject, w ownWords) ([]string, Source, bool) {
		links, from, ok := Need(s.n, s.what("launcher's links"), s.Launcher.Links)
		return w.links(links, onVLANByName), from, ok
	}},
	{"hypervisor's NICs", func(s subject, _ ownWords) (all []string, from Source, ok bool) {
		nics, from, ok := Need(s.n, s.what("hypervisor's NICs"), s.Launcher.NICs)
		for _, d := range nics {
			all = append(all, d.Device+" on "+text(d.Tap))
		}
		return all, from, ok
	}},
	{"guest's links", func(s subject, w ownWords) ([]string, Source, bool) {
		links, from, ok := Need(s.n, s.what("guest's links"), s.Guest.Links)
		nics := besideLo(links)
		return w.links(links, func(l model.Link) bool { return len(nics) > vlanNIC && l.Name == nics[vlanNIC].Name }), from, ok
	}},
	{"guest's routes", func(s subject, w ownWords) (all []string, from Source, ok bool) {
		routes, from, ok := Need(s.n, s.what("guest's routes"), s.Guest.Routes)
		for _, r := range mainIPv4(routes) {
			all = append(all, w.addresses.Replace(routeText(r)))
		}
		return all, from, ok
	}},
}

func onVLANByName(l model.Link) bool {
	veth, bridge, tap, dummy := udnNames(model.InterfaceSpec{Name: vlanSpec, Network: vlanSpec})
	return slices.Contains([]string{veth, bridge, tap, dummy}, l.Name)
}

func (w ownWords) links(links []model.Link, onVLAN func(model.Link) bool) []string {
	var all []string
	for _, l := range links {
		mtu := fmt.Sprint(l.MTU)
		if onVLAN(l) && l.MTU == w.mtu {
			mtu = "of the form"
		}
		all = append(all, fmt.Sprintf("%s %s %s %s, MTU %s, addresses %s", l.Name, l.Kind, state(l), l.Master, mtu, w.addresses.Replace(list(ipv4(l)))))
	}
	return all
}

func alikeReads() []string {
	reads := top.of("facts.mtu")
	for _, f := range forms {
		reads = append(reads, f.leases()...)
		reads = append(reads, f.each(func(p prefix) []string {
			links := []string{"name", "kind", "flags[UP]", "state", "master", "mtu", "addresses[inet *].cidr", "addresses[inet *].family", "addresses[+inet *]"}
			return slices.Concat(p.of("pod.allotted[default].cidrs[*]", "launcher.links[+*]", "guest.links[+*]", "launcher.nics[*].device", "launcher.nics[*].tap",
				"launcher.nics[+*]", "guest.routes[inet main *].{route}", "guest.routes[+inet main *]"),
				(p + "launcher.links[*].").of(links...), (p + "guest.links[*].").of(links...))
		})...)
	}
	return reads
}

// sameLease is LN-14.
func (f form) sameLease(n *Notebook, o model.Observation) {
	for _, v := range survivors(n, o, model.Restarted, f.vms[1:], vlanNIC) {
		want, ok := f.leased(v.before.subject)
		if !ok {
			continue
		}
		// network and host are as before
		now := v.after.subject
		now.stage = v.before.stage
		now.stage.Physical.Leases = v.after.stage.Physical.Leases
		got, ok := f.leased(now)
		if !ok {
			continue
		}
		leases := v.after.stage.Physical.Leases
		n.Equal(v.what+": lease of the DHCP server for MAC "+v.after.spec.MAC, Source{Place: leases.Place, Command: leases.Command}, want, "as before", got)
		if l, from, ok := v.after.inGuest(); ok {
			n.Set(v.what+": guest's IPv4 addresses on "+text(l.Name), from, []string{want.String()}, "as before", ipv4(l))
		}
	}
}
