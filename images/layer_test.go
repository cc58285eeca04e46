package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// smallTree has what root file systems have: links of both kinds, a set-user-ID
// program, a directory for everybody.
func smallTree(t *testing.T, at time.Time) string {
	t.Helper()
	root := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(root, "usr/bin"), 0o755))
	must(os.MkdirAll(filepath.Join(root, "tmp"), 0o755))
	must(os.Chmod(filepath.Join(root, "tmp"), 0o777|os.ModeSticky))
	must(os.Symlink("usr/bin", filepath.Join(root, "bin")))
	must(os.WriteFile(filepath.Join(root, "usr/bin/tool"), []byte("tool"), 0o755))
	must(os.WriteFile(filepath.Join(root, "usr/bin/su"), []byte("su"), 0o755))
	must(os.Chmod(filepath.Join(root, "usr/bin/su"), 0o755|os.ModeSetuid))
	must(os.Link(filepath.Join(root, "usr/bin/tool"), filepath.Join(root, "usr/bin/alias")))
	must(os.Chtimes(filepath.Join(root, "usr/bin/tool"), at, at))
	return root
}

func tarOf(t *testing.T, l *layer) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := l.write(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func headers(t *testing.T, data []byte) map[string]*tar.Header {
	t.Helper()
	all := map[string]*tar.Header{}
	r := tar.NewReader(bytes.NewReader(data))
	last := ""
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Name <= last {
			t.Errorf("%s comes after %s", h.Name, last)
		}
		last = h.Name
		all[h.Name] = h
	}
}

func TestLayerOfATree(t *testing.T) {
	one, two := newLayer(), newLayer()
	if err := one.addTree(smallTree(t, time.Unix(1, 0))); err != nil {
		t.Fatal(err)
	}
	if err := two.addTree(smallTree(t, time.Unix(2_000_000_000, 0))); err != nil {
		t.Fatal(err)
	}
	data := tarOf(t, one)
	if !bytes.Equal(data, tarOf(t, two)) {
		t.Error("the same tree with other times makes another layer")
	}
	h := headers(t, data)
	for name, want := range map[string]struct {
		kind byte
		mode int64
		link string
	}{
		"bin":           {tar.TypeSymlink, 0, "usr/bin"},
		"tmp/":          {tar.TypeDir, 0o1777, ""},
		"usr/bin/su":    {tar.TypeReg, 0o4755, ""},
		"usr/bin/alias": {tar.TypeReg, 0o755, ""},
		"usr/bin/tool":  {tar.TypeLink, 0o755, "usr/bin/alias"},
	} {
		got := h[name]
		if got == nil {
			t.Errorf("%s is missing", name)
			continue
		}
		if got.Typeflag != want.kind || got.Linkname != want.link || want.mode != 0 && got.Mode != want.mode {
			t.Errorf("%s: kind %c mode %o link %q, want %c %o %q", name, got.Typeflag, got.Mode, got.Linkname, want.kind, want.mode, want.link)
		}
		if !got.ModTime.Equal(layerTime) {
			t.Errorf("%s: time %v", name, got.ModTime)
		}
	}
}

func TestLayerCapability(t *testing.T) {
	l := newLayer()
	l.addData("usr/bin/monitor", []byte("x"), 0o755)
	if err := l.setCapability("usr/bin/monitor", netBindService); err != nil {
		t.Fatal(err)
	}
	if err := l.setCapability("usr/bin/other", netBindService); err == nil {
		t.Error("a capability for a file that is not there")
	}
	h := headers(t, tarOf(t, l))
	// as setcap cap_net_bind_service=+ep writes it
	want := "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	if got := h["usr/bin/monitor"].PAXRecords[capabilityXattr]; got != want {
		t.Errorf("capability %q, want %q", got, want)
	}
	if h["usr/"] == nil || h["usr/bin/"] == nil {
		t.Error("parents are missing")
	}
}

func TestArchiveReadBack(t *testing.T) {
	dir := t.TempDir()
	layers := map[string]v1.Layer{}
	for _, name := range []string{"base", "virt", "ovn", "control", "node", "kube", "guest"} {
		l := newLayer()
		l.addData("usr/bin/"+name, []byte(name), 0o755)
		saved, err := saveLayer(dir, name, l)
		if err != nil {
			t.Fatal(err)
		}
		layers[name] = saved
	}
	images, err := stackImages(layers)
	if err != nil {
		t.Fatal(err)
	}
	var archive, again bytes.Buffer
	digests, err := writeArchive(&archive, images)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writeArchive(&again, images); err != nil || !bytes.Equal(archive.Bytes(), again.Bytes()) {
		t.Errorf("the second archive differs (%v)", err)
	}
	out := filepath.Join(dir, "layout")
	untar(t, &archive, out)
	index, err := layout.ImageIndexFromPath(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index, validate.Fast); err != nil {
		t.Error(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]string{}
	for _, m := range manifest.Manifests {
		named[m.Annotations["io.containerd.image.name"]] = m.Digest.String()
	}
	for _, name := range []string{"vmnet.test/stack:dev", "vmnet.test/guest:dev", "vmnet.test/kubevirt/virt-launcher:v1.7.0", "registry.k8s.io/etcd:3.6.5-0"} {
		if digests[name] == "" || named[name] != digests[name] {
			t.Errorf("%s: digest %q, in the archive %q", name, digests[name], named[name])
		}
	}
	launcher := digests["vmnet.test/kubevirt/virt-launcher:v1.7.0"]
	if named["vmnet.test/kubevirt/virt-launcher@"+launcher] != launcher {
		t.Error("the launcher is not named by its digest")
	}
	hash, err := v1.NewHash(launcher)
	if err != nil {
		t.Fatal(err)
	}
	img, err := index.Image(hash)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := img.Layers(); err != nil || len(l) != 2 {
		t.Errorf("launcher has %d layers (%v)", len(l), err)
	}
	operator, err := index.Image(mustHash(t, digests["vmnet.test/kubevirt/virt-operator:v1.7.0"]))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := operator.ConfigFile(); err != nil || c.Config.User != "1001" {
		t.Errorf("the operator must run as a number: %+v %v", c, err)
	}
}

func mustHash(t *testing.T, s string) v1.Hash {
	t.Helper()
	h, err := v1.NewHash(s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func untar(t *testing.T, r io.Reader, dir string) {
	t.Helper()
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		if err := put(filepath.Join(dir, h.Name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNodeArchiveReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.tar")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := &Result{NodeRoot: smallTree(t, time.Unix(1, 0)), NodeTag: nodeTag}
	if err := WriteNodeArchive(r, t.TempDir(), f); err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(nodeTag)
	if err != nil {
		t.Fatal(err)
	}
	img, err := tarball.ImageFromPath(path, &tag)
	if err != nil {
		t.Fatal(err)
	}
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c.Config.StopSignal != "SIGRTMIN+3" || len(c.Config.Entrypoint) != 2 {
		t.Errorf("configuration %+v", c.Config)
	}
	if layers, err := img.Layers(); err != nil || len(layers) != 1 {
		t.Errorf("%d layers (%v)", len(layers), err)
	}
}
