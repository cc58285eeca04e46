// Package bedtest opens a bed for tests that need a cluster.
package bedtest

import (
	"os"
	"testing"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// Live opens the bed whose directory VMNET_BED names (`make live` does); without it the test is skipped.
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
	return b
}
