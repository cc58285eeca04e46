package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/stack"
)

// bedFlags name the cluster that a command works on.
type bedFlags struct{ dir, kubeconfig, underlay string }

func (f *bedFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.dir, "bed", os.Getenv("BED"), "bed directory, with kubeconfig and underlay.yaml (variable BED; default: the one that up made)")
	cmd.Flags().StringVar(&f.kubeconfig, "kubeconfig", "", "a cluster of yours; nothing is installed on it")
	cmd.Flags().StringVar(&f.underlay, "underlay", "", "underlay.yaml, which says where the world outside that cluster is")
}

// given says whether a cluster was named.
func (f *bedFlags) given() bool { return f.dir != "" || f.kubeconfig != "" }

// options name the cluster that was given, else the one that up made.
func (f *bedFlags) options(o stack.Options) (bed.Options, error) {
	if f.underlay != "" && !f.given() {
		return bed.Options{}, &inputError{errors.New("--underlay without a cluster"), "name it by --kubeconfig or --bed, too"}
	}
	if f.given() {
		return bed.Options{Dir: f.dir, Kubeconfig: f.kubeconfig, Underlay: f.underlay}, nil
	}
	dir := o.BedDir()
	if _, err := os.Stat(filepath.Join(dir, bed.KubeconfigFile)); err != nil {
		return bed.Options{}, &inputError{errors.New("no cluster is up"), "vmnet up brings one up, --kubeconfig names one of yours"}
	}
	return bed.Options{Dir: dir}, nil
}

// open opens a bed that must be there.
func (f *bedFlags) open(ctx context.Context, a *app) (*bed.Bed, error) {
	o, err := a.stack.options(nil)
	if err != nil {
		return nil, err
	}
	options, err := f.options(o)
	if err != nil {
		return nil, err
	}
	return bed.Open(ctx, options)
}

// identityDir is where the keys to guests are kept, so that a later command finds its way into them: beside the bed that up
// made, with which they go, and for a cluster that was named in the cache.
func identityDir(o stack.Options, given bool) string {
	const name = "identities"
	if given {
		return filepath.Join(filepath.Dir(o.BedDir()), name)
	}
	return filepath.Join(o.BedDir(), name)
}

// tidyTime is how long what a command made in a cluster may take to go away.
const tidyTime = 2 * time.Minute

// closeBed takes away what was made in the cluster, also when ctx has ended.
func closeBed(ctx context.Context, b *bed.Bed) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		return fmt.Errorf("take the helpers in the cluster away: %w", err)
	}
	return nil
}
