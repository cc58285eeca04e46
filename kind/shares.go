package kind

import (
	"context"
	"fmt"
)

// A request is a pod's weight on a busy core, and what is left of the node decides how many VMs it takes. kubeadm asks
// for 650 millicores for its static pods, whatever the node has: on a machine of one core that leaves room for two
// VMs. These are their shares of a core in thousandths, by what they use of it while VMs start.
var shares = []struct {
	pod        string
	millicores int
}{
	{"kube-apiserver", 150},
	{"etcd", 50},
	{"kube-controller-manager", 25},
	{"kube-scheduler", 10},
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

// weigh gives all pods of a node together a weight: on one core they have 39 beside the kubelet's service, which has 100,
// and the API server, for which everything waits, is one of them. A pod's own weight the kubelet would put back.
const weigh = `f=/sys/fs/cgroup/kubelet.slice/kubelet-kubepods.slice/cpu.weight
[ ! -e "$f" ] || echo "$1" >"$f" # cgroup v1 has none
`

const podsWeight = "400"

// weighNodes lets no pod wait for the kubelet.
func (o *Options) weighNodes(ctx context.Context) error {
	nodes, err := o.nodes(ctx)
	if err != nil {
		return err
	}
	for _, node := range nodes {
		if _, err := o.Engine.Docker(ctx, "exec", node, "sh", "-c", weigh, "sh", podsWeight); err != nil {
			return fmt.Errorf("weights of node %s: %w", node, err)
		}
	}
	return nil
}
