package images

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// fileLayer is a layer in an uncompressed tar on disk: it is unpacked on the
// same machine a moment later, compressing it would only cost time.
type fileLayer struct {
	path string
	hash v1.Hash
	size int64
}

// saveLayer writes l into dir under its digest.
func saveLayer(dir, name string, l *layer) (*fileLayer, error) {
	path := filepath.Join(dir, name+".tar")
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := l.write(f); err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return openLayer(path)
}

func openLayer(path string) (*fileLayer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	hash, size, err := v1.SHA256(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &fileLayer{path: path, hash: hash, size: size}, nil
}

func (l *fileLayer) Digest() (v1.Hash, error)             { return l.hash, nil }
func (l *fileLayer) DiffID() (v1.Hash, error)             { return l.hash, nil }
func (l *fileLayer) Compressed() (io.ReadCloser, error)   { return os.Open(l.path) }
func (l *fileLayer) Uncompressed() (io.ReadCloser, error) { return os.Open(l.path) }
func (l *fileLayer) Size() (int64, error)                 { return l.size, nil }
func (l *fileLayer) MediaType() (types.MediaType, error)  { return types.OCIUncompressedLayer, nil }

// newImage stacks layers, the lowest first.
func newImage(config v1.Config, layers ...v1.Layer) (v1.Image, error) {
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.AppendLayers(base, layers...)
	if err != nil {
		return nil, err
	}
	config.Env = append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, config.Env...)
	return mutate.ConfigFile(img, &v1.ConfigFile{
		Architecture: "amd64", OS: "linux", Created: v1.Time{Time: layerTime}, Config: config,
		RootFS: rootFSOf(layers), History: make([]v1.History, len(layers)),
	})
}

func rootFSOf(layers []v1.Layer) v1.RootFS {
	r := v1.RootFS{Type: "layers"}
	for _, l := range layers {
		h, err := l.DiffID()
		if err == nil { // of a fileLayer never an error
			r.DiffIDs = append(r.DiffIDs, h)
		}
	}
	return r
}

// namedImage is an image with all the names it goes by.
type namedImage struct {
	names []string
	image v1.Image
}

// writeArchive writes images as one OCI layout in a tar, which "ctr images
// import" takes. Every name is there twice, by tag and by digest: KubeVirt pins
// the target of a migration to the digest, and nothing could be pulled. It
// returns the digest of each name.
func writeArchive(to io.Writer, images []namedImage) (map[string]string, error) {
	w := tar.NewWriter(to)
	seen := map[v1.Hash]bool{}
	digests := map[string]string{}
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	for _, n := range images {
		if err := writeImage(w, n.image, seen); err != nil {
			return nil, fmt.Errorf("image %s: %w", n.names[0], err)
		}
		digest, err := n.image.Digest()
		if err != nil {
			return nil, err
		}
		size, err := n.image.Size()
		if err != nil {
			return nil, err
		}
		names := map[string]bool{}
		for _, name := range n.names {
			digests[name] = digest.String()
			names[name] = true
			names[name[:strings.LastIndex(name, ":")]+"@"+digest.String()] = true
		}
		for _, name := range sorted(names) {
			index.Manifests = append(index.Manifests, v1.Descriptor{
				MediaType: types.OCIManifestSchema1, Size: size, Digest: digest,
				Platform:    &v1.Platform{Architecture: "amd64", OS: "linux"},
				Annotations: map[string]string{"io.containerd.image.name": name},
			})
		}
	}
	raw, err := json.Marshal(index)
	if err != nil {
		return nil, err
	}
	if err := writeEntry(w, "index.json", int64(len(raw)), bytes.NewReader(raw)); err != nil {
		return nil, err
	}
	version := `{"imageLayoutVersion":"1.0.0"}`
	if err := writeEntry(w, "oci-layout", int64(len(version)), strings.NewReader(version)); err != nil {
		return nil, err
	}
	return digests, w.Close()
}

// writeImage writes manifest, configuration and those layers that no image
// before it had.
func writeImage(w *tar.Writer, img v1.Image, seen map[v1.Hash]bool) error {
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	for _, l := range layers {
		if err := writeLayer(w, l, seen); err != nil {
			return err
		}
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	manifest, err := img.RawManifest()
	if err != nil {
		return err
	}
	for _, data := range [][]byte{config, manifest} {
		hash, size, err := v1.SHA256(bytes.NewReader(data))
		if err != nil {
			return err
		}
		if seen[hash] {
			continue
		}
		seen[hash] = true
		if err := writeEntry(w, blobName(hash), size, bytes.NewReader(data)); err != nil {
			return err
		}
	}
	return nil
}

func writeLayer(w *tar.Writer, l v1.Layer, seen map[v1.Hash]bool) error {
	hash, err := l.Digest()
	if err != nil || seen[hash] {
		return err
	}
	seen[hash] = true
	size, err := l.Size()
	if err != nil {
		return err
	}
	r, err := l.Compressed()
	if err != nil {
		return err
	}
	defer r.Close()
	return writeEntry(w, blobName(hash), size, r)
}

func blobName(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }

func writeEntry(w *tar.Writer, name string, size int64, r io.Reader) error {
	h := tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: size, ModTime: layerTime}
	if err := w.WriteHeader(&h); err != nil {
		return err
	}
	_, err := io.CopyN(w, r, size)
	return err
}

func sorted(set map[string]bool) []string {
	var list []string
	for s := range set {
		list = append(list, s)
	}
	sort.Strings(list)
	return list
}
