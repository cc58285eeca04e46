package images

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// edit replaces text in a source file of a component, below its module. The text must be there once.
type edit struct{ file, from, to string }

// multusPatience has Multus wait for the API server: by itself it gives each question a quarter of a second, where a
// handshake alone may take longer on a busy core, and ends a pod's sandbox after ten of them. Making the next one keeps the
// core busy. How long it waits is nothing that a claim is about.
var multusPatience = []edit{
	{"pkg/multus/multus.go", "shortPollDuration    = 250 * time.Millisecond", "shortPollDuration    = 5 * time.Second"},
	{"pkg/multus/multus.go", "shortPollTimeout     = 2500 * time.Millisecond", "shortPollTimeout     = time.Minute"},
}

// kubevirtEase has KubeVirt do less beside the VMs, and wait longer.
var kubevirtEase = []edit{
	// A start that takes a launcher longer is given up: its kernel's container ends, and the VM never runs.
	{"pkg/virt-handler/cmd-client/client.go", "longTimeout  time.Duration = 20 * time.Second", "longTimeout  time.Duration = 3 * time.Minute"},
	// A launcher measures its guest that often, for metrics that nobody reads here. QEMU takes each question byte by byte, at twenty
	// system calls a byte: where one costs 20 us, as in the machine, an idle guest took a tenth of the core.
	{"pkg/virt-launcher/virtwrap/manager.go", "NewTimeDefinedCache(3250*time.Millisecond, ", "NewTimeDefinedCache(5*time.Minute, "},
	// An election that is missed ends the operator, whose start takes more of the core than anything else of KubeVirt's.
	{"pkg/virt-controller/leaderelectionconfig/config.go", "DefaultLeaseDuration = 15 * time.Second", "DefaultLeaseDuration = 2 * time.Minute"},
	{"pkg/virt-controller/leaderelectionconfig/config.go", "DefaultRenewDeadline = 10 * time.Second", "DefaultRenewDeadline = 100 * time.Second"},
	{"pkg/virt-controller/leaderelectionconfig/config.go", "DefaultRetryPeriod   = 2 * time.Second", "DefaultRetryPeriod   = 10 * time.Second"},
}

// editSource puts a copy of the component's sources with its edits into its module's directory, to be built in their place.
func (b *builder) editSource(ctx context.Context, c component, dir string) error {
	source, err := b.sourceIn(ctx, c, dir, c.module)
	if err != nil {
		return err
	}
	copied := filepath.Join(dir, "source")
	if err := os.CopyFS(copied, os.DirFS(source)); err != nil {
		return err
	}
	if err := apply(c.edits, copied); err != nil {
		return fmt.Errorf("component %s, %s %s: %w: mend images/edits.go", c.name, c.module, c.version(), err)
	}
	return b.onHost(ctx, dir, nil, nil, "go", "mod", "edit", "-replace="+c.module+"=./source")
}

func apply(edits []edit, dir string) error {
	for _, e := range edits {
		path := filepath.Join(dir, e.file)
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if n := strings.Count(string(text), e.from); n != 1 {
			return fmt.Errorf("%s has %q %d times", e.file, e.from, n)
		}
		if err := put(path, []byte(strings.Replace(string(text), e.from, e.to, 1)), 0o644); err != nil {
			return err
		}
	}
	return nil
}
