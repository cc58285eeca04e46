package machine

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"

	"github.com/vmnet-project/vmnet/internal/files"
)

// hostAlias is the name that the machine's host key is known by, whatever its address.
const hostAlias = "vmnet-machine"

// The files of identityDir.
const (
	userKeyFile    = "id_ed25519"
	hostKeyFile    = "ssh_host_ed25519_key"
	knownHostsFile = "known_hosts"
)

// ensureIdentity makes what of the identity is missing: the key to log in with, the host key that the machine
// gets, each with its .pub, and the known_hosts file that pins the latter.
func ensureIdentity(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keys of the machine: %w", err)
	}
	for _, name := range []string{userKeyFile, hostKeyFile} {
		if err := ensureKey(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("keys of the machine: %w", err)
		}
	}
	pub, err := os.ReadFile(filepath.Join(dir, hostKeyFile+".pub"))
	if err != nil {
		return fmt.Errorf("keys of the machine: %w", err)
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(pub)
	if err != nil {
		return fmt.Errorf("keys of the machine: %s.pub: %w", hostKeyFile, err)
	}
	line := hostAlias + " " + string(ssh.MarshalAuthorizedKey(key))
	if err := files.Replace(filepath.Join(dir, knownHostsFile), []byte(line), 0o600); err != nil {
		return fmt.Errorf("keys of the machine: %w", err)
	}
	return nil
}

// ensureKey keeps a private key that is there; its public half is written anew from it.
func ensureKey(path string) error {
	var signer ssh.Signer
	data, err := os.ReadFile(path)
	switch {
	case err == nil:
		if signer, err = ssh.ParsePrivateKey(data); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	case errors.Is(err, os.ErrNotExist):
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return err
		}
		block, err := ssh.MarshalPrivateKey(private, hostAlias)
		if err != nil {
			return err
		}
		if signer, err = ssh.NewSignerFromKey(private); err != nil {
			return err
		}
		if err := files.Replace(path, pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
	default:
		return err
	}
	return files.Replace(path+".pub", ssh.MarshalAuthorizedKey(signer.PublicKey()), 0o644)
}
