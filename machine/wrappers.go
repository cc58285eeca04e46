package machine

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"github.com/vmnet-project/vmnet/internal/files"
)

// controlSocket is relative to the state directory: a socket's path has at most 107 bytes.
const controlSocket = "ssh.sock"

// binDir holds the docker and the ssh that reach the machine.
func binDir(stateDir string) string { return filepath.Join(stateDir, "bin") }

// writeWrappers makes two commands. Both work from any directory and with any environment: docker's ssh
// connections find the ssh beside it.
func writeWrappers(o Options, s *state) error {
	dir, bin := o.stateDir(), binDir(o.stateDir())
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		return fmt.Errorf("ssh is not there: install openssh-client: %w", err)
	}
	docker, err := dockerClient(s.Root)
	if err != nil {
		return err
	}
	q := shellescape.Quote
	// Relative, like the socket: ssh takes blanks, quotes and percent signs in its options for its own.
	rel, err := filepath.Rel(dir, o.identityDir())
	if err != nil {
		return fmt.Errorf("commands of the machine: %w", err)
	}
	id := func(name string) string { return filepath.Join(rel, name) }
	texts := map[string]string{
		"ssh": "#!/bin/sh\n# OpenSSH with the key and the pinned host key of the machine, one connection for all calls.\n" +
			"cd " + q(dir) + " || exit 255\nexec " + q(ssh) + " -F none -i " + id(userKeyFile) +
			" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes -o HostKeyAlias=" + hostAlias +
			" -o UserKnownHostsFile=" + id(knownHostsFile) + " -o GlobalKnownHostsFile=/dev/null -o LogLevel=ERROR" +
			" -o ServerAliveInterval=15 -o ServerAliveCountMax=8" +
			" -o ControlMaster=auto -o ControlPath=" + controlSocket + " -o ControlPersist=3600 \"$@\"\n",
		"docker": "#!/bin/sh\n# Docker's client for the machine, without the caller's own settings.\n" +
			"PATH=" + q(bin) + ":$PATH\nDOCKER_HOST=${DOCKER_HOST:-" + dockerHost(s) + "}\n" +
			"DOCKER_CONFIG=" + q(filepath.Join(dir, "docker")) + "\nexport PATH DOCKER_HOST DOCKER_CONFIG\n" +
			"exec " + shellescape.QuoteCommand(docker) + " \"$@\"\n",
	}
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return fmt.Errorf("commands of the machine: %w", err)
	}
	for name, text := range texts {
		if err := files.Replace(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			return fmt.Errorf("commands of the machine: %w", err)
		}
	}
	return nil
}

// dockerClient is the client of the machine's root, run by that root's own loader and libraries, so that it is
// the same on every host; without a root it is the host's.
func dockerClient(root string) ([]string, error) {
	if root != "" {
		client := filepath.Join(root, "usr/bin/docker")
		loaders, err := filepath.Glob(filepath.Join(root, "usr/lib*/ld-linux-*.so.*"))
		if err != nil {
			return nil, fmt.Errorf("docker client: %w", err)
		}
		more, err := filepath.Glob(filepath.Join(root, "usr/lib/ld-linux-*.so.*")) // arm64
		if err != nil {
			return nil, fmt.Errorf("docker client: %w", err)
		}
		libs, err := filepath.Glob(filepath.Join(root, "usr/lib/*-linux-gnu*"))
		if err != nil {
			return nil, fmt.Errorf("docker client: %w", err)
		}
		loaders = append(loaders, more...)
		if _, err := os.Stat(client); err == nil && len(loaders) > 0 && len(libs) > 0 {
			return []string{loaders[0], "--library-path", strings.Join(libs, ":"), client}, nil
		}
		return nil, fmt.Errorf("docker client: %s has no docker with its loader and libraries: build the root again", root)
	}
	docker, err := exec.LookPath("docker")
	if err != nil {
		return nil, fmt.Errorf("docker client: no machine root given and none on the host: %w", err)
	}
	return []string{docker}, nil
}

func dockerHost(s *state) string { return "ssh://root@" + s.Address.String() }
