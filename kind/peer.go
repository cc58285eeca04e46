package kind

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// Peer is how a host outside the cluster is run: containers in one network namespace on the nodes' network. The
// first is the one in which commands are run (ip, tcpdump, curl); an echo server on port 8080 is in one of them.
type Peer struct{ Containers []PeerContainer }

// PeerContainer is an image with what it runs.
type PeerContainer struct {
	Image      string
	Entrypoint string
	Args       []string
	// Dockerfile, where set, is what Image is built from on an engine that has it not.
	Dockerfile string
}

// placement is where a peer runs and under which name.
type placement struct {
	name, hostname, network string
	// options are docker run's, of the first container.
	options []string
}

// startOutside starts the peer on the nodes' network. It has no route to pods: its default route is the engine's
// address there, which knows none either.
func startOutside(ctx context.Context, o *Options) (*bed.HostSpec, error) {
	name := o.Name + "-outside"
	if err := startPeer(ctx, o, o.Components.Outside(o.NodeImage), placement{name: name, hostname: "outside", network: networkName}); err != nil {
		return nil, err
	}
	address, link, err := linkOn(ctx, o.Engine, name, networkName)
	if err != nil {
		return nil, err
	}
	return &bed.HostSpec{Name: "outside", Address: address, Interface: link, Container: o.Engine.container(name)}, nil
}

// container is how a bed gets into a container of this engine.
func (e Engine) container(name string) *bed.ContainerExec {
	return &bed.ContainerExec{Name: name, DockerHost: e.DockerHost, BinDir: e.BinDir}
}

// startPeer starts a peer's containers and returns when its echo answers.
func startPeer(ctx context.Context, o *Options, p Peer, at placement) error {
	for i, c := range p.Containers {
		if err := buildImage(ctx, o.Engine, c); err != nil {
			return err
		}
		args := []string{"run", "--detach", "--label", madeLabel + "=" + o.Name,
			"--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW", "--entrypoint", c.Entrypoint}
		if i == 0 {
			args = append(append(args, "--name", at.name, "--hostname", at.hostname, "--network", at.network), at.options...)
		} else {
			args = append(args, "--name", fmt.Sprintf("%s-%d", at.name, i), "--network", "container:"+at.name)
		}
		if _, err := o.Engine.Docker(ctx, append(append(args, c.Image), c.Args...)...); err != nil {
			return fmt.Errorf("starting the peer %s: %w", at.hostname, err)
		}
	}
	return awaitEcho(ctx, o.Engine, at)
}

// buildImage makes an image that nobody publishes.
func buildImage(ctx context.Context, e Engine, c PeerContainer) error {
	if c.Dockerfile == "" {
		return nil
	}
	if out, err := e.Docker(ctx, "image", "ls", "--quiet", c.Image); err != nil || len(lines(out)) > 0 {
		return err
	}
	dir, err := os.MkdirTemp("", "vmnet-image-")
	if err != nil {
		return fmt.Errorf("image %s: %w", c.Image, err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(c.Dockerfile), 0o600); err != nil {
		return fmt.Errorf("image %s: %w", c.Image, err)
	}
	if _, err := e.Docker(ctx, "build", "--tag", c.Image, dir); err != nil {
		return fmt.Errorf("image %s: %w", c.Image, err)
	}
	return nil
}

// linkOn finds a container's address on a Docker network, and the link there that has it.
func linkOn(ctx context.Context, e Engine, container, network string) (address, link string, err error) {
	out, err := e.Docker(ctx, "inspect", "--format", `{{(index .NetworkSettings.Networks "`+network+`").IPAddress}}`, container)
	if err != nil {
		return "", "", fmt.Errorf("address of %s on network %s: %w", container, network, err)
	}
	address = strings.TrimSpace(out)
	if out, err = e.Docker(ctx, "exec", container, "ip", "-o", "-4", "addr", "show"); err == nil {
		link, err = interfaceOf(out, address)
	}
	if err != nil {
		return "", "", fmt.Errorf("interface of %s on network %s: %w", container, network, err)
	}
	return address, link, nil
}

// awaitEcho waits until the peer answers itself on port 8080.
func awaitEcho(ctx context.Context, e Engine, at placement) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, 300*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		_, last = e.Docker(ctx, "exec", at.name, "curl", "--silent", "--show-error", "--fail", "--max-time", "5", "http://127.0.0.1:8080/hostname")
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("the peer %s does not serve port 8080: %w", at.hostname, errors.Join(err, last))
	}
	return nil
}

// interfaceOf finds an address in the output of `ip -o -4 addr show`.
func interfaceOf(out, address string) (string, error) {
	for _, line := range lines(out) {
		fields := strings.Fields(line) // index: name family address/length …
		if len(fields) >= 4 && strings.HasPrefix(fields[3], address+"/") {
			return fields[1], nil
		}
	}
	return "", fmt.Errorf("no interface has %s", address)
}
