package transport

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Identity is both sides' keys of one run: guests are given their host key and ours by NoCloud, so that the
// first connection is already a checked one.
type Identity struct {
	User string
	// Signer is our key.
	Signer ssh.Signer
	// HostKey is the guests' public key; all guests of a run share it.
	HostKey ssh.PublicKey
	// AuthorizedKey is our public key, as authorized_keys has it, without newline.
	AuthorizedKey string
	// HostPrivatePEM is the guests' private key in OpenSSH's format.
	HostPrivatePEM string

	userPEM string
}

// NewIdentity makes fresh Ed25519 keys for both sides.
func NewIdentity(user string) (*Identity, error) {
	ours, err := newKey("vmnet")
	if err != nil {
		return nil, err
	}
	host, err := newKey("vmnet guest")
	if err != nil {
		return nil, err
	}
	return fromPEM(user, ours, host)
}

func newKey(comment string) (string, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("make an SSH key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return "", fmt.Errorf("make an SSH key: %w", err)
	}
	return string(pem.EncodeToMemory(block)), nil
}

func fromPEM(user, ours, host string) (*Identity, error) {
	signer, err := ssh.ParsePrivateKey([]byte(ours))
	if err != nil {
		return nil, fmt.Errorf("identity: our key: %w", err)
	}
	hostSigner, err := ssh.ParsePrivateKey([]byte(host))
	if err != nil {
		return nil, fmt.Errorf("identity: the guests' key: %w", err)
	}
	return &Identity{User: user, Signer: signer, HostKey: hostSigner.PublicKey(), HostPrivatePEM: host, userPEM: ours,
		AuthorizedKey: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))}, nil
}

// UserData is the cloud-config that gives a guest both keys, for cloud-init and for the small guest's reader.
func (i *Identity) UserData() string {
	var b strings.Builder
	// root's login is cloud-init's to refuse by default
	fmt.Fprintf(&b, "#cloud-config\ndisable_root: false\nssh_authorized_keys:\n - %s\n", i.AuthorizedKey)
	b.WriteString("ssh_deletekeys: true\nssh_keys:\n  ed25519_private: |\n")
	for _, line := range strings.Split(strings.TrimSpace(i.HostPrivatePEM), "\n") {
		fmt.Fprintf(&b, "    %s\n", line)
	}
	fmt.Fprintf(&b, "  ed25519_public: %s\n", strings.TrimSpace(string(ssh.MarshalAuthorizedKey(i.HostKey))))
	return b.String()
}

type storedIdentity struct{ User, Key, HostKey string }

// Save writes the identity to a file that the user alone may read, for a later run that takes the guests over.
func (i *Identity) Save(path string) error {
	raw, err := json.Marshal(storedIdentity{User: i.User, Key: i.userPEM, HostKey: i.HostPrivatePEM})
	if err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	return nil
}

// LoadIdentity reads what Save wrote.
func LoadIdentity(path string) (*Identity, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // the caller's own file
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	var s storedIdentity
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("identity %s: %w", path, err)
	}
	return fromPEM(s.User, s.Key, s.HostKey)
}
