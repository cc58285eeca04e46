package images

import (
	"fmt"
	"io"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// NodeConfig is how kind's node image is started (images/base/Dockerfile of
// sigs.k8s.io/kind): systemd learns that it is in a container, and stops on
// SIGRTMIN+3.
func NodeConfig() v1.Config {
	return v1.Config{
		Env:        []string{"container=docker"},
		Entrypoint: []string{"/usr/local/bin/entrypoint", "/sbin/init"},
		StopSignal: "SIGRTMIN+3",
	}
}

// WriteNodeArchive writes the node image as "docker load" takes it, for a Docker
// engine that is there already. Its layer is laid down in dir for the time being.
func WriteNodeArchive(r *Result, dir string, to io.Writer) error {
	tag, err := name.NewTag(r.NodeTag)
	if err != nil {
		return err
	}
	l := newLayer()
	if err := l.addTree(r.NodeRoot); err != nil {
		return fmt.Errorf("node image: %w", err)
	}
	work, err := os.MkdirTemp(dir, ".node-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	saved, err := saveLayer(work, "node", l)
	if err != nil {
		return err
	}
	img, err := newImage(NodeConfig(), saved)
	if err != nil {
		return err
	}
	if err := tarball.Write(tag, img, to); err != nil {
		return fmt.Errorf("node image: %w", err)
	}
	return nil
}
