package judge

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// primaryNetwork is the scenarios' main network, as in Stage.Networks.
const primaryNetwork = "primary-udn"

// spareVM is there where faults are injected; its launcher is judged like others, its guest is not.
const spareVM = "vm-spare"

// each judges one VM of the steady stage after another.
func each(vms []string, judges ...func(subject)) func(*Notebook, model.Observation) {
	return func(n *Notebook, o model.Observation) {
		for _, s := range members(n, o, model.Steady, vms) {
			for _, judge := range judges {
				judge(s)
			}
		}
	}
}

// both makes a claim of two.
func both(first, second func(*Notebook, model.Observation)) func(*Notebook, model.Observation) {
	return func(n *Notebook, o model.Observation) {
		first(n, o)
		second(n, o)
	}
}

// members gives VMs of a stage by name, in this order. One that the stage has not is noted, but for a spare.
func members(n *Notebook, o model.Observation, name string, vms []string) []subject {
	stage, _ := o.Stage(name)
	var found []subject
	for _, vm := range vms {
		if v, ok := stage.VMs[vm]; ok {
			found = append(found, subject{VMView: v, name: vm, facts: o.Facts, stage: stage, n: n})
		} else if vm != spareVM {
			n.Cannot(vm, "nobody looked at this VM in stage "+name)
		}
	}
	return found
}

// nic is a VM's interface on a user-defined network.
type nic struct {
	subject
	spec model.InterfaceSpec
	// index is its place among the spec's interfaces.
	index int
	// key is its network's in Stage.Networks.
	key string
}

// nic gives the interface at that place in the VM's spec.
func (s subject) nic(index int) (nic, bool) {
	if index >= len(s.Spec.Interfaces) {
		s.n.Cannot(s.what("spec.interfaces"), fmt.Sprintf("it has %d interfaces, none in place %d", len(s.Spec.Interfaces), index))
		return nic{}, false
	}
	i := s.Spec.Interfaces[index]
	if (i.Network == "") != (index == 0) {
		s.n.Cannot(s.what("spec.interfaces"), fmt.Sprintf("%s, in place %d, is on %s", i.Name, index, cmp.Or(i.Network, "the pod network")))
		return nic{}, false
	}
	name := i.Network[strings.LastIndex(i.Network, "/")+1:]
	return nic{subject: s, spec: i, index: index, key: cmp.Or(name, primaryNetwork)}, true
}

// kubeVirt is why an interface's links are called as they are.
func (i nic) kubeVirt() string { return "KubeVirt, for " + i.spec.Name + " by " + i.spec.Binding }

// primary is the interface on the primary network.
func (s subject) primary() (nic, bool) { return s.nic(0) }

// secondary is the interface on the secondary network.
func (s subject) secondary() (nic, bool) { return s.nic(1) }

// network is the interface's network.
func (i nic) network() (model.Network, bool) {
	w, _, ok := Need(i.n, "network "+i.key, i.stage.Networks[i.key])
	return w, ok
}

// subnet is that with its subnet.
func (i nic) subnet() (model.Network, netip.Prefix, bool) {
	w, ok := i.network()
	if !ok {
		return w, netip.Prefix{}, false
	}
	subnet, err := subnetOf(w)
	if err != nil {
		i.n.Cannot("network "+i.key, err.Error())
	}
	return w, subnet, err == nil
}

// allotted is the address, with prefix, that OVN-Kubernetes gave to the interface.
func (i nic) allotted() (netip.Prefix, bool) {
	pod, _, ok := Need(i.n, i.what("pod"), i.Pod)
	if !ok {
		return netip.Prefix{}, false
	}
	name := i.Spec.Namespace + "/" + i.key
	address, err := allottedPrefix(pod, name)
	if err != nil {
		i.n.Cannot(i.what("address on "+i.key+" of namespace "+text(i.Spec.Namespace)), err.Error())
	}
	return address, err == nil
}

// mac is what the interface must have, and why.
func (i nic) mac() (mac, why string, ok bool) {
	if i.spec.MAC != "" {
		return i.spec.MAC, "the spec's macAddress", true
	}
	address, ok := i.allotted()
	if !ok {
		return "", "", false
	}
	return podMAC(address.Addr()), "0a:58 and " + address.Addr().String() + ", the spec has no macAddress", true
}

// inGuest is the interface in the guest: beside lo the one at its place, or where there are more or fewer than the spec
// has, the one with its MAC.
func (i nic) inGuest() (model.Link, Source, bool) {
	links, from, ok := Need(i.n, i.what("guest's links"), i.Guest.Links)
	if !ok {
		return model.Link{}, from, false
	}
	nics := besideLo(links)
	if len(nics) == len(i.Spec.Interfaces) {
		return nics[i.index], from, true
	}
	mac, why, ok := i.mac()
	if !ok {
		return model.Link{}, from, false
	}
	if at := slices.IndexFunc(nics, func(l model.Link) bool { return l.MAC == mac }); at >= 0 {
		return nics[at], from, true
	}
	i.n.Check(i.what("guest's NICs"), from, fmt.Sprintf("%d, or one with MAC %s", len(i.Spec.Interfaces), mac), why, list(linkNames(nics)), false)
	return model.Link{}, from, false
}

// member gives another VM of the stage's main namespace; that it is not there is noted.
func (s subject) member(name string) (subject, bool) {
	v, ok := s.stage.VMs[name]
	if !ok {
		s.n.Cannot(name, "nobody looked at this VM in stage "+s.stage.Name)
	}
	return subject{VMView: v, name: name, facts: s.facts, stage: s.stage, n: s.n}, ok
}

// address is the VM's on the network of its interface at that place, without prefix.
func (s subject) address(index int) (netip.Addr, bool) {
	i, ok := s.nic(index)
	if !ok {
		return netip.Addr{}, false
	}
	p, ok := i.allotted()
	return p.Addr(), ok
}

// ownAddress is the VM's on its primary network, whichever that is.
func (s subject) ownAddress() (netip.Addr, bool) {
	pod, _, ok := Need(s.n, s.what("pod"), s.Pod)
	if !ok {
		return netip.Addr{}, false
	}
	return s.primaryOf(s.name, pod)
}

// podAddress is that of a pod that runs no VM.
func (s subject) podAddress(name string) (netip.Addr, bool) {
	pod, _, ok := Need(s.n, "pod "+name, s.stage.Pods[name])
	if !ok {
		return netip.Addr{}, false
	}
	return s.primaryOf("pod "+name, pod)
}

// primaryOf is a pod's address on the network that has the role primary for it.
func (s subject) primaryOf(what string, pod model.Pod) (netip.Addr, bool) {
	for _, network := range slices.Sorted(maps.Keys(pod.Allotted)) {
		if pod.Allotted[network].Role != rolePrimary {
			continue
		}
		p, err := allottedPrefix(pod, network)
		if err != nil {
			s.n.Cannot(what, err.Error())
		}
		return p.Addr(), err == nil
	}
	s.n.Cannot(what, "no network of the pod-networks annotation has the role "+rolePrimary)
	return netip.Addr{}, false
}
