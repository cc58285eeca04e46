package bed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"
)

// podRunner runs commands in a pod's container by the API server's exec.
type podRunner struct {
	bed                       *Bed
	place                     string
	namespace, pod, container string
}

// Pod is a container as a place; an empty container is the pod's first or its default one.
func (b *Bed) Pod(namespace, pod, container string) Streamer {
	return &podRunner{bed: b, place: "pod " + pod, namespace: namespace, pod: pod, container: container}
}

func (p *podRunner) Place() string { return p.place }

func (p *podRunner) Run(ctx context.Context, argv ...string) (string, error) {
	var stdout bytes.Buffer
	err := p.Stream(ctx, nil, &stdout, argv...)
	var failed *CommandError
	if errors.As(err, &failed) {
		failed.Stdout = stdout.String()
	}
	return stdout.String(), err
}

func (p *podRunner) Stream(ctx context.Context, stdin io.Reader, stdout io.Writer, argv ...string) error {
	executor, err := p.executor(argv, stdin != nil)
	if err != nil {
		return fmt.Errorf("%s: exec: %w", p.place, err)
	}
	var stderr bytes.Buffer
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: stdin, Stdout: stdout, Stderr: &stderr})
	var exit utilexec.CodeExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		return &CommandError{Place: p.place, Command: CommandLine(argv), ExitCode: exit.Code, Stderr: stderr.String()}
	}
	return fmt.Errorf("%s: exec %q: %w", p.place, brief(CommandLine(argv)), err)
}

// executor speaks WebSocket, and SPDY to servers or proxies that do not.
func (p *podRunner) executor(argv []string, stdin bool) (remotecommand.Executor, error) {
	url := p.bed.Kube.CoreV1().RESTClient().Post().Resource("pods").Namespace(p.namespace).Name(p.pod).
		SubResource("exec").VersionedParams(&corev1.PodExecOptions{
		Container: p.container, Command: argv, Stdin: stdin, Stdout: true, Stderr: true,
	}, scheme.ParameterCodec).URL()
	websocket, err := remotecommand.NewWebSocketExecutor(p.bed.streams, "GET", url.String())
	if err != nil {
		return nil, err
	}
	spdy, err := remotecommand.NewSPDYExecutor(p.bed.streams, "POST", url)
	if err != nil {
		return nil, err
	}
	return remotecommand.NewFallbackExecutor(websocket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
}
