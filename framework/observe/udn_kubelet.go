package observe

import (
	"fmt"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// launcherPort is where a listener answers in the launcher's namespace, on the cluster's network: nothing else does.
const launcherPort = 8090

// kubeletPrelude puts a command into the control group that the kubelet runs in: the nodes' rules let only what is in
// that through (OVN-Kubernetes, go-controller/pkg/node/udn_isolation.go). It is entered in the node's
// own namespace of control groups, which that of its pod may not be, and left by the command's end.
const kubeletPrelude = `as_kubelet() { # COMMAND…
	nsenter -t 1 -C sh -c '
for d in /proc/[0-9]*; do
	read -r name 2>/dev/null <"$d/comm" && [ "$name" = kubelet ] || continue
	while read -r line; do
		case $line in 0::*)
			echo $$ >"/proc/1/root/sys/fs/cgroup${line#0::}/cgroup.procs" || exit 126
			exec "$@" ;;
		esac
	done <"$d/cgroup"
done
echo "no control group of version 2 with a kubelet in it" >&2; exit 126' sh "$@"
}
`

// kubeletAlone: of what a VM's launcher has on the cluster's network only the kubelet reaches anything. There is a
// listener; a pod of the default network is refused, a process on the node, too, and one in the kubelet's control group
// is answered.
func (o *observer) kubeletAlone(i *isolation) {
	const vm, from, to = "vm-p", "client-default", "launcher/vm-p"
	at, address := o.launchers[vm], o.vmAddress(vm, locked)
	url := fmt.Sprintf("http://%s:%d/", address, launcherPort)
	for _, one := range []onPlace{
		{probe: o.fromPort("pod/"+from+">"+to, "pod/"+from, to, url, vainTries, vainSeconds, answered).to(mustFail), node: o.fixtures[from].node, pod: from},
		{probe: o.fromPort("node>"+to, "node", to, url, vainTries, vainSeconds, answered).to(mustFail), node: at.node},
		{probe: asKubelet(o.fromPort("kubelet>"+to, "kubelet", to, url, 1, httpSeconds, answered)), node: at.node},
	} {
		one.impossible = unknown(to, address)
		i.fromNodes = append(i.fromNodes, one)
	}
	if address == "" {
		return
	}
	socat := fmt.Sprintf("socat -d -d TCP4-LISTEN:%d,bind=%s,reuseaddr,fork SYSTEM:'eval $HTTP'", launcherPort, address)
	i.listeners[at.node] = append(i.listeners[at.node], ask{id: to, show: socat,
		script: fmt.Sprintf("P=$(of '%s'); [ -n \"$P\" ] || exit 1\n%s\nexec nsenter -t \"$P\" -n %s", bed.CGroupOf(at.uid), httpScript(`launcher"`), socat)})
}

func asKubelet(p probe) probe {
	p.ask.show += " # in the control group of the kubelet"
	p.ask.script = "try 1 as_kubelet " + p.ask.script[len("try 1 here "):]
	return p
}
