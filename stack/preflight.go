package stack

import (
	"context"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vmnet-project/vmnet/images"
	"github.com/vmnet-project/vmnet/machine"
)

// Plan is what a run takes, and why.
type Plan struct {
	Docker, Images Choice
	// Packages are Debian packages that the run installs on the host.
	Packages []string
}

// Choice is one decision with its reason.
type Choice struct{ Taken, Why string }

// registries hold the published images.
var registries = []string{"registry.k8s.io:443", "ghcr.io:443", "quay.io:443"}

// Preflight looks at the host and decides where the engine and the images come from. Its errors say what to do.
func Preflight(ctx context.Context, o Options) (Plan, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Plan{}, err
	}
	var p Plan
	if p.Docker, err = chooseDocker(ctx, o.Docker); err != nil {
		return p, err
	}
	if p.Images, err = chooseImages(ctx, o); err != nil {
		return p, err
	}
	if p.Docker.Taken == DockerMachine || p.Images.Taken == ImagesSource {
		if err := supported("/etc/os-release"); err != nil {
			return p, err
		}
		if err := root(os.Geteuid()); err != nil {
			return p, err
		}
	}
	if p.Docker.Taken == DockerMachine && p.Images.Taken == ImagesRegistry {
		return p, &SetupError{What: "IMAGES=registry with DOCKER=machine", Remedy: "the machine has no way to a registry: take IMAGES=source"}
	}
	if p.Images.Taken == ImagesSource {
		p.Packages = append(p.Packages, images.HostPackages()...)
	}
	if p.Docker.Taken == DockerMachine {
		p.Packages = append(p.Packages, machine.HostPackages()...)
		if err := memory("/proc/meminfo"); err != nil {
			if _, running := machine.Find(o.machine()); !running {
				return p, err
			}
		}
	}
	p.Packages = missing(ctx, p.Packages)
	return p, disk(o.Cache, unix.Statfs)
}

// chooseImages takes published images where every registry answers, helm is there to install them, and none is to be
// replaced by a checkout.
func chooseImages(ctx context.Context, o Options) (Choice, error) {
	_, helm := exec.LookPath("helm")
	switch {
	case o.Images == ImagesRegistry && helm != nil:
		return Choice{}, &SetupError{What: "IMAGES=registry without helm", Remedy: "OVN-Kubernetes' chart needs it: install helm (https://helm.sh/docs/intro/install), or take IMAGES=source"}
	case o.Images != "":
		return Choice{o.Images, "asked for"}, nil
	case len(o.Checkouts) > 0:
		return Choice{ImagesSource, "a component comes from a checkout"}, nil
	case helm != nil:
		return Choice{ImagesSource, "no helm, which published images are installed with"}, nil
	}
	unreached := make([]string, len(registries))
	var wg sync.WaitGroup
	for i, r := range registries {
		wg.Go(func() {
			c, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", r)
			if err != nil {
				unreached[i] = r
				return
			}
			_ = c.Close()
		})
	}
	wg.Wait()
	unreached = slices.DeleteFunc(unreached, func(s string) bool { return s == "" })
	if len(unreached) > 0 {
		return Choice{ImagesSource, "no way to " + strings.Join(unreached, ", ")}, nil
	}
	return Choice{ImagesRegistry, "the registries answer, and helm is there"}, nil
}
