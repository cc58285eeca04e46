package fault

import (
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// ofBoth makes a change at each of two VMs.
func ofBoth(change func(vm string) func(*model.Observation), vms ...string) func(*model.Observation) {
	return func(o *model.Observation) {
		for _, vm := range vms {
			change(vm)(o)
		}
	}
}

func linkOf(in func(*model.VMView) []model.Link, link string, change func(*model.Link)) func(string) func(*model.Observation) {
	return func(vm string) func(*model.Observation) { return ofLink(vm, in, link, change) }
}

func routesOf(change func(*model.Route)) func(string) func(*model.Observation) {
	return func(vm string) func(*model.Observation) {
		return ofVMView(vm, func(v *model.VMView) {
			for i := range v.Guest.Routes.Value {
				change(&v.Guest.Routes.Value[i])
			}
		})
	}
}

func routerOf(vm string) func(*model.Observation) {
	return ofVMView(vm, func(v *model.VMView) {
		l := v.Guest.Leases.Value["eth1"]
		l.Router = "192.0.2.1"
		v.Guest.Leases.Value["eth1"] = l
		v.Guest.Routes.Value = append(v.Guest.Routes.Value,
			model.Route{Family: "inet", Table: "main", Dst: "default", Via: "192.0.2.1", Dev: "eth1", Proto: "dhcp", Src: l.IP, Metric: 101})
	})
}

func frameOf(o *model.Observation, path string, change func(*model.Frame)) {
	f := at(o, model.Steady).Frames[path]
	for i := range f.Value {
		change(&f.Value[i])
	}
}

// lostTag has a VM's frames leave with another tag: nobody on its VLAN hears it.
func lostTag(vm, from string) func(*model.Observation) {
	return func(o *model.Observation) {
		frameOf(o, vm+">peer/vlan-1924", func(f *model.Frame) { f.VLANs = []int{4094} })
		for _, p := range []string{vm + ">peer/vlan-1924", vm + ">peer/vlan-1924#arp", vm + ">" + from + "#vlan", from + ">" + vm + "#vlan"} {
			ofPath(o, p, false)
		}
		at(o, model.Steady).Frames[vm+">peer/vlan-1924#arp"] = model.Read[[]model.Frame]{Place: "peer vlan-1924"}
	}
}

func seenAs(vm, address string) func(*model.Observation) {
	return func(o *model.Observation) {
		s := at(o, model.Steady)
		p := s.Paths[vm+">peer/vlan-1924"]
		p.Value.SourceSeen = address
		s.Paths[vm+">peer/vlan-1924"] = p
		frameOf(o, vm+">peer/vlan-1924", func(f *model.Frame) {
			if f.DstPort == 8080 {
				f.Src = address
			}
		})
	}
}

// heard has the other peer hear a VM ask for it.
// heard has a VM's broadcast on the other VLAN, too: its host hears it, and the trunk carries it.
func heard(o *model.Observation, vm string) {
	s := at(o, model.Steady)
	asked := model.Frame{Proto: "arp", SrcMAC: s.VMs[vm].Spec.Interfaces[1].MAC, DstMAC: "ff:ff:ff:ff:ff:ff"}
	add := func(path string, frame model.Frame) {
		f := s.Frames[path]
		f.Value = append(f.Value, frame)
		s.Frames[path] = f
	}
	add(vm+">peer/vlan-1925#arp", asked)
	asked.VLANs = []int{1925}
	add(vm+">peer/vlan-1924", asked)
}

func came(key string) func(*model.Observation) {
	return func(o *model.Observation) {
		s := at(o, model.Steady)
		r := s.Physical.Refusals[key]
		r.Value.Came, r.Value.Warnings = true, nil
		s.Physical.Refusals[key] = r
	}
}

// leasedAnother gives a VM another address when it comes again.
func leasedAnother(vm, ip string) func(*model.Observation) {
	return func(o *model.Observation) {
		s := at(o, model.Restarted)
		v := s.VMs[vm]
		for i, l := range s.Physical.Leases.Value {
			if l.MAC == v.Spec.Interfaces[1].MAC {
				s.Physical.Leases.Value[i].IP = ip
			}
		}
		for i, l := range v.Guest.Links.Value {
			if l.Name == "eth1" {
				v.Guest.Links.Value[i].Addresses = []model.Address{{Family: "inet", CIDR: ip + "/24"}}
			}
		}
	}
}

const dummyOfVLAN, bridgeOfVLAN, tapOfVLAN = "pod16711a0a730", "k6t-16711a0a730", "tap16711a0a730"

var otherMAC = func(l *model.Link) { l.MAC = "02:00:00:00:00:77" }

var localnetSeen = seenBy{
	"LN-11/router-option":  ofBoth(routerOf, "vm-m", "vm-d"),
	"LN-03/second-address": ofBoth(linkOf(guestLinksOf, "eth0", address("203.0.113.78/32")), "vm-m", "vm-d"),
	"LN-04/second-address": ofBoth(linkOf(guestLinksOf, "eth1", address("203.0.113.78/32")), "vm-l", "vm-c"),
	"LN-05/other-metric": ofBoth(routesOf(func(r *model.Route) {
		if r.Dst == "default" && r.Dev == "eth1" {
			r.Metric = 900
		}
	}), "vm-l", "vm-c"),
	"LN-15/stray-route": ofBoth(func(vm string) func(*model.Observation) {
		return ofVMView(vm, route(model.Route{Dst: "203.0.113.128/25", Via: "10.0.2.1", Dev: "eth0"}))
	}, "vm-l", "vm-c"),
	"LN-16/nic-mtu": ofBoth(linkOf(guestLinksOf, "eth1", func(l *model.Link) { l.MTU = 1280 }), "vm-m", "vm-d"),
	"LN-01/extra-link": ofBoth(func(vm string) func(*model.Observation) {
		return ofVMView(vm, func(v *model.VMView) {
			v.Launcher.Links.Value = append(v.Launcher.Links.Value, model.Link{Name: "vmnet-extra"})
		})
	}, "vm-l", "vm-c"),
	"LN-02/bridge-address": ofBoth(linkOf(launcherLinksOf, bridgeOfVLAN, address("203.0.113.77/32")), "vm-m", "vm-d"),
	"LN-02/nad/tap-without-bridge": func(o *model.Observation) {
		spareOf(o, "vm-l", model.Steady)
		ofVMView("vm-spare", func(v *model.VMView) { v.Launcher.Links.Value = slices.Clone(v.Launcher.Links.Value) })(o)
		ofLink("vm-spare", launcherLinksOf, tapOfVLAN, func(l *model.Link) { l.Master = "" })(o)
	},
	"LN-02/cudn/mac":        ofLink("vm-c", launcherLinksOf, dummyOfVLAN, otherMAC),
	"LN-03/nad/bridge-mac":  ofLink("vm-l", launcherLinksOf, "k6t-eth0", otherMAC),
	"LN-03/cudn/bridge-mac": ofLink("vm-c", launcherLinksOf, "k6t-eth0", otherMAC),
	"LN-12/dummy-mtu":       ofLink("vm-c", launcherLinksOf, dummyOfVLAN, func(l *model.Link) { l.MTU -= 2 }),
	"LN-06/nad/other-tag":   lostTag("vm-m", "vm-l"),
	"LN-06/cudn/other-tag":  lostTag("vm-d", "vm-c"),
	"LN-07/nad/translated":  seenAs("vm-l", "192.0.2.2"),
	"LN-07/cudn/translated": seenAs("vm-c", "192.0.2.3"),
	"LN-08/nad/overheard":   func(o *model.Observation) { heard(o, "vm-l") },
	"LN-08/cudn/joined": func(o *model.Observation) {
		heard(o, "vm-c")
		ofPath(o, "vm-c>peer/vlan-1925#arp", true)
	},
	"LN-09/not-masqueraded": func(o *model.Observation) {
		for path := range at(o, model.Steady).Paths {
			if strings.HasSuffix(path, ">peer/outside") && (strings.HasPrefix(path, "vm-l") || strings.HasPrefix(path, "vm-c")) {
				ofPath(o, path, false)
			}
		}
	},
	"LN-10/nad/pair-denied":  func(o *model.Observation) { ofPath(o, "vm-l>vm-m#vlan", false) },
	"LN-10/cudn/pair-denied": func(o *model.Observation) { ofPath(o, "vm-c>vm-d#vlan", false) },
	"LN-13/mapped":           came("unmapped"),
	"LN-18/corrected":        came("misnamed"),
	"LN-14/nad/forgotten":    leasedAnother("vm-m", "192.0.2.2"),
	"LN-14/cudn/forgotten":   leasedAnother("vm-d", "192.0.2.3"),
}
