package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	kvcorev1 "kubevirt.io/client-go/kubevirt/typed/core/v1"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// Console collects what a VM's serial console says in the time d, after a newline and then the given lines were
// typed: where the console has a shell, it answers them also when the network is down. It takes the console from
// whoever holds it. What was read before an error is returned with the error.
func Console(ctx context.Context, b *bed.Bed, namespace, vm string, d time.Duration, typed ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, d+consoleTimeout)
	defer cancel()
	stream, err := within(ctx, func() (kvcorev1.StreamInterface, error) {
		return b.KubeVirt.VirtualMachineInstance(namespace).SerialConsole(vm,
			&kvcorev1.SerialConsoleOptions{ConnectionTimeout: consoleTimeout})
	})
	if err != nil {
		return "", fmt.Errorf("console of %s/%s: %w", namespace, vm, err)
	}
	conn := stream.AsConn()
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err := conn.Write([]byte("\n" + strings.Join(append(typed, ""), "\n"))); err != nil {
		return "", fmt.Errorf("console of %s/%s: %w", namespace, vm, err)
	}
	end := time.Now().Add(d)
	if err := conn.SetReadDeadline(end); err != nil {
		return "", fmt.Errorf("console of %s/%s: %w", namespace, vm, err)
	}
	var said bytes.Buffer
	_, err = said.ReadFrom(conn)
	if !time.Now().Before(end) || errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("console of %s/%s: %w", namespace, vm, err)
	}
	return said.String(), err
}

// consoleTimeout is how long the console may take to open.
const consoleTimeout = 10 * time.Second
