package kind

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"sigs.k8s.io/kind/pkg/cluster"
)

// Delete takes away what Create made, also half of it: the nodes, the peers, the networks if they were made here and
// nobody else is on them, the bed's files. Logs below BedDir/out stay. To repeat it is no error.
func Delete(ctx context.Context, o Options) error {
	if err := o.complete(); err != nil {
		return err
	}
	remove := func() error {
		return errors.Join(o.deleteNodes(ctx), removeContainers(ctx, o.Engine, o.Name))
	}
	err := o.step("cluster away", remove)
	// A creation that nobody waited for finds its nodes gone and ends; what it started meanwhile goes, too.
	if running.wait(ctx, o.Name, 30*time.Second) {
		err = remove()
	}
	if err == nil {
		err = removeNetworks(ctx, o.Engine, o.Name)
	}
	if bed := removeBed(&o); bed != nil {
		err = errors.Join(err, bed)
	}
	_ = os.Remove(o.BedDir) // only when it is empty
	return err
}

func (o *Options) deleteNodes(ctx context.Context) error {
	err := o.beside(ctx, func(p *cluster.Provider) error { return p.Delete(o.Name, o.file(KubeconfigFile)) })
	if err != nil {
		return fmt.Errorf("kind: deleting cluster %s: %w", o.Name, err)
	}
	return nil
}

// running are the creations of this process that have not ended.
var running = creations{of: map[string]chan struct{}{}}

type creations struct {
	mu sync.Mutex
	of map[string]chan struct{}
}

func (c *creations) begin(name string) (finished func()) {
	ended := make(chan struct{})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[name] = ended
	return func() {
		close(ended)
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.of[name] == ended {
			delete(c.of, name)
		}
	}
}

// wait waits for a creation that is under way, and says whether there was one.
func (c *creations) wait(ctx context.Context, name string, most time.Duration) bool {
	c.mu.Lock()
	ended, ok := c.of[name]
	c.mu.Unlock()
	if !ok {
		return false
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	case <-ctx.Done():
	}
	return true
}
