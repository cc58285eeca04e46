package bed

import (
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// Underlay says where the world outside the cluster is: the file underlay.yaml of a bed, which `vmnet up`
// writes and a user may write.
type Underlay struct {
	// Outside is a host on the nodes' network that is no node and has no route to pods.
	Outside *HostSpec `json:"outside,omitempty"`
	// Physical is the physical side: what VMs on VLANs are on.
	Physical *Physical `json:"physical,omitempty"`
}

// Physical says how nodes reach VLANs, and which hosts are on them.
type Physical struct {
	// Network is the physical network's name, which localnets and the nodes' bridge mappings use. Never physnet:
	// OVN-Kubernetes has that for its own external bridge.
	Network string `json:"network"`
	// Bridge is the OVS bridge behind it on the nodes. With Interface, the run makes the bridge on the nodes' link of
	// that name, appends the mapping, and restores both; without, they are there.
	Bridge    string `json:"bridge"`
	Interface string `json:"interface,omitempty"`
	// Peers are hosts on VLANs, at least two on different ones.
	Peers []VLANPeer `json:"peers"`
}

// VLANPeer is a host on a VLAN. Its Interface is the link that carries the tags, on which captures are taken.
type VLANPeer struct {
	HostSpec `json:",inline"`
	// VLAN is its 802.1Q ID, 1 to 4094, and Prefix the length of the VLAN's subnet.
	VLAN   int `json:"vlan"`
	Prefix int `json:"prefix"`
	// DHCP is whether the run may start a DHCP server (dnsmasq) there.
	DHCP bool `json:"dhcp,omitempty"`
}

// HostSpec is a machine outside the cluster and the one way to run commands on it.
type HostSpec struct {
	// Name is what reports call it.
	Name string `json:"name"`
	// Address is its IP on the network that it shares with the nodes.
	Address string `json:"address"`
	// Interface is the link there that holds Address.
	Interface string         `json:"interface"`
	Container *ContainerExec `json:"container,omitempty"`
	SSH       *SSHExec       `json:"ssh,omitempty"`
}

// ContainerExec runs commands in a container of a Docker engine, by Docker's command line.
type ContainerExec struct {
	// Name of the container.
	Name string `json:"name"`
	// DockerHost is the engine as $DOCKER_HOST has it, as "ssh://root@192.0.2.1"; empty for the local one.
	DockerHost string `json:"dockerHost,omitempty"`
	// BinDir is a directory that is searched for docker and ssh before $PATH.
	BinDir string `json:"binDir,omitempty"`
}

// SSHExec runs commands over SSH, with the host's key checked.
type SSHExec struct {
	// Address is the host, with a port where that is not 22.
	Address string `json:"address"`
	User    string `json:"user"`
	// IdentityFile holds the private key, without passphrase.
	IdentityFile string `json:"identityFile"`
	// KnownHosts is a file in OpenSSH's format that holds the host's key.
	KnownHosts string `json:"knownHosts"`
}

// ReadUnderlay reads and checks an underlay file; relative paths in it are taken from the file's directory.
// Whatever is wrong with it is an *InputError that names the file and the field.
func ReadUnderlay(path string) (*Underlay, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // the user names the file
	if err != nil {
		return nil, &InputError{What: path, Err: fmt.Errorf("cannot be read: %w", unwrapPath(err))}
	}
	u, err := parseUnderlay(raw)
	if err != nil {
		return nil, &InputError{What: path, Err: err}
	}
	dir := filepath.Dir(path)
	for _, h := range u.hosts() {
		if h.SSH == nil {
			continue
		}
		for _, file := range []*string{&h.SSH.IdentityFile, &h.SSH.KnownHosts} {
			if !filepath.IsAbs(*file) {
				*file = filepath.Join(dir, *file)
			}
		}
	}
	return u, nil
}

func parseUnderlay(raw []byte) (*Underlay, error) {
	u := &Underlay{}
	if err := yaml.UnmarshalStrict(raw, u); err != nil {
		return nil, oneLine(err)
	}
	return u, u.check()
}

// hosts are all that the underlay names.
func (u *Underlay) hosts() []*HostSpec {
	var all []*HostSpec
	if u.Outside != nil {
		all = append(all, u.Outside)
	}
	if u.Physical != nil {
		for i := range u.Physical.Peers {
			all = append(all, &u.Physical.Peers[i].HostSpec)
		}
	}
	return all
}

// Write checks the underlay and writes it, readable by the user alone.
func (u *Underlay) Write(path string) error {
	if err := u.check(); err != nil {
		return &InputError{What: path, Err: err}
	}
	raw, err := yaml.Marshal(u)
	if err != nil {
		return fmt.Errorf("underlay: %w", err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		return fmt.Errorf("underlay: %w", err)
	}
	return nil
}
