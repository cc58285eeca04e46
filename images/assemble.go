package images

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// assemble puts the parts together: node image, store, and what they are of.
func (b *builder) assemble(ctx context.Context) (*Result, error) {
	node, err := b.nodeImage(ctx)
	if err != nil {
		return nil, err
	}
	store, digests, err := b.store(ctx, node)
	if err != nil {
		return nil, err
	}
	manifests, err := b.manifests(ctx)
	if err != nil {
		return nil, err
	}
	r := &Result{NodeRoot: node, NodeTag: nodeTag, Store: store, Manifests: manifests, Images: digests, Key: b.resultKey()}
	r.Provenance, err = b.provenance(ctx)
	return r, err
}

func (b *builder) resultKey() string { return key("1", b.storeKey(), b.nodeKey(), b.manifestsKey()) }

// provenance says which versions were taken. Debian's suites move: the packages
// are those of the day the root file system was made.
func (b *builder) provenance(ctx context.Context) (map[string]string, error) {
	p := map[string]string{"go": b.goEnv["GOVERSION"], "debian mirror": b.mirror()}
	for _, c := range components {
		p["component "+c.name] = c.module + " " + c.version()
		if dir := b.Checkouts[c.name]; dir != "" {
			p["component "+c.name] = fmt.Sprintf("%s from a working copy at %s, contents %s", c.module, dir, b.sources[c.name])
			continue
		}
		for _, e := range c.edits {
			p["component "+c.name] += fmt.Sprintf(", edited: %s in %s", e.to, e.file)
		}
	}
	for _, r := range append([]rootFS{buildRoot}, roots...) {
		root, err := b.root(ctx, r)
		if err != nil {
			return nil, err
		}
		versions, err := readPackages(filepath.Join(filepath.Dir(root), "packages"))
		if err != nil {
			return nil, err
		}
		for _, name := range r.versions {
			p["debian "+r.suite+" "+r.name+" "+name] = versions[name]
		}
	}
	return p, nil
}

func readPackages(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	versions := map[string]string{}
	scan := bufio.NewScanner(f)
	for scan.Scan() {
		name, version, _ := strings.Cut(scan.Text(), " ")
		versions[name] = version
	}
	return versions, scan.Err()
}
