package observe

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/transport"
)

const (
	// vainSeconds is an HTTP exchange that must be refused, vainTries how often it is tried.
	vainSeconds = 3
	vainTries   = 2
)

// isolation is what must not pass, with the attempts beside it that must, and where its frames are looked for.
type isolation struct {
	fromGuests map[string][]probe // by VM
	fromNodes  []onPlace
	captures   []capture
	listeners  map[string][]ask // by node
}

func (o *observer) isolation() isolation {
	i := isolation{fromGuests: map[string][]probe{}, listeners: map[string][]ask{}}
	if _, ok := o.stage.VMs["vm-p"]; ok {
		o.kubeletAlone(&i)
		o.otherNetworks(&i)
		o.sameSubnet(&i)
		o.layer3(&i)
	}
	if _, ok := o.stage.VMs["vm-ps"]; ok {
		o.secondaryAlone(&i)
	}
	return i
}

// hostnameFrom is an HTTP exchange that asks for the far end's name, from a pod.
func (o *observer) hostnameFrom(pod, name, to, address string, tries, seconds int) onPlace {
	url := fmt.Sprintf("http://%s:%d/hostname", address, defaultHTTPPort)
	one := o.fromPort(name, "pod/"+pod, to, url, tries, seconds, answered)
	one.impossible = unknown(to, address)
	return onPlace{probe: one, node: o.fixtures[pod].node, pod: pod}
}

// hostnameFromVM is the same from a guest, to be refused.
func (o *observer) hostnameFromVM(vm, name, to, address string) probe {
	url := fmt.Sprintf("http://%s:%d/hostname", address, defaultHTTPPort)
	one := o.fromPort(name, "vm/"+vm, to, url, vainTries, vainSeconds, answered)
	one.impossible = unknown(to, address)
	return one.to(mustFail)
}

// of are the frames of an attempt and of these hosts.
func (p probe) of(hosts ...string) captured {
	c := captured{path: p.name, port: p.path.ClientPort}
	for _, h := range hosts {
		if h != "" {
			c.hosts = append(c.hosts, h)
		}
	}
	return c
}

// otherNetworks: a VM reaches neither a pod of the default network nor a VM on another user-defined one, which both
// answer neighbours of their own. Whatever of the VM's addresses arrives there is looked for.
func (o *observer) otherNetworks(i *isolation) {
	own, infrastructure := o.vmAddress("vm-p", primary), o.vmAddress("vm-p", locked)
	for _, t := range []struct {
		to, address, neighbour string
		capture                capture
	}{
		{"pod/echo-default", o.podAddress("echo-default"), "client-default",
			capture{what: "pod echo-default", at: o.fixtures["echo-default"], link: "eth0"}},
		{"vm/vm-o", o.vmAddress("vm-o", primary), "client-other",
			capture{what: "launcher vm-o", at: o.launchers["vm-o"], link: firstTap}},
	} {
		vain := o.hostnameFromVM("vm-p", "vm-p>"+t.to, t.to, t.address)
		control := o.hostnameFrom(t.neighbour, "pod/"+t.neighbour+">"+t.to, t.to, t.address, 1, httpSeconds)
		i.fromGuests["vm-p"] = append(i.fromGuests["vm-p"], vain)
		i.fromNodes = append(i.fromNodes, control)
		t.capture.flows = []captured{vain.of(own, infrastructure), control.of()}
		i.captures = append(i.captures, t.capture)
	}
}

// sameSubnet: two networks of one subnet do not see each other. Attempts go to a member of the main one whose address
// the other has not, from there in vain; and to an address that both have, which is somebody else in each.
func (o *observer) sameSubnet(i *isolation) {
	twins := map[string]string{}
	for _, pod := range []string{"twin-a", "twin-b"} {
		if a := o.podAddress(pod); a != "" {
			twins[a] = pod
		}
	}
	target, address := "", ""
	for _, vm := range []string{"vm-q", "vm-r", "vm-p"} {
		if a := o.vmAddress(vm, primary); a != "" && twins[a] == "" {
			target, address = vm, a
		}
	}
	vain := o.hostnameFrom("twin-a", "pod/twin-a>vm-unshared", "vm/"+target, address, vainTries, vainSeconds)
	vain.ends = mustFail
	control := o.hostnameFrom("client", "pod/client>vm-unshared", "vm/"+target, address, 1, httpSeconds)
	within := o.hostnameFrom("twin-a", "pod/twin-a>pod/twin-b", "pod/twin-b", o.podAddress("twin-b"), 1, httpSeconds)
	i.captures = append(i.captures, capture{what: "launcher " + target, at: o.launchers[target], link: firstTap,
		flows: []captured{vain.of(), control.of()}})
	i.fromNodes = append(i.fromNodes, vain, control, within)
	twin, asker, member, shared := o.shared()
	for _, one := range []onPlace{o.hostnameFrom("client", "pod/client>shared", member, shared, 1, httpSeconds),
		o.hostnameFrom(asker, "pod/"+asker+">shared", "pod/"+twin, shared, 1, httpSeconds)} {
		if shared == "" {
			one.impossible = errors.New("no address of twin-a and twin-b is one of the main network's VMs' or of echo's")
		}
		i.fromNodes = append(i.fromNodes, one)
	}
}

// shared is an address that one of the twins has and a member of the main network, too, that answers HTTP: there, client
// does not. The other twin asks for it.
func (o *observer) shared() (twin, asker, member, address string) {
	members := map[string]string{o.podAddress("echo"): "pod/echo"}
	for _, s := range o.mainSpecs() {
		members[o.vmAddress(s.Name, primary)] = "vm/" + s.Name
	}
	delete(members, "")
	for _, t := range [][2]string{{"twin-a", "twin-b"}, {"twin-b", "twin-a"}} {
		a := o.podAddress(t[0])
		if m, ok := members[a]; ok {
			return t[0], t[1], m, a
		}
	}
	return "twin-a", "twin-b", "", ""
}

// layer3: what becomes of a VM on a layer 3 network, seen from a pod beside it. One without address is not reached, which
// is something seen.
func (o *observer) layer3(i *isolation) {
	const vm, pod, seconds = "vm-l3", "client-layer3", 5
	o.mu.Lock()
	view, ok := o.stage.VMs[vm]
	o.mu.Unlock()
	if !ok {
		return
	}
	one := probe{name: "pod/" + pod + ">" + vm, path: model.Path{From: "pod/" + pod, To: "vm/" + vm, Kind: "tcp"}}
	address := ""
	for _, f := range view.VMI.Value.Interfaces {
		if address == "" {
			address = f.IP
		}
	}
	if address == "" {
		one.path.Detail = "no address"
		r := model.Read[model.Path]{Value: one.path, Place: apiPlace, Command: "status.interfaces of vmi " + vm, At: time.Now().UTC(), Err: view.VMI.Err}
		o.path(one.name, r)
		return
	}
	one.path.Target = fmt.Sprintf("%s:%d", address, transport.SSHPort)
	command := fmt.Sprintf("timeout %d socat -u TCP4:%s,connect-timeout=%d,readbytes=4 STDOUT", 2*seconds, one.path.Target, seconds)
	one.ask = ask{id: one.name, show: command, script: "here " + command}
	one.understand, one.ends = bannered, mayFail
	i.fromNodes = append(i.fromNodes, onPlace{probe: one, node: o.fixtures[pod].node, pod: pod})
}

// bannered takes the first bytes of an SSH server's greeting for an answer.
func bannered(p *model.Path, a answer) error {
	const greeting, overdue = "SSH-", 124
	p.Passed = strings.HasPrefix(a.stdout, greeting)
	p.Detail = firstOf(a.stderr, a.stdout)
	if p.Passed || a.code == 0 || a.code == overdue || strings.Contains(a.stderr, "socat[") {
		return nil
	}
	return fmt.Errorf("exit code %d: %s", a.code, p.Detail)
}

// secondaryAlone: nothing outside is reached over a secondary network, nor is that by a VM that is not on it.
func (o *observer) secondaryAlone(i *isolation) {
	const vm, stranger, neighbour = "vm-ps", "vm-po", "vm-pt"
	address := o.vmAddress(vm, secondary)
	if host, ok := o.bed.Outside(); ok {
		url := fmt.Sprintf("http://%s:%d/clientip", host.Address(), o.peerPorts(vm).tcpSecondary())
		one := o.fromPort(outsideBySecondary(vm), "vm/"+vm, "peer/outside", url, vainTries, vainSeconds, clientSeen).to(mustFail)
		one.impossible = unknown(vm, address)
		// bound to the NIC, so that the kernel takes no other: without a route there it asks for the peer's MAC there
		one.ask.show = strings.Replace(one.ask.show, "curl ", "curl --interface NIC-OF-"+address+" ", 1)
		one.ask.script = fmt.Sprintf(`nic=$($IP -o -4 addr show to %[1]s/32 | { read -r _ n _; echo "$n"; })
[ -n "$nic" ] || { echo 'no NIC has %[1]s' >&2; exit 126; }
`, address) + strings.Replace(one.ask.script, "curl ", `curl --interface "$nic" `, 1)
		i.fromGuests[vm] = append(i.fromGuests[vm], one)
	}
	vain := o.hostnameFromVM(stranger, stranger+">"+vm+"#secondary", "vm/"+vm, address)
	url := fmt.Sprintf("http://%s:%d/hostname", address, defaultHTTPPort)
	control := o.fromPort(neighbour+">"+vm+"#secondary-http", "vm/"+neighbour, "vm/"+vm, url, 1, httpSeconds, answered)
	control.impossible = vain.impossible
	i.fromGuests[stranger] = append(i.fromGuests[stranger], vain)
	i.fromGuests[neighbour] = append(i.fromGuests[neighbour], control)
	network := ""
	for _, f := range o.stage.VMs[vm].Spec.Interfaces {
		if f.Network != "" {
			network = f.Name
		}
	}
	i.captures = append(i.captures, capture{what: "launcher " + vm, at: o.launchers[vm], link: tapOf(network),
		flows: []captured{vain.of(o.vmAddress(stranger, primary), o.vmAddress(stranger, locked)), control.of()}})
}
