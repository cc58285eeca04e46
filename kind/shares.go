package kind

import "fmt"

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

// sharePatches are names and contents of the files for kubeadm, whose patches are named TARGET[SUFFIX][+TYPE].json
// (InitConfiguration.patches of kubeadm.k8s.io/v1beta3).
func sharePatches() (files []string) {
	for _, s := range shares {
		files = append(files, s.pod+"+strategic.json", fmt.Sprintf(
			`{"spec":{"containers":[{"name":%q,"resources":{"requests":{"cpu":"%dm"}}}]}}`, s.pod, s.millicores))
	}
	return files
}

// sharesPatch tells kubeadm of them.
const sharesPatch = `kind: InitConfiguration
patches:
  directory: ` + patchesPath + `
`
