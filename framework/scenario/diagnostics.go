package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/transport"
)

const (
	// consoleFor is how long each VM's console is listened to.
	consoleFor = 5 * time.Second
	// logLines bounds each container's log.
	logLines = 3000
	// atOnce bounds the questions under way: the cluster may be the one that is ill.
	atOnce = 4
)

// Diagnostics writes what helps to find out why a scenario did not come up or a claim failed: events, VMs,
// VMIs, pods, the launchers' logs, the consoles, and the logs of OVN-Kubernetes on the nodes. What cannot be
// had is named in errors.txt there, and costs nothing else; Timeouts.Diagnostics bounds it all.
func (r *Running) Diagnostics(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeouts.Diagnostics)
	defer cancel()
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // nothing secret is written there
		return fmt.Errorf("diagnostics: %w", err)
	}
	d := &diagnosis{running: r, dir: dir}
	d.group.SetLimit(atOnce)
	d.objects(ctx)
	d.ovn(ctx)
	_ = d.group.Wait() // the parts keep their own errors
	if err := errors.Join(d.errs...); err != nil {
		return errors.Join(err, os.WriteFile(filepath.Join(dir, "errors.txt"), []byte(err.Error()+"\n"), 0o644)) //nolint:gosec // as above
	}
	return nil
}

type diagnosis struct {
	running *Running
	dir     string
	group   errgroup.Group
	mu      sync.Mutex
	errs    []error
}

// part gathers one file in the background.
func (d *diagnosis) part(file string, get func() ([]byte, error)) {
	d.group.Go(func() error {
		content, err := get()
		if len(content) > 0 {
			err = errors.Join(err, os.WriteFile(filepath.Join(d.dir, file), content, 0o644)) //nolint:gosec // nothing secret
		}
		d.failed(file, err)
		return nil
	})
}

func (d *diagnosis) failed(what string, err error) {
	if err == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.errs = append(d.errs, fmt.Errorf("%s: %w", what, err))
}

// asYAML renders an object for a reader.
func asYAML(object metav1.Object, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	object.SetManagedFields(nil)
	return yaml.Marshal(object)
}

func (d *diagnosis) objects(ctx context.Context) {
	b := d.running.bed
	d.part("events.yaml", func() ([]byte, error) {
		var all []corev1.Event
		for _, namespace := range d.running.Namespaces() {
			list, err := b.Kube.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{})
			if err != nil {
				return nil, err
			}
			all = append(all, list.Items...)
		}
		for i := range all {
			all[i].ManagedFields = nil
		}
		return yaml.Marshal(all)
	})
	for _, s := range d.running.Specs {
		namespace := s.Namespace
		d.part("vm-"+s.Name+".yaml", func() ([]byte, error) {
			return asYAML(b.KubeVirt.VirtualMachine(namespace).Get(ctx, s.Name, metav1.GetOptions{}))
		})
		d.part("vmi-"+s.Name+".yaml", func() ([]byte, error) {
			return asYAML(b.KubeVirt.VirtualMachineInstance(namespace).Get(ctx, s.Name, metav1.GetOptions{}))
		})
		d.part("console-"+s.Name+".txt", func() ([]byte, error) {
			said, err := transport.Console(ctx, b, namespace, s.Name, consoleFor, d.running.Profile.Ask)
			return []byte(said), err
		})
	}
	pods, err := b.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, d.running.mine())
	if err != nil {
		d.failed("pods", err)
		return
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		d.part("pod-"+pod.Name+".yaml", func() ([]byte, error) { return asYAML(pod, nil) })
		d.logs(ctx, pod)
	}
}

// ovn gathers the logs of OVN-Kubernetes' pods on the nodes where the scenario's pods are.
func (d *diagnosis) ovn(ctx context.Context) {
	pods, err := d.running.bed.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{LabelSelector: bed.OVNNodeSelector})
	if err != nil {
		d.failed("pods of OVN-Kubernetes", err)
		return
	}
	for i := range pods.Items {
		d.logs(ctx, &pods.Items[i])
	}
}

func (d *diagnosis) logs(ctx context.Context, pod *corev1.Pod) {
	for _, c := range pod.Spec.Containers {
		d.part("log-"+pod.Name+"-"+c.Name+".txt", func() ([]byte, error) {
			stream, err := d.running.bed.Kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name,
				&corev1.PodLogOptions{Container: c.Name, TailLines: ptr.To(int64(logLines))}).Stream(ctx)
			if err != nil {
				return nil, err
			}
			defer func() { _ = stream.Close() }()
			return io.ReadAll(stream)
		})
	}
}
