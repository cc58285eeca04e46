package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/vmnet-project/vmnet/images"
	"github.com/vmnet-project/vmnet/internal/progress"
	"github.com/vmnet-project/vmnet/stack"
)

// stackFlags say how a bed is brought up. Each may be given as a variable, too, which is how make passes them.
type stackFlags struct {
	docker, images, cache string
	nodes                 string
	checkouts             []string
}

// checkoutPrefix begins the variables that point a component at a working tree: CHECKOUT_OVN_KUBERNETES=../ovn.
const checkoutPrefix = "CHECKOUT_"

func (f *stackFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.docker, "docker", os.Getenv("DOCKER"), "Docker engine: host or machine (variable DOCKER; default: preflight decides)")
	flags.StringVar(&f.images, "images", os.Getenv("IMAGES"), "images: registry or source (variable IMAGES; default: preflight decides)")
	flags.StringVar(&f.nodes, "nodes", os.Getenv("NODES"), "nodes of the cluster, 1 to 8 (variable NODES; default 2)")
	flags.StringVar(&f.cache, "cache", "", "where builds and the bed are kept (default: vmnet in the user's cache directory)")
	flags.StringArrayVar(&f.checkouts, "checkout", nil, "build a component from a working tree, as ovn-kubernetes=../ovn (variable CHECKOUT_OVN_KUBERNETES)")
}

// options are the flags as the stack understands them.
func (f *stackFlags) options(p *progress.Reporter) (stack.Options, error) {
	o := stack.Options{Docker: f.docker, Images: f.images, Cache: f.cache}
	if p != nil {
		o.Step = p.Step
	}
	if f.nodes != "" {
		n, err := strconv.Atoi(f.nodes)
		if err != nil || n < 1 {
			return o, &inputError{fmt.Errorf("NODES=%s", f.nodes), "it is a number from 1 to 8"}
		}
		o.Nodes = n
	}
	var err error
	o.Checkouts, err = checkouts(f.checkouts, os.Environ())
	return o, err
}

// checkouts reads NAME=DIR from flags and CHECKOUT_NAME=DIR from the environment; flags win.
func checkouts(flags, environ []string) (map[string]string, error) {
	found := map[string]string{}
	add := func(given, name, dir string) error {
		if !slices.Contains(images.Components(), name) {
			return &inputError{fmt.Errorf("%s: no component is called %s", given, name), "there are " + strings.Join(images.Components(), ", ")}
		}
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return &inputError{fmt.Errorf("%s: %s is not a directory", given, dir), "give the path of a working tree"}
		}
		found[name] = dir
		return nil
	}
	for _, e := range environ {
		key, dir, _ := strings.Cut(e, "=")
		name, ok := strings.CutPrefix(key, checkoutPrefix)
		if !ok || dir == "" {
			continue
		}
		if err := add(key, strings.ReplaceAll(strings.ToLower(name), "_", "-"), dir); err != nil {
			return nil, err
		}
	}
	for _, e := range flags {
		name, dir, ok := strings.Cut(e, "=")
		if !ok {
			return nil, &inputError{fmt.Errorf("--checkout %s", e), "it is COMPONENT=DIRECTORY"}
		}
		if err := add("--checkout "+e, name, dir); err != nil {
			return nil, err
		}
	}
	if len(found) == 0 {
		return nil, nil
	}
	return found, nil
}
