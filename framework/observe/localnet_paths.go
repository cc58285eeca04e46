package observe

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

// vlanPairs are the VMs that ping each other on the VLAN: across nodes, and on one across the two forms of the network.
var vlanPairs = map[string][]string{"vm-l": {"vm-m", "vm-c"}, "vm-m": {"vm-l"}, "vm-c": {"vm-l", "vm-d"}, "vm-d": {"vm-c"}}

func vlanPath(vm, host string) string { return vm + ">peer/" + host }
func arpPath(vm, host string) string  { return vlanPath(vm, host) + "#arp" }

// vlanInterface is a VM's interface on a VLAN, with the VLAN's 802.1Q ID as its network asks for it; 0 for none.
func (o *observer) vlanInterface(s model.VMSpec) (model.InterfaceSpec, int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, i := range s.Interfaces {
		for key, n := range o.stage.Networks {
			if w := n.Value; w.Asked.VLAN != 0 && (sameNetwork(i.Network, key) || sameNetwork(i.Network, w.Name)) {
				return i, w.Asked.VLAN
			}
		}
	}
	return model.InterfaceSpec{}, 0
}

// vlanProbes are a guest's attempts: at the hosts on VLANs and at other VMs out of its NIC on the VLAN, and at the peer
// outside as its routes lead.
func (o *observer) vlanProbes(s model.VMSpec, p *peer) []probe {
	i, vlan := o.vlanInterface(s)
	nic, err := o.guestNIC(s.Name, i)
	var probes []probe
	if physical, ok := o.bed.Physical(); ok {
		probes = o.hostProbes(s.Name, nic, vlan, physical.Peers)
	}
	for _, other := range vlanPairs[s.Name] {
		address := o.leasedTo(other)
		one := pingProbe(s.Name+">"+other+"#vlan", "vm/"+s.Name, "vm/"+other, address, "$PING -I "+nic, 0)
		one.ask.show = strings.Replace(one.ask.show, "ping ", "ping -I "+nic+" ", 1)
		one.impossible, one.by = unknown(other+" on the VLAN", address), nic
		probes = append(probes, one)
	}
	for at := range probes {
		probes[at].impossible = errors.Join(err, probes[at].impossible)
	}
	if egress, ok := o.egress(s.Name, p); ok {
		probes = append(probes, egress)
	}
	return probes
}

// hostProbes are those at the hosts on VLANs. The question for another VLAN's host is what must not be heard there; the same
// one on the VM's own VLAN, where it is, is its control, whose way is the other attempt's.
func (o *observer) hostProbes(vm, nic string, vlan int, hosts []bed.VLANPeer) []probe {
	var probes []probe
	for _, h := range hosts {
		to, end := "peer/"+h.Name, mustFail
		if h.VLAN == vlan {
			end = mayFail
			url := fmt.Sprintf("http://%s:%d/clientip", h.Address, defaultHTTPPort)
			one := o.fromPort(vlanPath(vm, h.Name), "vm/"+vm, to, url, 1, httpSeconds, clientSeen)
			out := func(command string) string { return strings.Replace(command, "curl ", "curl --interface "+nic+" ", 1) }
			one.ask.show, one.ask.script, one.by = out(one.ask.show), out(one.ask.script), nic
			probes = append(probes, one)
		}
		probes = append(probes, arpProbe(arpPath(vm, h.Name), "vm/"+vm, to, h.Address, nic).to(end))
	}
	return probes
}

// leasedTo is the address that the DHCP server wrote down for a VM's MAC; empty for none.
func (o *observer) leasedTo(vm string) string {
	o.mu.Lock()
	spec := o.stage.VMs[vm].Spec
	o.mu.Unlock()
	i, _ := o.vlanInterface(spec)
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, l := range o.stage.Physical.Leases.Value {
		if i.MAC != "" && strings.EqualFold(l.MAC, i.MAC) {
			return l.IP
		}
	}
	return ""
}

// arpTries are the questions for a MAC, one a second, and how long is waited in all.
const arpTries = 3

// arpProbe asks all on the link's VLAN for an address, as one does who has none yet: so no subnet and no route matters.
// Both iputils' and busybox' arping end at the first answer.
func arpProbe(name, from, to, address, nic string) probe {
	command := fmt.Sprintf("arping -D -I %s -c %d -w %d %s", nic, arpTries, arpTries, address)
	return probe{name: name, path: model.Path{From: from, To: to, Kind: "arp", Target: address},
		ask: ask{id: name, show: command}, by: nic, understand: asked}
}

var askedOnce = regexp.MustCompile(`(?m)^Sent [1-9]`)

// asked takes an answer for passed, whoever gave it. Without a question that was sent, nothing was tried. (Both arpings'
// exit codes say that an address is free.)
func asked(p *model.Path, a answer) error {
	p.Passed = strings.Contains(a.stdout, "reply from")
	lines := strings.Split(strings.TrimSpace(a.stdout), "\n")
	p.Detail = firstOf(a.stderr, lines[len(lines)-1])
	if p.Passed || askedOnce.MatchString(a.stdout) {
		return nil
	}
	return fmt.Errorf("arping: exit code %d: %s", a.code, p.Detail)
}
