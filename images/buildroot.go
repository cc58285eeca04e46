package images

import (
	"context"
	"io"
	"path/filepath"
	"strings"
)

// BuildRoot is a Debian with compilers and headers, so that neither the host's
// release nor what is installed on it matters. The cache, the host's Go and the
// Go caches are visible in it under their own paths.
type BuildRoot struct {
	Key string // changes with the packages asked for
	box sandbox
	env []string
}

var buildRoot = rootFS{
	name: "build", suite: "trixie", variant: "minbase", revision: "1",
	packages: strings.Fields("ca-certificates gcc libc6-dev libvirt-dev libelf-dev libssl-dev pkg-config make flex bison bc perl xz-utils patch cpio rsync e2fsprogs kmod git"),
	versions: []string{"gcc", "libvirt-dev"},
}

// NewBuildRoot makes the build root, or takes it from the cache.
func NewBuildRoot(ctx context.Context, o Options) (*BuildRoot, error) {
	b, err := newBuilder(ctx, o)
	if err != nil {
		return nil, err
	}
	return b.buildRoot(ctx)
}

func (b *builder) buildRoot(ctx context.Context) (*BuildRoot, error) {
	root, err := b.root(ctx, buildRoot)
	if err != nil {
		return nil, err
	}
	r := &BuildRoot{Key: b.rootKey(buildRoot), box: sandbox{root: root}}
	for _, dir := range []string{b.Cache, b.goEnv["GOROOT"], b.goEnv["GOMODCACHE"], b.goEnv["GOCACHE"], "/etc/resolv.conf", "/etc/ssl/certs"} {
		r.box.binds = append(r.box.binds, bind{dir, dir})
	}
	for _, dir := range b.Checkouts {
		r.box.binds = append(r.box.binds, bind{dir, dir})
	}
	r.env = append([]string{
		"PATH=" + filepath.Join(b.goEnv["GOROOT"], "bin") + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "LC_ALL=C.UTF-8",
	}, b.goEnvironment()...)
	return r, nil
}

// Run runs a command in the build root, in dir, with its output to out (which
// may be nil). The error carries the last lines. Directories below Options.Cache,
// and dir itself, are visible under the same path.
func (r *BuildRoot) Run(ctx context.Context, dir string, env []string, out io.Writer, argv ...string) error {
	box := r.box
	box.binds = append(append([]bind{}, box.binds...), bind{dir, dir})
	cmd := box.command(ctx, dir, append(append([]string{}, r.env...), env...), argv...)
	return run(cmd, out)
}
