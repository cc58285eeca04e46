package fault

import (
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

var primarySeen = seenBy{
	"PU-01/unlabelled": func(o *model.Observation) {
		s := at(o, model.Steady)
		n := s.Networks["layer3/layer3-udn"]
		n.Value.Created, n.Value.Reason = "False", "SyncError"
		s.Networks["layer3/layer3-udn"] = n
	},
	"PU-02/extra-link": ofVMView("vm-p", func(v *model.VMView) {
		v.Launcher.Links.Value = append(v.Launcher.Links.Value, model.Link{Name: "vmnet-extra"})
	}),
	"PU-03/default-route": ofVMView("vm-p", func(v *model.VMView) {
		v.Launcher.Routes.Value = append(v.Launcher.Routes.Value, model.Route{Family: "inet", Table: "main", Dst: "default", Via: "10.244.0.1", Dev: "eth0"})
	}),
	"PU-04/bridge-address": ofLink("vm-p", launcherLinksOf, "k6t-ovn-udn1", address("192.0.2.77/32")),
	"PU-05/up": ofLink("vm-p", launcherLinksOf, "ovn-udn1", func(l *model.Link) {
		if l.Kind == "dummy" {
			up(l)
		}
	}),
	"PU-05/mac": ofLink("vm-p", launcherLinksOf, "ovn-udn1", func(l *model.Link) {
		if l.Kind == "dummy" {
			l.MAC = "02:00:00:00:00:77"
		}
	}),
	"PU-23/lease": ofVMView("vm-p", func(v *model.VMView) {
		l := v.Guest.Leases.Value["eth0"]
		l.Seconds = 3400
		v.Guest.Leases.Value["eth0"] = l
	}),
	"PU-23/options": func(o *model.Observation) {
		for _, r := range at(o, model.Steady).Hosts["n1"].DHCP.Value {
			if strings.HasSuffix(r.Owner, "/vm-p") {
				r.Options["lease_time"] = "3400"
			}
		}
	},
	"PU-07/second-address": ofLink("vm-p", guestLinksOf, "eth0", address("192.0.2.78/32")),
	"PU-08/static-default": ofVMView("vm-p", func(v *model.VMView) {
		for i, r := range v.Guest.Routes.Value {
			if r.Dst == "default" && r.Family == "inet" {
				v.Guest.Routes.Value[i].Proto = "static"
			}
		}
	}),
	"PU-09/stray-route": ofVMView("vm-p", route(model.Route{Dst: "192.0.2.128/25", Via: "10.1.1.1", Dev: "eth0"})),
	"PU-10/tap-mtu": func(o *model.Observation) {
		for _, link := range []string{"tap0", "k6t-ovn-udn1"} { // the bridge follows
			ofLink("vm-p", launcherLinksOf, link, func(l *model.Link) { l.MTU -= 2 })(o)
		}
	},
	"PU-11/pair-denied": func(o *model.Observation) {
		ofPath(o, "vm-p>vm-q", false)
		ofPath(o, "vm-p>vm-q#df-mtu", false)
	},
	"PU-12/other-external": func(o *model.Observation) {
		translated(o, "vmnet-pu_primary-udn", "10.1.1.0/24", "169.254.0.19", "192.168.77.11")
		ofPath(o, "vm-p>peer/outside", false)
	},
	"PU-14/untranslated": func(o *model.Observation) {
		f := at(o, model.Steady).Frames["vm-p>peer/outside"]
		for i := range f.Value {
			if f.Value[i].Src == "192.168.77.11" {
				f.Value[i].Src = "169.254.0.19"
			}
		}
		ofPath(o, "vm-p>peer/outside", false)
	},
	"PU-15/acls":        func(o *model.Observation) { ofPath(o, "pod/client-default>launcher/vm-p", true) },
	"PU-15/host":        func(o *model.Observation) { ofPath(o, "node>launcher/vm-p", true) },
	"PU-16/router-port": func(o *model.Observation) { arrived(o, "vm-p>vm/vm-o", "10.1.1.3") },
	"PU-17/no-resolver": func(o *model.Observation) { ofPath(o, "vm-p>dns/echo", false) },
	"PU-18/joined":      func(o *model.Observation) { arrived(o, "pod/twin-a>vm-unshared", "10.1.1.3") },
	"MS-03/shared": func(o *model.Observation) {
		translated(o, "vmnet-pu-other_other-udn", "10.7.7.0/24", "169.254.0.21", "169.254.0.19")
	},
	"PU-19/no-claim": func(o *model.Observation) {
		spareOf(o, "vm-q", model.Steady, model.Restarted)
		nextAddress(o, model.Restarted, "vm-spare", "vmnet-pu/primary-udn", "10.1.1.99/24")
	},
	"PU-20/no-claim": func(o *model.Observation) {
		spareOf(o, "vm-r", model.Steady, model.Migrated)
		nextAddress(o, model.Migrated, "vm-spare", "vmnet-pu/primary-udn", "10.1.1.99/24")
	},
	"PU-24/wrong-gateway": func(o *model.Observation) {
		s := at(o, model.Migrated)
		for i, n := range s.VMs["vm-p"].Guest.Neighbours.Value {
			if n.IP == "10.1.1.1" {
				s.VMs["vm-p"].Guest.Neighbours.Value[i].MAC = "02:00:00:00:00:77"
			}
		}
		p := s.Paths["vm-p>peer/outside"]
		p.Value.Passed = false
		p.Value.Hops = []model.Hop{{Name: "guest NIC", Seen: model.Read[bool]{At: p.At}}}
		s.Paths["vm-p>peer/outside"] = p
	},
	"PU-22/unprotected": func(o *model.Observation) {
		r := &at(o, model.Deleted).Removal.Value
		r.There, r.Deleting, r.Finalizers = false, false, nil
	},
}

var secondarySeen = seenBy{
	"SU-01/extra-link": ofVMView("vm-ps", func(v *model.VMView) {
		v.Launcher.Links.Value = append(v.Launcher.Links.Value, model.Link{Name: "vmnet-extra"})
	}),
	"SU-02/moved-address": ofLink("vm-ps", launcherLinksOf, "k6t-2eae", func(l *model.Link) {
		l.Addresses = []model.Address{{Family: "inet", CIDR: "169.254.75.77/32"}}
	}),
	"SU-03/up":             ofLink("vm-ps", launcherLinksOf, "pod2eae", up),
	"SU-04/mac":            ofLink("vm-ps", launcherLinksOf, "pod2eae", func(l *model.Link) { l.MAC = "02:00:00:00:00:77" }),
	"SU-05/second-address": ofLink("vm-ps", guestLinksOf, "eth1", address("192.0.2.78/32")),
	"SU-06/second-default": ofVMView("vm-ps", route(model.Route{Dst: "default", Via: "10.2.2.254", Dev: "eth1", Metric: 900})),
	"SU-07/lower-metric": ofVMView("vm-ps", func(v *model.VMView) {
		for i, r := range v.Guest.Routes.Value {
			if r.Dst == "10.2.2.0/24" && r.Table == "main" {
				v.Guest.Routes.Value[i].Metric = 50
			}
		}
	}),
	"SU-08/pair-denied": func(o *model.Observation) { ofPath(o, "vm-ps>vm-pt#secondary", false) },
	"SU-09/router-port": func(o *model.Observation) {
		arrived(o, "vm-ps>peer/outside#secondary", "10.2.2.1")
		arrived(o, "vm-po>vm-ps#secondary", "10.1.1.5")
	},
	"SU-11/other-external": func(o *model.Observation) {
		translated(o, "vmnet-su_primary-udn", "10.1.1.0/24", "169.254.0.19", "192.168.77.11")
		ofPath(o, "vm-ps>peer/outside", false)
	},
	"SU-13/second-address": ofLink("vm-ps", guestLinksOf, "eth0", address("192.0.2.78/32")),
	"SU-14/nic-mtu":        ofLink("vm-ps", guestLinksOf, "eth1", func(l *model.Link) { l.MTU -= 2 }),
	"SU-12/no-claim": func(o *model.Observation) {
		nextAddress(o, model.Restarted, "vm-pt", "vmnet-su/secondary-udn", "10.2.2.99/24")
	},
}
