// Package images builds the stack's container images, the kind node image and
// a containerd store that holds them all, from source: for machines that reach
// no image registry, and to test a branch. It needs a Go module proxy, a Debian
// mirror and root; it changes nothing outside Options.Cache.
//
// Everything is an artifact in the cache, named by a hash of what it is built
// from and finished by one rename, so a build that was interrupted goes on where
// it stopped, and one with nothing changed returns at once.
package images

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/vmnet-project/vmnet/internal/files"
)

// StepFunc is told of each long step when it starts; it returns what is called
// with the step's error (nil for success) when it ends.
type StepFunc func(name string) (done func(error))

// Options say what to build and where.
type Options struct {
	Cache     string            // directory for everything that is built
	Step      StepFunc          // may be nil
	Checkouts map[string]string // component name (see Components) to a working copy to build it from
	Jobs      int               // lanes that build side by side; 0 means one a processor, two at most
	Mirror    string            // Debian mirror; empty: the host's own, else deb.debian.org
}

// Result says where the build's products are.
type Result struct {
	NodeRoot   string            // root file system of the kind node image
	NodeTag    string            // the name kind knows it by
	Store      string            // to be mounted at /var/lib/containerd of a node, one copy each
	Manifests  string            // crds/*.yaml and kubevirt-operator.yaml
	Images     map[string]string // image name to digest
	Provenance map[string]string // what was taken, with its version
	Key        string            // changes when anything above changes
}

// HostPackages are the Debian packages that the host must have; compilers and
// headers are not among them, they are in the build root.
func HostPackages() []string {
	return []string{"mmdebstrap", "debian-archive-keyring", "ca-certificates", "util-linux", "coreutils"}
}

// Build makes everything that is not in the cache yet.
func Build(ctx context.Context, o Options) (*Result, error) {
	b, err := newBuilder(ctx, o)
	if err != nil {
		return nil, err
	}
	index := filepath.Join(b.Cache, "results", b.resultKey()+".json")
	if r := b.readResult(index); r != nil {
		return r, nil
	}
	if err := b.buildParts(ctx); err != nil {
		return nil, err
	}
	r, err := b.assemble(ctx)
	if err != nil {
		return nil, err
	}
	return r, writeResult(index, r)
}

// buildParts runs two lanes: binaries, which keep the processors busy, and root
// file systems, which wait for the network and the disk.
func (b *builder) buildParts(ctx context.Context) error {
	jobs := b.Jobs
	if jobs <= 0 {
		jobs = min(2, runtime.NumCPU())
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(jobs)
	g.Go(func() error {
		if _, err := NewBuildRoot(ctx, b.Options); err != nil {
			return err
		}
		for _, r := range roots {
			if _, err := b.root(ctx, r); err != nil {
				return err
			}
		}
		_, err := b.guest(ctx)
		return err
	})
	g.Go(func() error {
		for _, c := range components {
			if _, err := b.component(ctx, c); err != nil {
				return err
			}
		}
		if _, err := b.programs(ctx); err != nil {
			return err
		}
		_, err := b.manifests(ctx)
		return err
	})
	return g.Wait()
}

// readResult returns nil when part of the cache was cleared, or it was copied
// from elsewhere.
func (b *builder) readResult(path string) *Result {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var r Result
	if json.Unmarshal(data, &r) != nil {
		return nil
	}
	for _, p := range []string{r.NodeRoot, r.Store, r.Manifests} {
		if !strings.HasPrefix(p, b.Cache+"/") || !isDir(p) {
			return nil
		}
	}
	return &r
}

func writeResult(path string, r *Result) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return files.Replace(path, data, 0o644)
}
