package scenario

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/bed/bedtest"
	"github.com/vmnet-project/vmnet/framework/transport"
)

// The whole way: deployed, commanded by every transport, taken over, looked at, taken away.
func TestLiveScenario(t *testing.T) {
	b := bedtest.Live(t)
	keys := t.TempDir()
	start := time.Now()
	var mu sync.Mutex
	step := func(name string) func(error) {
		return func(err error) {
			mu.Lock()
			defer mu.Unlock()
			t.Logf("%6.1f s %s: %v", time.Since(start).Seconds(), name, err)
		}
	}
	first, err := Deploy(t.Context(), b, Options{Scenario: "cluster-network", IdentityDir: keys, Step: step})
	if first != nil {
		defer func() {
			if err := first.Teardown(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
			if left, _ := filepath.Glob(keys + "/*"); len(left) > 0 {
				t.Errorf("keys are left: %v", left)
			}
		}()
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := Attach(t.Context(), b, first.Namespace, keys, step)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Specs) != 3 || r.Address("echo") == "" || r.Address("service/vm-a") == "" {
		t.Errorf("specs %v, echo %q, service %q", r.Specs, r.Address("echo"), r.Address("service/vm-a"))
	}
	for _, s := range r.Specs {
		hostname(t, r, s.Name)
	}
	jump, err := transport.Connect(t.Context(), transport.JumpPod(b.KubeVirt, r.bed.Pod(r.Namespace, "client", "")), r.Namespace, "vm-b", *r.identity)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := jump.Run(t.Context(), "hostname"); err != nil || out != "vm-b\n" {
		t.Errorf("through the jump pod: %q, %v", out, err)
	}
	_ = jump.Close()
	// a connection that breaks is made anew
	g := r.guest("vm-a")
	_ = g.current.Close()
	hostname(t, r, "vm-a")
	answer, err := r.Pod("client").Run(t.Context(), "curl", "-sS", "-m", "10", "http://"+r.Address("service/vm-a")+":8080/hostname")
	if err != nil || strings.TrimSpace(answer) != "vm-a" {
		t.Errorf("the guest's server behind its Service: %q, %v", answer, err)
	}
	said, err := transport.Console(t.Context(), b, r.Namespace, "vm-a", 5*time.Second, "ip addr")
	if err != nil || !strings.Contains(said, "02:86:5e:00:00:07") {
		t.Errorf("the console says %q, %v", said, err)
	}
	if err := r.Diagnostics(t.Context(), t.TempDir()); err != nil {
		t.Error(err)
	}
}

func hostname(t *testing.T, r *Running, vm string) {
	t.Helper()
	var guest bed.Runner
	guest, err := r.Guest(t.Context(), vm)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := guest.Run(t.Context(), "hostname"); err != nil || out != vm+"\n" {
		t.Errorf("%s says %q, %v", guest.Place(), out, err)
	}
}
