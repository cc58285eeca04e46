package kind

import (
	"net/netip"
	"path"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
)

// The cluster's own networks. The manifests of OVN-Kubernetes name the same ones.
const (
	PodSubnet     = "10.244.0.0/16"
	ServiceSubnet = "10.96.0.0/16"
)

// storePath is where a node's containerd keeps its images.
const storePath = "/var/lib/containerd"

// Config is kind's configuration for these options: no CNI and no kube-proxy, for OVN-Kubernetes is both.
func Config(o Options) *v1alpha4.Cluster {
	c := &v1alpha4.Cluster{
		TypeMeta: v1alpha4.TypeMeta{Kind: "Cluster", APIVersion: "kind.x-k8s.io/v1alpha4"},
		Name:     o.Name,
		Networking: v1alpha4.Networking{
			DisableDefaultCNI: true,
			KubeProxyMode:     "none",
			PodSubnet:         PodSubnet,
			ServiceSubnet:     ServiceSubnet,
			APIServerAddress:  o.APIServerAddress,
			APIServerPort:     apiServerPort(o.APIServerAddress),
		},
		KubeadmConfigPatches: []string{controlPlanePatch, kubeletPatch},
	}
	for i := range o.Nodes {
		node := v1alpha4.Node{Role: v1alpha4.WorkerRole}
		if i == 0 {
			node.Role = v1alpha4.ControlPlaneRole
		}
		if len(o.Stores) > 0 {
			node.ExtraMounts = []v1alpha4.Mount{
				{HostPath: o.Stores[i], ContainerPath: storePath},
				{HostPath: path.Join(o.Stores[i], patchesDir), ContainerPath: patchesPath, Readonly: true},
			}
		}
		c.Nodes = append(c.Nodes, node)
	}
	if len(o.Stores) > 0 {
		c.KubeadmConfigPatches = append(c.KubeadmConfigPatches, sharesPatch)
	}
	if o.Nodes > 1 { // of a single node kind takes the taint away itself, and fails when it is not there
		c.KubeadmConfigPatches = append(c.KubeadmConfigPatches, untaintPatch)
	}
	return c
}

// apiServerPort is 0, which lets kind find a free port, on the loopback; kind looks for it on this host, so on an
// engine elsewhere the port has to be given.
func apiServerPort(address string) int32 {
	if ip, err := netip.ParseAddr(address); address == "" || err == nil && ip.IsLoopback() {
		return 0
	}
	return 6443
}

// One API server, one etcd that nobody will want back: no elections (two writes a second less for a slow core),
// no fsync. In v1beta3, which kind writes for Kubernetes below 1.36, extraArgs is a map; newer ones go without.
const controlPlanePatch = `apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
etcd:
  local:
    extraArgs:
      unsafe-no-fsync: "true"
apiServer:
  extraArgs:
    profiling: "false"
controllerManager:
  extraArgs:
    leader-elect: "false"
    profiling: "false"
scheduler:
  extraArgs:
    leader-elect: "false"
    profiling: "false"
`

// The kubelet asks the API server and the file system less often than it would: what it asks hardly changes here.
// runtimeRequestTimeout: a sandbox on a busy core may take minutes, and a second attempt would make it slower.
const kubeletPatch = `kind: KubeletConfiguration
authentication:
  webhook:
    cacheTTL: 10m
authorization:
  webhook:
    cacheAuthorizedTTL: 30m
    cacheUnauthorizedTTL: 5m
fileCheckFrequency: 20s
nodeStatusUpdateFrequency: 10s
nodeStatusReportFrequency: 1m
runtimeRequestTimeout: 10m
syncFrequency: 2m
volumeStatsAggPeriod: 10m
`

// VMs run on the control plane, too.
const untaintPatch = `kind: InitConfiguration
nodeRegistration:
  taints: []
`
