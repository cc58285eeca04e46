package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/crypto/ssh"
	"golang.org/x/term"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/scenario"
	"github.com/vmnet-project/vmnet/framework/transport"
)

// entered is what enters a node from its privileged pod: all namespaces of the node's first process.
var entered = []string{"nsenter", "--target", "1", "--mount", "--uts", "--ipc", "--net", "--pid", "--"}

// nodeShell runs a command on a node, or a shell. What it needs there it takes away again, unless it was there.
func (a *app) nodeShell(ctx context.Context, b *bed.Bed, node string, argv []string) error {
	_, err := b.Kube.CoreV1().Namespaces().Get(ctx, bed.SystemNamespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) { // else a run has it, and will need it still
		defer func() { _ = closeBed(ctx, b) }()
	}
	runner, err := b.Node(ctx, node)
	if err != nil {
		return &setupError{err}
	}
	if len(argv) > 0 {
		return a.ran(runner.Run(ctx, append(entered, argv...)...))
	}
	return interactive(func(size remotecommand.TerminalSize) error {
		config := rest.CopyConfig(b.REST)
		config.Timeout = 0 // a shell stays open for as long as it is used
		request := b.Kube.CoreV1().RESTClient().Post().Resource("pods").Namespace(bed.SystemNamespace).Name("node-"+node).
			SubResource("exec").VersionedParams(&corev1.PodExecOptions{
			Container: "node", Command: append(entered, "bash", "-l"), Stdin: true, Stdout: true, TTY: true,
		}, scheme.ParameterCodec)
		executor, err := remotecommand.NewWebSocketExecutor(config, "GET", request.URL().String())
		if err != nil {
			return err
		}
		sizes := &resizes{next: make(chan remotecommand.TerminalSize, 1), done: ctx.Done()}
		sizes.next <- size
		stop := onResize(func(s remotecommand.TerminalSize) {
			select {
			case sizes.next <- s:
			default: // the next one will do
			}
		})
		defer stop()
		err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: os.Stdin, Stdout: a.stdout, Tty: true, TerminalSizeQueue: sizes})
		var exit utilexec.CodeExitError
		if errors.As(err, &exit) {
			return commandExit(exit.Code)
		}
		return err
	})
}

// guestShell runs a command in a VM, or a shell, over SSH by the way that leads there.
func (a *app) guestShell(ctx context.Context, b *bed.Bed, namespace, vm string, argv []string) error {
	file, err := a.identityFile(namespace)
	if err != nil {
		return err
	}
	identity, err := transport.LoadIdentity(file)
	if err != nil {
		return &inputError{fmt.Errorf("the keys to %s: %w", vm, err), "only runs that this user kept on this host can be entered"}
	}
	way, err := scenario.WayInto(ctx, b, namespace, vm)
	if err != nil {
		return &setupError{err}
	}
	if len(argv) > 0 {
		guest, err := transport.Connect(ctx, way, namespace, vm, *identity)
		if err != nil {
			return &setupError{err}
		}
		defer func() { _ = guest.Close() }()
		return a.ran(guest.Run(ctx, argv...))
	}
	conn, err := way.Dial(ctx, namespace, vm)
	if err != nil {
		return &setupError{err}
	}
	client, err := bed.NewSSHClient(ctx, conn, vm, &ssh.ClientConfig{User: identity.User,
		Auth: []ssh.AuthMethod{ssh.PublicKeys(identity.Signer)}, HostKeyCallback: ssh.FixedHostKey(identity.HostKey)})
	if err != nil {
		return &setupError{fmt.Errorf("ssh to %s: %w", vm, err)}
	}
	defer func() { _ = client.Close() }()
	session, err := client.NewSession()
	if err != nil {
		return &setupError{err}
	}
	return interactive(func(size remotecommand.TerminalSize) error { return a.sshShell(session, size) })
}

func (a *app) sshShell(session *ssh.Session, size remotecommand.TerminalSize) error {
	session.Stdin, session.Stdout, session.Stderr = os.Stdin, a.stdout, a.stderr
	if err := session.RequestPty(os.Getenv("TERM"), int(size.Height), int(size.Width), ssh.TerminalModes{}); err != nil {
		return err
	}
	stop := onResize(func(s remotecommand.TerminalSize) { _ = session.WindowChange(int(s.Height), int(s.Width)) })
	defer stop()
	if err := session.Shell(); err != nil {
		return err
	}
	err := session.Wait()
	var exit *ssh.ExitError
	if errors.As(err, &exit) {
		return commandExit(exit.ExitStatus())
	}
	return err
}

// interactive hands the terminal over, every key and ^C as well, and takes it back.
func interactive(shell func(size remotecommand.TerminalSize) error) error {
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		return &inputError{errors.New("a shell needs a terminal"), "give a command after --"}
	}
	before, err := term.MakeRaw(fd)
	if err != nil {
		return err
	}
	defer func() { _ = term.Restore(fd, before) }()
	return shell(terminalSize())
}

func terminalSize() remotecommand.TerminalSize {
	w, h, err := term.GetSize(int(os.Stdin.Fd()))
	if err != nil {
		return remotecommand.TerminalSize{Width: 80, Height: 24}
	}
	return remotecommand.TerminalSize{Width: uint16(w), Height: uint16(h)}
}

// onResize calls back when the terminal's size changes, until it is stopped.
func onResize(changed func(remotecommand.TerminalSize)) (stop func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGWINCH)
	go func() {
		for {
			select {
			case <-signals:
				changed(terminalSize())
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}

// resizes is a queue of sizes as remotecommand wants it.
type resizes struct {
	next chan remotecommand.TerminalSize
	done <-chan struct{}
}

func (r *resizes) Next() *remotecommand.TerminalSize {
	select {
	case s := <-r.next:
		return &s
	case <-r.done:
		return nil
	}
}
