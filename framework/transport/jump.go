package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"kubevirt.io/client-go/kubecli"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// Jump goes through another place that reaches the guest by itself: a pod on the guest's network ("jump-pod"),
// or a host outside on its VLAN ("peer"). A command there, netcat by default, is the connection.
type Jump struct {
	// Way is the dialer's name.
	Way     string
	Through bed.Streamer
	// Address finds the guest's IP, as the place reaches it.
	Address func(ctx context.Context, namespace, vm string) (string, error)
	// Command is followed by address and port; empty for nc -N, which ends when our side does.
	Command []string
}

// JumpPod goes through a pod to the first address in the VMI's status.
func JumpPod(client kubecli.KubevirtClient, through bed.Streamer) Jump {
	return Jump{Way: "jump-pod", Through: through, Address: func(ctx context.Context, namespace, vm string) (string, error) {
		return InterfaceAddress(ctx, client, namespace, vm, "")
	}}
}

// Peer goes through a host outside the cluster to the address of the named interface, or of the first.
func Peer(client kubecli.KubevirtClient, through bed.Streamer, network string) Jump {
	return Jump{Way: "peer", Through: through, Address: func(ctx context.Context, namespace, vm string) (string, error) {
		return InterfaceAddress(ctx, client, namespace, vm, network)
	}}
}

// InterfaceAddress is what the VMI's status has for an interface, by its name in the VM; empty for the first.
func InterfaceAddress(ctx context.Context, client kubecli.KubevirtClient, namespace, vm, network string) (string, error) {
	vmi, err := client.VirtualMachineInstance(namespace).Get(ctx, vm, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("address of %s/%s: %w", namespace, vm, err)
	}
	for _, i := range vmi.Status.Interfaces {
		if (network == "" || i.Name == network) && i.IP != "" {
			return i.IP, nil
		}
	}
	return "", fmt.Errorf("address of %s/%s: its status has none for interface %q yet", namespace, vm, network)
}

// Name is the way's.
func (j Jump) Name() string { return j.Way }

// Dial starts the command; ctx bounds the search for the address alone. That the guest cannot be reached shows
// itself at the first read, with what the command said.
func (j Jump) Dial(ctx context.Context, namespace, vm string) (net.Conn, error) {
	address, err := j.Address(ctx, namespace, vm)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", j.Way, err)
	}
	command := j.Command
	if len(command) == 0 {
		command = []string{"nc", "-N"}
	}
	argv := append(append([]string{}, command...), address, strconv.Itoa(SSHPort))
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	ours, theirs := net.Pipe()
	c := &jumpConn{Conn: ours, end: end}
	go func() {
		err := j.Through.Stream(life, theirs, theirs, argv...)
		if err == nil {
			err = io.EOF
		}
		c.ended.Store(&err)
		_ = theirs.Close()
		end()
	}()
	return c, nil
}

// jumpConn ends its command when it is closed, and says at the end of reading why the command ended.
type jumpConn struct {
	net.Conn
	end   context.CancelFunc
	ended atomic.Pointer[error]
}

func (c *jumpConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if ended := c.ended.Load(); ended != nil && errors.Is(err, io.EOF) {
		err = *ended
	}
	return n, err
}

func (c *jumpConn) Close() error {
	err := c.Conn.Close() // the command's stdin ends, and with it the far connection
	c.end()
	return err
}
