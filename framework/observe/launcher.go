package observe

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// processPrelude finds, beside the node's processes, one of a pod: $1 is what the pod's control groups have in
// their path. The pod's first and longest-lived ones are preferred: a probe's may be gone a moment later.
const processPrelude = `of() {
	any=
	for f in $(grep -lsE "$1" /proc/[0-9]*/cgroup); do
		d=${f%/cgroup}; read -r name 2>/dev/null <"$d/comm" || continue
		case $name in pause|virt-launcher*) echo "${d#/proc/}"; return ;; esac
		any=${any:-${d#/proc/}}
	done
	[ -n "$any" ] && echo "$any"
}
qemu() {
	for f in $(grep -lsE "$1" /proc/[0-9]*/cgroup); do
		d=${f%/cgroup}; read -r name 2>/dev/null <"$d/comm" || continue
		case $name in qemu*) grep -qs netdev "$d/cmdline" && { echo "${d#/proc/}"; return; } ;; esac
	done
	echo "no QEMU among the pod's processes" >&2; return 1
}
in_pod() { # PROCESS COMMAND…
	[ -n "$1" ] || { echo "no process of the pod on this node" >&2; return 1; }
	p=$1; shift; nsenter -t "$p" -n "$@"
}
`

// group is a pattern for a pod's control groups: with the cgroupfs driver, and with systemd's.
func group(uid string) string {
	return "pod(" + uid + "|" + strings.ReplaceAll(uid, "-", "_") + ")"
}

// fdMark parts QEMU's command line from its open taps.
const fdMark = "--open taps--"

// onNode are the asks about one launcher, i its number in the node's batch.
type onNode struct {
	vm                   string
	links, routes, qemus ask
}

func launcherAsks(i int, vm string, p place) (prelude string, n onNode) {
	v := fmt.Sprintf("$P%d", i)
	prelude = fmt.Sprintf("P%d=$(of '%s')\n", i, group(p.uid))
	show := "nsenter -t PID -n %s # PID: a process of pod " + p.pod
	n = onNode{vm: vm}
	n.links = ask{id: vm + " links", show: fmt.Sprintf(show, ipAddr), script: "in_pod \"" + v + "\" " + ipAddr}
	n.routes = ask{id: vm + " routes", show: fmt.Sprintf(show, ipRoute), script: "in_pod \"" + v + "\" " + ipRoute}
	n.qemus = ask{id: vm + " qemu", show: "cat /proc/PID/cmdline; grep ^iff: /proc/PID/fdinfo/* # PID: QEMU in pod " + p.pod,
		script: fmt.Sprintf(`q=$(qemu '%s') || exit 1; tr '\0' '\n' <"/proc/$q/cmdline"; echo; echo '%s'; grep -H ^iff: /proc/$q/fdinfo/*`, group(p.uid), fdMark)}
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
	var ovn ovnAnswers
	var on []onNode
	links := ask{id: "links", show: "ip -j link"}
	asks := []ask{links}
	prelude := processPrelude
	for i, vm := range vms {
		p, n := launcherAsks(i, vm, o.launchers[vm])
		prelude, on, asks = prelude+p, append(on, n), append(asks, n.links, n.routes, n.qemus)
	}
	control, found := o.control(ctx, name)
	controlLinks := ask{id: "control", show: "nsenter -t PID -n " + ipAddr + " # PID: a process of pod " + control.pod, script: `in_pod "$C" ` + ipAddr}
	if found == nil {
		prelude += fmt.Sprintf("C=$(of '%s')\n", group(control.uid))
		asks = append(asks, controlLinks)
	}
	var answers map[string]answer
	runner, err := o.bed.Node(ctx, name)
	together(
		func() {
			if err == nil {
				answers, err = batch(ctx, runner, prelude, asks)
			}
		},
		func() { ovn = o.ovn(ctx, name) },
	)
	at := placed("node " + name)
	hostLinks := read(at, links, answers, err, parse.Links)
	for _, n := range on {
		in := placed("launcher " + n.vm)
		o.view(n.vm, func(v *model.VMView) {
			v.Launcher = model.LauncherView{Links: read(in, n.links, answers, err, parse.Links),
				Routes: read(in, n.routes, answers, err, parse.Routes), NICs: read(in, n.qemus, answers, err, nics)}
			v.Port = logicalPort(name, *v, hostLinks, ovn)
		})
	}
	var c model.Read[[]model.Link]
	if found != nil {
		c = failed[[]model.Link]("node "+name, ipAddr, found)
	} else {
		c = read(placed("pod "+control.pod), controlLinks, answers, err, parse.Links)
	}
	o.mu.Lock()
	o.stage.Controls[name] = c
	o.mu.Unlock()
}
