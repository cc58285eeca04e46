// Package bedtest opens a bed for tests that need a cluster.
package bedtest

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// Live opens the bed whose directory VMNET_BED names (`make live` does); without it the test is skipped. What the test made
// in the cluster to reach its nodes goes when the test ends.
func Live(t *testing.T) *bed.Bed {
	t.Helper()
	dir := os.Getenv("VMNET_BED")
	if dir == "" {
		t.Skip("VMNET_BED names no bed directory")
	}
	b, err := bed.Open(t.Context(), bed.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
		defer cancel()
		if err := b.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return b
}
