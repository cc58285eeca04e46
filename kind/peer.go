package kind

import (
	"context"
	"errors"
	"fmt"
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
}

// startOutside starts the peer on the nodes' network. It has no route to pods: its default route is the engine's
// address there, which knows none either.
func startOutside(ctx context.Context, o *Options) (*bed.Underlay, error) {
	name := o.Name + "-outside"
	for i, c := range o.Components.Outside(o.NodeImage).Containers {
		args := []string{"run", "--detach", "--label", madeLabel + "=" + o.Name,
			"--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW", "--entrypoint", c.Entrypoint}
		if i == 0 {
			args = append(args, "--name", name, "--hostname", "outside", "--network", networkName)
		} else {
			args = append(args, "--name", fmt.Sprintf("%s-%d", name, i), "--network", "container:"+name)
		}
		if _, err := o.Engine.Docker(ctx, append(append(args, c.Image), c.Args...)...); err != nil {
			return nil, fmt.Errorf("starting the peer outside: %w", err)
		}
	}
	address, err := o.Engine.Docker(ctx, "inspect", "--format", `{{(index .NetworkSettings.Networks "`+networkName+`").IPAddress}}`, name)
	if err != nil {
		return nil, fmt.Errorf("address of the peer outside: %w", err)
	}
	spec := &bed.HostSpec{Name: "outside", Address: strings.TrimSpace(address), Container: &bed.ContainerExec{
		Name: name, DockerHost: o.Engine.DockerHost, BinDir: o.Engine.BinDir}}
	out, err := o.Engine.Docker(ctx, "exec", name, "ip", "-o", "-4", "addr", "show")
	if err != nil {
		return nil, fmt.Errorf("interface of the peer outside: %w", err)
	}
	if spec.Interface, err = interfaceOf(out, spec.Address); err != nil {
		return nil, fmt.Errorf("interface of the peer outside: %w", err)
	}
	if err := awaitEcho(ctx, o.Engine, name); err != nil {
		return nil, err
	}
	return &bed.Underlay{Outside: spec}, nil
}

// awaitEcho waits until the peer answers itself on port 8080.
func awaitEcho(ctx context.Context, e Engine, name string) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, 300*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		_, last = e.Docker(ctx, "exec", name, "curl", "--silent", "--show-error", "--fail", "--max-time", "5", "http://127.0.0.1:8080/hostname")
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("the peer outside does not serve port 8080: %w", errors.Join(err, last))
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
