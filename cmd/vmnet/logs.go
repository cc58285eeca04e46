package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/internal/progress"
	"github.com/vmnet-project/vmnet/stack"
)

// machineLog is the name of the machine's console among the components.
const machineLog = "machine"

func (a *app) logsCommand() *cobra.Command {
	var beds bedFlags
	var tail int
	cmd := &cobra.Command{
		Use:   "logs COMPONENT",
		Short: "Print the last lines of a component's log, of each of its containers",
		Long: `Logs prints the log of the pods whose app label or name begins with COMPONENT, wherever they run: ovnkube-node,
ovnkube-control-plane, multus, virt-api, virt-controller, virt-handler, coredns, kube-apiserver, …; and
"machine" is the console of the machine that carries the cluster.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if tail < 1 {
				return &inputError{fmt.Errorf("--tail %d", tail), "it is 1 or more"}
			}
			if args[0] == machineLog && !beds.given() {
				return a.machineLog(tail)
			}
			b, err := beds.open(cmd.Context(), a)
			if err != nil {
				return err
			}
			return a.podLogs(cmd.Context(), b, args[0], int64(tail))
		},
	}
	beds.register(cmd)
	cmd.Flags().IntVar(&tail, "tail", 50, "lines of each container")
	return cmd
}

func (a *app) machineLog(tail int) error {
	o, err := a.stack.options(nil)
	if err != nil {
		return err
	}
	m, ok := stack.Machine(o)
	if !ok {
		return &inputError{errors.New("no machine runs"), "vmnet status says what is up"}
	}
	for _, line := range m.LastLines(tail) {
		fmt.Fprintln(a.stdout, progress.Plain(line))
	}
	return nil
}

func (a *app) podLogs(ctx context.Context, b *bed.Bed, component string, tail int64) error {
	pods, err := b.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return &setupError{err}
	}
	var names []string
	found := false
	for _, pod := range pods.Items {
		name := componentOf(pod)
		if !isOurs(pod.Namespace) {
			names = append(names, name)
		}
		if !strings.HasPrefix(name, component) && !strings.HasPrefix(pod.Name, component) {
			continue
		}
		found = true
		for _, c := range append(slices.Clone(pod.Spec.InitContainers), pod.Spec.Containers...) {
			fmt.Fprintf(a.stdout, "==> %s/%s, container %s, on %s\n", pod.Namespace, pod.Name, c.Name, pod.Spec.NodeName)
			stream, err := b.Kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Container: c.Name, TailLines: &tail}).Stream(ctx)
			if err != nil {
				fmt.Fprintf(a.stdout, "no log: %v\n", err)
				continue
			}
			_, err = io.Copy(a.stdout, stream)
			_ = stream.Close()
			if err != nil {
				return &setupError{err}
			}
		}
	}
	if !found {
		slices.Sort(names)
		return &inputError{fmt.Errorf("no component is called %s", component), "there are " + strings.Join(slices.Compact(names), ", ")}
	}
	return nil
}

// componentOf is what a pod is known by: its app label, KubeVirt's label, or its name.
func componentOf(pod corev1.Pod) string {
	for _, label := range []string{"app", "kubevirt.io", "k8s-app", "component", "name", "app.kubernetes.io/name"} {
		if v := pod.Labels[label]; v != "" {
			return v
		}
	}
	return pod.Name
}
