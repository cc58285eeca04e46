package judge

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// kubeletAlone is PU-15.
func (s subject) kubeletAlone() {
	address, ok := s.podIP()
	if !ok {
		return
	}
	whose := s.name + "'s launcher on the cluster network"
	kubelet := by("kubelet>launcher/"+s.name, "launcher", address)
	for _, v := range []vain{
		{path: "pod/client-default>launcher/" + s.name, own: by("pod/client-default>pod/echo-default", "echo-default", netip.Addr{})},
		{path: "node>launcher/" + s.name},
	} {
		v.address, v.whose, v.beside = address, whose, kubelet
		s.refused(v)
	}
}

// otherNetworks is PU-16.
func (s subject) otherNetworks() {
	own := control{path: s.name + ">pod/echo"}
	if address, ok := s.podAddress("echo-default"); ok {
		s.refused(vain{path: s.name + ">pod/echo-default", address: address, whose: "pod echo-default's", own: own, captured: true,
			beside: by("pod/client-default>pod/echo-default", "echo-default", address)})
	}
	stranger, ok := s.member("vm-o")
	if !ok {
		return
	}
	if address, ok := stranger.ownAddress(); ok {
		s.refused(vain{path: s.name + ">vm/vm-o", address: address, whose: "vm-o's on its network", own: own, captured: true,
			beside: by("pod/client-other>vm/vm-o", stranger.Spec.Hostname, address)})
	}
}

// sameSubnet is PU-18; the VM is any of the main network.
func (s subject) sameSubnet() {
	w, _, ok := Need(s.n, "network "+primaryNetwork, s.stage.Networks[primaryNetwork])
	if !ok {
		return
	}
	const twinNetwork = "twin/" + primaryNetwork
	twin, from, ok := Need(s.n, "network "+twinNetwork, s.stage.Networks[twinNetwork])
	if !ok {
		return
	}
	s.n.Set("subnets of network "+twinNetwork, from, w.Asked.Subnets, "those of "+primaryNetwork, twin.Asked.Subnets)
	twins, ok := s.twins()
	if !ok {
		return
	}
	s.unshared(twins)
	s.shared(twins)
}

// twins are the pods on the other network, by address.
func (s subject) twins() (map[netip.Addr]string, bool) {
	found := map[netip.Addr]string{}
	for _, pod := range []string{"twin-a", "twin-b"} {
		address, ok := s.podAddress(pod)
		if !ok {
			return nil, false
		}
		found[address] = pod
	}
	return found, true
}

// unshared: an address of the main network that nobody has on the other one is not reached from there.
func (s subject) unshared(twins map[netip.Addr]string) {
	const path = "pod/twin-a>vm-unshared"
	p, _, ok := s.path(path)
	if !ok {
		return
	}
	name, ok := strings.CutPrefix(p.To, "vm/")
	if !ok || !slices.Contains(primaryVMs, name) {
		s.n.Cannot("path "+path, "it leads to "+text(p.To)+", none of "+list(primaryVMs))
		return
	}
	vm, ok := s.member(name)
	if !ok {
		return
	}
	address, ok := vm.address(0)
	if !ok {
		return
	}
	neighbour, ok := s.podAddress("twin-b")
	if !ok {
		return
	}
	if twin, taken := twins[address]; taken {
		s.n.Cannot("path "+path, name+"'s address "+address.String()+" is "+twin+"'s, too")
		return
	}
	s.refused(vain{path: path, address: address, whose: name + "'s", captured: true,
		own:    by("pod/twin-a>pod/twin-b", "twin-b", neighbour),
		beside: by("pod/client>vm-unshared", vm.Spec.Hostname, address)})
}

// shared: one address is one host on each of the networks.
func (s subject) shared(twins map[netip.Addr]string) {
	const main = "pod/client>shared"
	p, from, ok := s.path(main)
	if !ok {
		return
	}
	ip, err := sharedAddress(p)
	if err != nil {
		s.n.Cannot("path "+main, err.Error())
		return
	}
	twin, ok := twins[ip]
	if !ok {
		s.n.Cannot("path "+main, "none of the pods on the other network has "+ip.String())
		return
	}
	holder, ok := s.holder(p.To, ip)
	if !ok {
		return
	}
	passed(s.n, main, from, true, p)
	s.n.Equal(main+": answer at "+ip.String(), from, holder, "who has that address on "+primaryNetwork, p.Answer)
	path := "pod/twin-b>shared"
	if twin == "twin-b" {
		path = "pod/twin-a>shared"
	}
	if p, from, ok := s.path(path); ok {
		dialled(s.n, path, from, ip, twin+"'s", p)
		passed(s.n, path, from, true, p)
		s.n.Equal(path+": answer at "+ip.String(), from, twin, "who has that address on the other network", p.Answer)
	}
}

func sharedAddress(p model.Path) (netip.Addr, error) {
	host, _, err := endpoint(p.Target)
	if err != nil {
		return netip.Addr{}, err
	}
	return netip.ParseAddr(host)
}

// holder is the hostname of the end on the main network that a path names, if it has that address.
func (s subject) holder(to string, ip netip.Addr) (hostname string, ok bool) {
	var address netip.Addr
	kind, name, _ := strings.Cut(to, "/")
	switch kind {
	case "vm":
		vm, found := s.member(name)
		if !found {
			return "", false
		}
		address, ok = vm.address(0)
		hostname = vm.Spec.Hostname
	case "pod":
		address, ok = s.podAddress(name)
		hostname = name
	default:
		s.n.Cannot("path pod/client>shared", "it leads to "+text(to)+", neither a VM nor a pod")
	}
	if ok && address != ip {
		s.n.Cannot(to, "its address is "+address.String()+", not the shared "+ip.String())
		ok = false
	}
	return hostname, ok
}

// nothingOutside is SU-09.
func (s subject) nothingOutside() {
	own := control{path: s.name + ">peer/outside"}
	p, _, ok := s.path(own.path)
	if !ok {
		return
	}
	host, err := sharedAddress(p)
	if err != nil {
		s.n.Cannot("path "+own.path, err.Error())
		return
	}
	s.refused(vain{path: own.path + "#secondary", address: host, whose: "the peer's, as over the primary network", beside: own, captured: true})
}

// strangerKeptOut is SU-10.
func (s subject) strangerKeptOut() {
	address, ok := s.address(1)
	if !ok {
		return
	}
	s.refused(vain{path: "vm-po>" + s.name + "#secondary", address: address, whose: s.name + "'s on the secondary network", captured: true,
		own:    control{path: "vm-po>" + s.name},
		beside: by("vm-pt>"+s.name+"#secondary-http", s.Spec.Hostname, address)})
}
