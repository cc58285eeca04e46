package scenario

import (
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Trouble of the API server's own passes; what the same request would meet again is told at once.
func TestInsist(t *testing.T) {
	tries := 0
	passing := func() error {
		if tries++; tries < 2 {
			return apierrors.NewInternalError(errors.New("no endpoints available for service virt-api"))
		}
		return nil
	}
	if err := insist(t.Context(), passing); err != nil || tries != 2 {
		t.Errorf("%v after %d tries", err, tries)
	}
	tries = 0
	gone := apierrors.NewNotFound(schema.GroupResource{Resource: "virtualmachines"}, "vm-a")
	if err := insist(t.Context(), func() error { tries++; return gone }); !apierrors.IsNotFound(err) || tries != 1 {
		t.Errorf("%v after %d tries", err, tries)
	}
}
