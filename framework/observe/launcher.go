package observe

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// fdMark parts QEMU's command line from its open taps.
const fdMark = "--open taps--"

// onNode are the asks about one launcher, i its number in the node's batch.
type onNode struct {
	vm                   string
	links, routes, qemus ask
}

func launcherAsks(i int, vm string, p place) (prelude string, n onNode) {
	v := fmt.Sprintf("$P%d", i)
	prelude = fmt.Sprintf("P%d=$(of '%s')\n", i, bed.CGroupOf(p.uid))
	show := "nsenter -t PID -n %s # PID: a process of pod " + p.pod
	n = onNode{vm: vm}
	n.links = ask{id: vm + " links", show: fmt.Sprintf(show, ipAddr), script: "in_pod \"" + v + "\" " + ipAddr}
	n.routes = ask{id: vm + " routes", show: fmt.Sprintf(show, ipRoute), script: "in_pod \"" + v + "\" " + ipRoute}
	n.qemus = ask{id: vm + " qemu", show: "cat /proc/PID/cmdline; grep ^iff: /proc/PID/fdinfo/* # PID: QEMU in pod " + p.pod,
		script: fmt.Sprintf(`q=$(qemu '%s') || exit 1; tr '\0' '\n' <"/proc/$q/cmdline"; echo; echo '%s'; grep -H ^iff: /proc/$q/fdinfo/*`, bed.CGroupOf(p.uid), fdMark)}
	return prelude, n
}

const (
	ipAddr  = "ip -d -j addr"
	ipRoute = "ip -d -j route show table all"
)

// nics reads QEMU's command line and its open taps together.
func nics(text string) ([]model.NIC, error) {
	cmdline, taps, ok := strings.Cut(text, fdMark)
	if !ok {
		return nil, errors.New("the list of open taps is missing")
	}
	devices, err := parse.QEMU(cmdline)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, line := range strings.Split(taps, "\n") {
		file, info, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		name, err := parse.TapOfFD(info)
		if err != nil {
			return nil, err
		}
		names[file[strings.LastIndex(file, "/")+1:]] = name
	}
	list := make([]model.NIC, 0, len(devices))
	for _, d := range devices {
		for _, fd := range d.FDs {
			if name := names[fmt.Sprint(fd)]; name != "" && d.Tap == "" {
				d.Tap = name
			}
		}
		list = append(list, d.NIC)
	}
	return list, nil
}

// nodes looks at the launchers, the controls and OVN, a visit or two a node.
func (o *observer) nodes(ctx context.Context) {
	byNode := map[string][]string{}
	for vm, p := range o.launchers {
		byNode[p.node] = append(byNode[p.node], vm)
	}
	var parts []func()
	for node, vms := range byNode {
		parts = append(parts, func() { o.node(ctx, node, vms) })
	}
	for _, s := range o.running.Specs {
		if _, ok := o.launchers[s.Name]; !ok {
			err := errors.New("its launcher pod is not known")
			o.view(s.Name, func(v *model.VMView) {
				v.Launcher = model.LauncherView{Links: failed[[]model.Link]("launcher "+s.Name, ipAddr, err),
					Routes: failed[[]model.Route]("launcher "+s.Name, ipRoute, err), NICs: failed[[]model.NIC]("launcher "+s.Name, "qemu", err)}
				v.Port = failed[model.LogicalPort]("launcher "+s.Name, "port", err)
			})
		}
	}
	together(parts...)
}

// node is one node with the VMs on it.
func (o *observer) node(ctx context.Context, name string, vms []string) {
	ctx, cancel := context.WithTimeout(ctx, VisitTimeout)
	defer cancel()
	var on []onNode
	links := ask{id: "links", show: o.hostLinks()}
	asks := []ask{links}
	prelude := bed.ProcessPrelude
	for i, vm := range vms {
		p, n := launcherAsks(i, vm, o.launchers[vm])
		prelude, on, asks = prelude+p, append(on, n), append(asks, n.links, n.routes, n.qemus)
	}
	control, found := o.control(ctx, name)
	controlLinks := ask{id: "control", show: "nsenter -t PID -n " + ipAddr + " # PID: a process of pod " + control.pod, script: `in_pod "$C" ` + ipAddr}
	if found == nil {
		prelude += fmt.Sprintf("C=$(of '%s')\n", bed.CGroupOf(control.uid))
		asks = append(asks, controlLinks)
	}
	var answers map[string]answer
	var err error
	var ovn ovnAnswers
	var host model.HostView
	together(
		func() { answers, err = o.onNode(ctx, name, prelude, asks) },
		func() {
			if o.udn() {
				host = o.host(ctx, name)
			} else {
				ovn = o.ovn(ctx, name)
			}
		},
	)
	at := placed("node " + name)
	host.Links = read(at, links, answers, err, parse.Links)
	for _, n := range on {
		in := placed("launcher " + n.vm)
		o.view(n.vm, func(v *model.VMView) {
			v.Launcher = model.LauncherView{Links: read(in, n.links, answers, err, parse.Links),
				Routes: read(in, n.routes, answers, err, parse.Routes), NICs: read(in, n.qemus, answers, err, nics)}
			if !o.udn() {
				v.Port = logicalPort(name, *v, host.Links, ovn)
			}
		})
	}
	var c model.Read[[]model.Link]
	if found != nil {
		c = failed[[]model.Link]("node "+name, ipAddr, found)
	} else {
		c = read(placed("pod "+control.pod), controlLinks, answers, err, parse.Links)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stage.Controls[name] = c
	if o.udn() {
		o.stage.Hosts[name] = host
	}
}

// hostLinks is how a node's own links are listed: for a launcher's port names and numbers are enough.
func (o *observer) hostLinks() string {
	if o.udn() {
		return ipAddr
	}
	return "ip -j link"
}

// onNode runs a batch in the node's pod.
func (o *observer) onNode(ctx context.Context, name, prelude string, asks []ask) (map[string]answer, error) {
	runner, err := o.bed.Node(ctx, name)
	if err != nil {
		return nil, err
	}
	return batch(ctx, runner, prelude, asks)
}
