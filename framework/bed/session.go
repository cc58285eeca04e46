package bed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/crypto/ssh"
)

// NewSSHClient does SSH's handshake over conn within ctx; when it fails, conn is closed.
func NewSSHClient(ctx context.Context, conn net.Conn, address string, config *ssh.ClientConfig) (*ssh.Client, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	c, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if !stop() { // ctx ended; conn is closed or about to be
		return nil, context.Cause(ctx)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return ssh.NewClient(c, channels, requests), nil
}

// RunSSH runs one command in a fresh SSH session, closes the session, and returns as Runner.Run does. When ctx
// ends it returns at once, whether or not the other side still answers.
func RunSSH(ctx context.Context, session *ssh.Session, place string, argv []string) (string, error) {
	stdout := newOutput()
	err := streamSSH(ctx, session, place, nil, stdout, argv)
	var failed *CommandError
	if errors.As(err, &failed) {
		failed.Stdout = stdout.String()
	}
	return stdout.String(), err
}

func streamSSH(ctx context.Context, session *ssh.Session, place string, stdin io.Reader, stdout io.Writer, argv []string) error {
	defer func() { _ = session.Close() }()
	stderr := newOutput()
	session.Stdin, session.Stdout, session.Stderr = stdin, stdout, stderr
	done := make(chan error, 1)
	go func() { done <- session.Run(CommandLine(argv)) }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		return fmt.Errorf("%s: %q: %w", place, brief(CommandLine(argv)), context.Cause(ctx))
	}
	var exit *ssh.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		return &CommandError{Place: place, Command: CommandLine(argv), ExitCode: exit.ExitStatus(), Stderr: stderr.String()}
	}
	return fmt.Errorf("%s: %q: the connection broke: %w", place, brief(CommandLine(argv)), err)
}
