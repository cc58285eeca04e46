package images

import (
	"regexp"
	"strings"
)

// component is a part of the stack that is built from one Go module. Its
// versions and checksums are in components/NAME.
type component struct {
	name     string
	module   string
	subdir   string   // of the module in the upstream repository
	commands []string // packages below the module; "." is our own main.go
	cgo      []string // those that need C libraries
	ldflags  string
	env      []string
	edits    []edit // of files that commands are built from
}

// kubernetesVersion is that of components/kubernetes; kind names its node image
// and kubeadm the control plane's images by it.
const (
	kubernetesVersion = "v1.34.4"
	kubevirtVersion   = "v1.7.0"
	kubernetesBase    = "k8s.io/component-base/version"
)

var components = []component{
	{
		name: "kubernetes", module: "k8s.io/kubernetes",
		commands: strings.Fields("cmd/kube-apiserver cmd/kube-controller-manager cmd/kube-scheduler cmd/kubeadm cmd/kubectl cmd/kubelet test/images/agnhost"),
		ldflags: "-X " + kubernetesBase + ".gitVersion=" + kubernetesVersion + " -X " + kubernetesBase + ".gitMajor=1 -X " + kubernetesBase + ".gitMinor=34" +
			" -X " + kubernetesBase + ".gitTreeState=clean",
	},
	{name: "etcd", module: "go.etcd.io/etcd/server/v3", subdir: "server", commands: []string{"."}},
	{name: "coredns", module: "github.com/coredns/coredns", commands: []string{"."}},
	{
		name: "cni-plugins", module: "github.com/containernetworking/plugins",
		commands: strings.Fields("plugins/main/bridge plugins/main/vlan plugins/main/macvlan plugins/main/loopback plugins/main/host-device plugins/main/ptp plugins/ipam/host-local plugins/ipam/static plugins/ipam/dhcp plugins/meta/tuning plugins/meta/portmap"),
	},
	{name: "multus", module: "gopkg.in/k8snetworkplumbingwg/multus-cni.v4", commands: []string{"cmd/multus", "cmd/thin_entrypoint"}, edits: multusPatience},
	{
		name: "ovn-kubernetes", module: "github.com/ovn-org/ovn-kubernetes/go-controller", subdir: "go-controller",
		commands: strings.Fields("cmd/ovnkube cmd/ovn-k8s-cni-overlay cmd/ovnkube-identity cmd/ovn-kube-util cmd/ovnkube-trace"),
		// the checksum database cannot look this module up; its checksum is pinned
		// in components/ovn-kubernetes/go.sum.txt
		env: []string{"GONOSUMDB=github.com/ovn-org/ovn-kubernetes/*"},
	},
	{name: "controller-gen", module: "sigs.k8s.io/controller-tools", commands: []string{"cmd/controller-gen"}},
	{
		name: "kubevirt", module: "kubevirt.io/kubevirt",
		commands: []string{"cmd/virt-chroot"},
		// operator, api and controller need no C library, but one setting for all
		// of them compiles their common packages once
		cgo:   strings.Fields("cmd/virt-handler cmd/virt-launcher cmd/virt-launcher-monitor cmd/virt-freezer cmd/virt-probe cmd/virt-tail cmd/virt-operator cmd/virt-api cmd/virt-controller tools/manifest-templator"),
		edits: kubevirtEase,
	},
	{name: "kind", module: "sigs.k8s.io/kind"}, // its files alone
}

// Components are the names that Options.Checkouts may have.
func Components() []string {
	var names []string
	for _, c := range components {
		names = append(names, c.name)
	}
	return names
}

func find(name string) (component, bool) {
	for _, c := range components {
		if c.name == name {
			return c, true
		}
	}
	return component{}, false
}

// version is what the lockfile says, before any checkout.
func (c component) version() string {
	data, err := embedded.ReadFile("components/" + c.name + "/go.mod.txt")
	if err != nil {
		return ""
	}
	m := regexp.MustCompile(`(?m)^(?:require)?\s*` + regexp.QuoteMeta(c.module) + ` (v\S+)`).FindSubmatch(data)
	if m == nil {
		return ""
	}
	return string(m[1])
}

// packages are the import paths of commands.
func (c component) packages(commands []string) []string {
	var paths []string
	for _, p := range commands {
		if p != "." {
			p = c.module + "/" + p
		}
		paths = append(paths, p)
	}
	return paths
}
