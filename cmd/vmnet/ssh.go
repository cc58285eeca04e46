package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

func (a *app) sshCommand() *cobra.Command {
	var beds bedFlags
	cmd := &cobra.Command{
		Use:   "ssh NODE|VM [-- COMMAND…]",
		Short: "Open a shell, or run a command, on a node or in a VM of a run that was kept (run --keep)",
		Example: "  vmnet ssh vmnet-worker -- ovs-vsctl show\n  vmnet ssh vm-a -- ip -j addr\n" +
			"  vmnet ssh vm-a",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			b, err := beds.open(ctx, a)
			if err != nil {
				return err
			}
			if _, err := b.Kube.CoreV1().Nodes().Get(ctx, args[0], metav1.GetOptions{}); err == nil {
				return a.nodeShell(ctx, b, args[0], args[1:])
			} else if !apierrors.IsNotFound(err) {
				return &setupError{err}
			}
			namespace, err := namespaceOf(ctx, b, args[0])
			if err != nil {
				return err
			}
			return a.guestShell(ctx, b, namespace, args[0], args[1:])
		},
	}
	beds.register(cmd)
	return cmd
}

// namespaceOf finds the VM of that name among those of runs that were kept.
func namespaceOf(ctx context.Context, b *bed.Bed, vm string) (string, error) {
	spaces, err := scenario.Leftovers(ctx, b)
	if err != nil {
		return "", &setupError{err}
	}
	var found, there []string
	for _, space := range spaces {
		vms, err := b.KubeVirt.VirtualMachineInstance(space).List(ctx, metav1.ListOptions{})
		if err != nil {
			return "", &setupError{err}
		}
		for _, v := range vms.Items {
			there = append(there, v.Name)
			if v.Name == vm {
				found = append(found, space)
			}
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	if len(found) > 1 {
		return "", &inputError{fmt.Errorf("%s is in %s", vm, strings.Join(found, " and ")), "take the older run's away with kubectl delete namespace"}
	}
	nodes, err := b.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", &setupError{err}
	}
	for _, n := range nodes.Items {
		there = append(there, n.Name)
	}
	slices.Sort(there)
	return "", &inputError{fmt.Errorf("no node and no VM is called %s", vm), "there are " + strings.Join(slices.Compact(there), ", ") + "; vmnet run --keep leaves VMs up"}
}

// identityFile is where scenario keeps the keys to a namespace's guests: under the name of the scenario's main namespace,
// after which its others are called.
func (a *app) identityFile(namespace string) (string, error) {
	o, err := a.stack.options(nil)
	if err != nil {
		return "", err
	}
	dirs := []string{identityDir(o, false), identityDir(o, true)}
	file := func(dir, name string) string { return filepath.Join(dir, name+".identity") }
	for name, more := namespace, true; more; name, more = shorter(name) {
		for _, dir := range dirs {
			if _, err := os.Stat(file(dir, name)); err == nil {
				return file(dir, name), nil
			}
		}
	}
	return file(dirs[0], namespace), nil
}

// shorter is a name without its last part, and whether it had more than one.
func shorter(name string) (string, bool) {
	i := strings.LastIndex(name, "-")
	return name[:max(i, 0)], i > 0
}

// commandExit is the end of a command that ran elsewhere; its exit code becomes ours, as ssh does it.
func commandExit(code int) error {
	if code == 0 {
		return nil
	}
	return verdictError(code)
}

// ran turns the outcome of a command at a place into output and exit code.
func (a *app) ran(out string, err error) error {
	fmt.Fprint(a.stdout, out)
	var failed *bed.CommandError
	if errors.As(err, &failed) {
		fmt.Fprint(a.stderr, failed.Stderr)
		return commandExit(failed.ExitCode)
	}
	return err
}
