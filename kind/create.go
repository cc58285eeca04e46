package kind

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sigs.k8s.io/kind/pkg/cluster"
	kindexec "sigs.k8s.io/kind/pkg/exec"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/internal/tail"
)

// Create makes the cluster, the peer outside, the physical side and the platform, and writes the bed directory. Errors are
// *NameTakenError, *MissingError, *CreateError, *ComponentError, *NotReadyError, *EngineError or the context's.
// What was made stays when it fails, for a look; Delete takes it away.
func Create(ctx context.Context, o Options) error {
	if err := o.complete(); err != nil {
		return err
	}
	if o.Components == nil {
		return errors.New("kind: no components given")
	}
	if err := o.Components.Check(ctx); err != nil {
		return err
	}
	release, err := o.Engine.hold()
	if err != nil {
		return err
	}
	defer release()
	if err := NameIsFree(ctx, o); err != nil {
		return err
	}
	if err := os.MkdirAll(o.BedDir, 0o755); err != nil {
		return fmt.Errorf("bed directory: %w", err)
	}
	if err := removeBed(&o); err != nil { // of a cluster that is gone: kind would merge into its kubeconfig
		return err
	}
	network, err := ensureNetwork(ctx, o.Engine, o.Name)
	if err != nil {
		return err
	}
	if err := o.createNodes(ctx); err != nil {
		return err
	}
	if len(o.Stores) > 0 {
		if err := o.step("weights on the nodes", func() error { return o.weighNodes(ctx) }); err != nil {
			return err
		}
	}
	c, err := o.connect(ctx, network)
	if err != nil {
		return err
	}
	var underlay bed.Underlay
	err = o.step("peer outside", func() (err error) {
		underlay.Outside, err = startOutside(ctx, &o)
		return err
	})
	if err != nil {
		return err
	}
	err = o.step("physical side", func() (err error) {
		underlay.Physical, err = startPhysical(ctx, &o)
		return err
	})
	if err != nil {
		return err
	}
	install, cancel := context.WithTimeoutCause(ctx, o.InstallTimeout, fmt.Errorf("components not ready after %s", o.InstallTimeout))
	defer cancel()
	if err := c.watched(install, o.Components.Install); err != nil {
		return err
	}
	return o.step("bed directory", func() error { return writeBed(ctx, &o, c, &underlay) })
}

// NameIsFree asks the engine for a cluster with the options' name; one that is there is a *NameTakenError. Nothing
// but Name and Engine is read.
func NameIsFree(ctx context.Context, o Options) error {
	out, err := o.Engine.Docker(ctx, "ps", "-a", "--filter", "label="+kindClusterLabel+"="+o.Name, "--format", "{{.Names}}")
	if err != nil {
		return fmt.Errorf("asking the engine for clusters: %w", err)
	}
	if nodes := lines(out); len(nodes) > 0 {
		return &NameTakenError{Name: o.Name, Nodes: nodes}
	}
	return nil
}

// kindClusterLabel is the label that kind gives each node's container.
const kindClusterLabel = "io.x-k8s.kind.cluster"

// nodes are the names of the cluster's nodes that run, sorted.
func (o *Options) nodes(ctx context.Context) ([]string, error) {
	out, err := o.Engine.Docker(ctx, "ps", "--filter", "label="+kindClusterLabel+"="+o.Name, "--format", "{{.Names}}")
	if err != nil {
		return nil, fmt.Errorf("asking the engine for nodes: %w", err)
	}
	return slices.Sorted(slices.Values(lines(out))), nil
}

// createNodes lets kind make the nodes. kind takes no context: it works beside, and when the time is over it is left
// to itself with its nodes kept, and Delete waits for it.
func (o *Options) createNodes(ctx context.Context) error {
	log := newLogger(o.Step)
	provider := cluster.NewProvider(cluster.ProviderWithDocker(), cluster.ProviderWithLogger(log))
	release, err := o.Engine.hold() // for as long as kind works, even when nobody waits for it
	if err != nil {
		return err
	}
	result := make(chan error, 1)
	finished := running.begin(o.Name)
	go func() {
		defer release()
		defer finished()
		result <- provider.Create(o.Name,
			cluster.CreateWithV1Alpha4Config(Config(*o)),
			cluster.CreateWithNodeImage(o.NodeImage),
			cluster.CreateWithKubeconfigPath(o.file(KubeconfigFile)),
			cluster.CreateWithRetain(true))
	}()
	timer := time.NewTimer(o.CreateTimeout)
	defer timer.Stop()
	select {
	case err = <-result:
	case <-timer.C:
		err = fmt.Errorf("not done after %s", o.CreateTimeout)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	log.close(err)
	if err == nil {
		return os.Chmod(o.file(KubeconfigFile), 0o600)
	}
	failed := &CreateError{Err: err}
	failed.Step, failed.After, failed.Lines = log.state()
	if run := kindexec.RunErrorForError(err); run != nil { // what kubeadm printed
		failed.Lines = append(tail.Lines(string(run.Output), 15), tail.Lines(fmt.Sprint(run.Inner), 1)...)
	}
	failed.Lines = failed.Lines[max(0, len(failed.Lines)-15):]
	if ctx.Err() == nil { // else the caller gave up, or knows that the engine is gone
		o.keepLogs(ctx, failed)
	}
	return failed
}

// keepLogs collects the nodes' logs.
func (o *Options) keepLogs(ctx context.Context, failed *CreateError) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	dir := o.file(filepath.Join("out", "nodes"))
	err := o.step("kind: collecting logs", func() error { return CollectLogs(ctx, *o, dir) })
	if entries, _ := os.ReadDir(dir); err == nil || len(entries) > 0 {
		failed.Logs = dir
	}
}

// CollectLogs writes the logs of the cluster's nodes and of all its pods below dir, as `kind export logs` does.
func CollectLogs(ctx context.Context, o Options, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("logs of the nodes: %w", err)
	}
	return o.beside(ctx, func(p *cluster.Provider) error { return p.CollectLogs(o.Name, dir) })
}

// beside runs one call of kind's library, which takes no context, and stops waiting for it when ctx ends.
func (o *Options) beside(ctx context.Context, call func(*cluster.Provider) error) error {
	release, err := o.Engine.hold()
	if err != nil {
		return err
	}
	result := make(chan error, 1)
	go func() {
		defer release()
		result <- call(cluster.NewProvider(cluster.ProviderWithDocker()))
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// removeBed takes the bed's files away; none is no error.
func removeBed(o *Options) error {
	for _, name := range []string{KubeconfigFile, KubeconfigFile + ".lock", UnderlayFile, ProvenanceFile} {
		if err := os.Remove(o.file(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("bed directory: %w", err)
		}
	}
	return nil
}
