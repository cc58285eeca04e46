package judge

// lockedLink is PU-03.
func (s subject) lockedLink() {
	s.podLink()
	s.defaultRole(roleLocked, "a primary user-defined network takes its place")
	routes, from, ok := Need(s.n, s.what("launcher's routes"), s.Launcher.Routes)
	if !ok {
		return
	}
	var through []string
	for _, r := range mainIPv4(routes) {
		if r.Dst == "default" && r.Dev == clusterInterface {
			through = append(through, routeText(r))
		}
	}
	s.n.Set(s.what("launcher's default routes through eth0"), from, nil, "the cluster network is for the kubelet alone", through)
}

// primaryBridge is PU-04.
func (s subject) primaryBridge() {
	if i, ok := s.primary(); ok {
		i.enslaved()
		i.bridge(nil, "KubeVirt gives a managed tap's bridge none")
	}
}

// secondaryBridge is SU-02.
func (s subject) secondaryBridge() {
	if i, ok := s.secondary(); ok {
		i.bridge([]string{serverAddress(i.index) + "/32"}, "by the interface's place in the spec")
	}
}

// enslaved: the pod's veth and the tap are UP and ports of the bridge.
func (i nic) enslaved() {
	veth, bridge, tap, _ := udnNames(i.spec)
	for _, name := range []string{veth, tap} {
		if l, from, ok := i.launcherLink(name); ok {
			i.n.Equal(i.what(name+" state"), from, "UP", i.kubeVirt(), state(l))
			i.n.Equal(i.what(name+" master"), from, bridge, i.kubeVirt(), l.Master)
		}
	}
}

func (i nic) bridge(addresses []string, why string) {
	_, name, _, _ := udnNames(i.spec)
	if l, from, ok := i.launcherLink(name); ok {
		i.n.Equal(i.what(name+" kind"), from, "bridge", i.kubeVirt(), l.Kind)
		i.n.Equal(i.what(name+" state"), from, "UP", i.kubeVirt(), state(l))
		i.n.Set(i.what(name+" addresses"), from, addresses, why, ipv4(l))
	}
}

// primaryDummy is PU-05.
func (s subject) primaryDummy() {
	if i, ok := s.primary(); ok {
		i.dummy()
		i.dummyMAC()
	}
}

// secondaryDummy is SU-03.
func (s subject) secondaryDummy() {
	if i, ok := s.secondary(); ok {
		i.dummy()
		i.enslaved()
	}
}

// dummy: what keeps the pod interface's name and address is no way for traffic.
func (i nic) dummy() {
	if address, ok := i.allotted(); ok {
		i.idle([]string{address.String()}, "the pod-networks annotation")
	}
}

func (i nic) idle(addresses []string, why string) {
	_, _, _, name := udnNames(i.spec)
	l, from, ok := i.launcherLink(name)
	if !ok {
		return
	}
	i.n.Equal(i.what(name+" kind"), from, "dummy", i.kubeVirt(), l.Kind)
	i.n.Equal(i.what(name+" state"), from, "DOWN", i.kubeVirt(), state(l))
	i.n.Has(i.what(name+" flags"), from, "NOARP", i.kubeVirt(), l.Flags)
	i.n.Set(i.what(name+" addresses"), from, addresses, why, ipv4(l))
}

func (i nic) dummyMAC() {
	_, _, _, name := udnNames(i.spec)
	mac, why, ok := i.mac()
	if !ok {
		return
	}
	if l, from, ok := i.launcherLink(name); ok {
		i.n.Equal(i.what(name+" MAC"), from, mac, why+"; "+i.kubeVirt(), l.MAC)
	}
}

// primaryMAC is PU-06.
func (s subject) primaryMAC() {
	if i, ok := s.primary(); ok {
		i.guestMAC()
		i.dummyMAC()
	}
}

// secondaryMAC is SU-04.
func (s subject) secondaryMAC() {
	if i, ok := s.secondary(); ok {
		i.guestMAC()
		i.dummyMAC()
	}
}

// guestMAC compares the guest's NIC with what it must have.
func (i nic) guestMAC() {
	mac, why, ok := i.mac()
	if !ok {
		return
	}
	if l, from, ok := i.inGuest(); ok {
		i.n.Equal(i.what("guest NIC "+l.Name+" MAC"), from, mac, why, l.MAC)
	}
}

// primaryMTU is in PU-10, secondaryMTU is SU-14.
func (s subject) primaryMTU() {
	if i, ok := s.primary(); ok {
		i.oneMTU()
	}
}

func (s subject) secondaryMTU() {
	if i, ok := s.secondary(); ok {
		i.oneMTU()
	}
}

func (i nic) oneMTU() {
	w, ok := i.network()
	if !ok {
		return
	}
	mtu, why := networkMTU(w, i.facts), "MTU of network "+i.key+", or else of the cluster network"
	veth, bridge, tap, _ := udnNames(i.spec)
	i.mtus(mtu, why, veth, bridge, tap)
}

// mtus are those of links of the launcher and of the guest's NIC.
func (i nic) mtus(mtu int, why string, links ...string) {
	for _, name := range links {
		if l, from, ok := i.launcherLink(name); ok {
			i.n.Equal(i.what(name+" MTU"), from, mtu, why, l.MTU)
		}
	}
	if l, from, ok := i.inGuest(); ok {
		i.n.Equal(i.what("guest NIC "+l.Name+" MTU"), from, mtu, why, l.MTU)
	}
}
