package images

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// fillStore runs inside the node's root file system: its containerd imports the
// archive on standard input and unpacks every image for the overlay snapshotter.
// The socket shows that it is ready; the wait ends when containerd does.
const fillStore = `set -eu
containerd >/mnt/containerd 2>&1 &
pid=$!
tries=0
until ctr version >/dev/null 2>&1; do
	kill -0 "$pid" || { echo "containerd ended:"; tail -n 5 /mnt/containerd; exit 1; }
	tries=$((tries + 1))
	[ "$tries" -lt 300 ] || { echo "containerd does not answer after a minute:"; tail -n 5 /mnt/containerd; exit 1; }
	sleep 0.2
done
ctr --namespace k8s.io images import --snapshotter overlayfs -
ctr --namespace k8s.io images ls >/mnt/images
kill "$pid"
wait "$pid" || true
`

// store makes a directory to be mounted at /var/lib/containerd of a node, with
// all images in it, by tag and by digest, unpacked.
func (b *builder) store(ctx context.Context, node string) (dir string, digests map[string]string, err error) {
	dir, err = b.artifact(ctx, "store", "store", b.storeKey(), func(dir string) error {
		layers := filepath.Join(dir, "layers")
		if err := os.MkdirAll(layers, 0o755); err != nil {
			return err
		}
		made, err := b.layers(ctx, layers)
		if err != nil {
			return err
		}
		images, err := stackImages(made)
		if err != nil {
			return err
		}
		digests, err := b.unpack(ctx, node, filepath.Join(dir, "containerd"), images)
		if err != nil {
			return err
		}
		data, err := json.MarshalIndent(digests, "", "  ")
		if err != nil {
			return err
		}
		if err := put(filepath.Join(dir, "digests.json"), data, 0o644); err != nil {
			return err
		}
		return os.RemoveAll(layers) // the store has them
	})
	if err != nil {
		return "", nil, err
	}
	data, err := os.ReadFile(filepath.Join(dir, "digests.json"))
	if err != nil {
		return "", nil, err
	}
	return filepath.Join(dir, "containerd"), digests, json.Unmarshal(data, &digests)
}

func (b *builder) storeKey() string {
	parts := []string{"1", b.nodeKey(), b.guestKey(), b.programsKey(), pauseTag, pauseTag2, corednsTag, etcdTag, imagePrefix}
	for _, name := range []string{"base", "virt"} {
		parts = append(parts, b.rootKey(rootByName(name)))
	}
	for _, c := range components {
		parts = append(parts, b.componentKey(c))
	}
	return key(parts...)
}

// unpack streams the archive into a containerd that runs in the node's root.
func (b *builder) unpack(ctx context.Context, node, store string, images []namedImage) (map[string]string, error) {
	if err := os.MkdirAll(store, 0o711); err != nil {
		return nil, err
	}
	logs := filepath.Join(b.Cache, "logs", "store")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	box := sandbox{root: node, clean: true, binds: []bind{{store, "/var/lib/containerd"}, {logs, "/mnt"}}}
	cmd := box.command(ctx, "/", []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, "/bin/sh", "-c", fillStore)
	reader, writer := io.Pipe()
	cmd.Stdin = reader
	var digests map[string]string
	written := make(chan error, 1)
	go func() {
		var err error
		digests, err = writeArchive(writer, images)
		writer.CloseWithError(err)
		written <- err
	}()
	err := run(cmd, b.log("store-import"))
	reader.Close() // lets the writer go when the import ended early
	if writeErr := <-written; err == nil && writeErr != nil {
		err = writeErr
	}
	if err != nil {
		return nil, fmt.Errorf("import of the images: %w", err)
	}
	return digests, checkStore(filepath.Join(logs, "images"), digests)
}

// checkStore compares what containerd lists with what was meant to be there.
func checkStore(listing string, digests map[string]string) error {
	data, err := os.ReadFile(listing)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, line := range strings.Split(string(data), "\n") {
		if f := strings.Fields(line); len(f) > 2 {
			there[f[0]+" "+f[2]] = true
		}
	}
	for name, digest := range digests {
		byDigest := name[:strings.LastIndex(name, ":")] + "@" + digest
		for _, ref := range []string{name, byDigest} {
			if !there[ref+" "+digest] {
				return fmt.Errorf("containerd does not list %s with digest %s after the import", ref, digest)
			}
		}
	}
	return nil
}
