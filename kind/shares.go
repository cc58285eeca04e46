package kind

import (
	"context"
	"fmt"
	"strings"
)

// A request is a pod's weight on a busy core, and what is left of the node decides how many VMs it takes. kubeadm asks
// for 650 millicores for its static pods, whatever the node has: on a machine of one core that leaves room for two
// VMs. These are their shares of a core in thousandths, by what they use of it while VMs start.
var shares = []share{
	{"kube-apiserver", 150},
	{"etcd", 50},
	{"kube-controller-manager", 25},
	{"kube-scheduler", 10},
}

type share struct {
	pod        string
	millicores int
}

// operatorShare is virt-operator's, in thousandths of a core, in place of its manifest's 10.
const operatorShare = 50

const (
	// patchesDir of a node's store holds a file a static pod; the node sees it at patchesPath.
	patchesDir  = "kubeadm-patches"
	patchesPath = "/kind/kubeadm-patches"
)

// patience is how many times in a row, ten seconds apart, one of the static pods may be too slow for the kubelet. One that is
// killed for being slow comes back to all that asks it at once, and is slower still.
const patience = 60

// sharePatches are names and contents of the files for kubeadm, whose patches are named TARGET[SUFFIX][+TYPE].json
// (InitConfiguration.patches of kubeadm.k8s.io/v1beta3).
func sharePatches() (files []string) {
	for _, s := range shares {
		files = append(files, s.pod+"+strategic.json", fmt.Sprintf(
			`{"spec":{"containers":[{"name":%q,"resources":{"requests":{"cpu":"%dm"}},"livenessProbe":{"failureThreshold":%d}}]}}`,
			s.pod, s.millicores, patience))
	}
	return files
}

// sharesPatch tells kubeadm of them.
const sharesPatch = `kind: InitConfiguration
patches:
  directory: ` + patchesPath + `
`

// weigh sets weights of a node's control groups. The kubelet sees to the pods', but all of them together weigh little beside
// itself (39 of 139 on one core), and the API server, for which everything waits, little among them. Pods get $1, and each
// process whose name follows has its pod weigh what comes after the name.
const weigh = `set -e
cd /sys/fs/cgroup/kubelet.slice/kubelet-kubepods.slice
echo "$1" >cpu.weight
shift
while [ $# -gt 0 ]; do
	for p in $(pgrep -x "$1"); do
		c=$(sed -n 's/^0:://p' "/proc/$p/cgroup")
		echo "$2" >"/sys/fs/cgroup${c%/*}/cpu.weight"
	done
	shift 2
done
`

// weights are what weigh gets. The kubelet's service has 100, a VM's pod 4.
var weights = []string{"400", "kube-apiserver", "100", "etcd", "50"}

// weighNodes lets no pod wait for the kubelet, and the API server for no VM that starts.
func (o *Options) weighNodes(ctx context.Context) error {
	out, err := o.Engine.Docker(ctx, "ps", "--filter", "label="+kindClusterLabel+"="+o.Name, "--format", "{{.Names}}")
	if err != nil {
		return fmt.Errorf("list the nodes: %w", err)
	}
	for _, node := range strings.Fields(out) {
		if _, err := o.Engine.Docker(ctx, append([]string{"exec", node, "sh", "-c", weigh, "sh"}, weights...)...); err != nil {
			return fmt.Errorf("weights of node %s: %w", node, err)
		}
	}
	return nil
}
