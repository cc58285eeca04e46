package scenario

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmnet-project/vmnet/framework/bed/bedtest"
)

// A VM that cannot start ends the wait long before its timeout, says why, and goes away.
func TestLiveHopelessVM(t *testing.T) {
	b := bedtest.Live(t)
	timeouts := DefaultTimeouts()
	timeouts.ImagePull = 5 * time.Second
	r, _, err := prepare(t.Context(), b, Options{Scenario: "cluster-network", Guest: Small.Name, Timeouts: &timeouts})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := r.load(t.Context(), "namespace.yaml", "vm-a.yaml")
	if err != nil {
		t.Fatal(err)
	}
	virtualMachines(objects)[0].Spec.Template.Spec.Domain.Firmware.KernelBoot.Container.Image = "vmnet.test/no-such-guest:dev"
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 4*time.Minute)
		defer cancel()
		if err := r.Teardown(ctx); err != nil {
			t.Error(err)
		}
		if _, err := b.Kube.CoreV1().Namespaces().Get(ctx, r.Namespace, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("namespace %s: %v", r.Namespace, err)
		}
	}()
	if err := r.create(t.Context(), objects); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	err = r.await(t.Context())
	t.Logf("after %s: %v", time.Since(start), err)
	var failed *FailedError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "no-such-guest") {
		t.Errorf("want a FailedError that names the image, got %T", err)
	}
	dir := t.TempDir()
	if err := r.Diagnostics(t.Context(), dir); err == nil {
		t.Error("a VM that never ran has a console?")
	}
	if events, err := os.ReadFile(dir + "/events.yaml"); err != nil || !strings.Contains(string(events), "no-such-guest") {
		t.Errorf("the events do not tell of the image: %v", err)
	}
}

// A wait that takes too long says what it waited for and what the cluster says.
func TestLiveTimeout(t *testing.T) {
	b := bedtest.Live(t)
	timeouts := DefaultTimeouts()
	timeouts.VMIRunning = 10 * time.Second
	r, _, err := prepare(t.Context(), b, Options{Scenario: "cluster-network", Guest: Small.Name, Timeouts: &timeouts})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := r.load(t.Context(), "namespace.yaml", "vm-c.yaml") // waits for vm-a's node
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Teardown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	if err := r.create(t.Context(), objects); err != nil {
		t.Fatal(err)
	}
	err = r.await(t.Context())
	t.Log(err)
	var late *TimeoutError
	if !errors.As(err, &late) || late.Timeout != "VMIRunning" || !strings.Contains(late.Trouble, "affinity") {
		t.Errorf("want a TimeoutError about the affinity, got %T", err)
	}
}
