package bed

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/remotecommand"
)

// ProcessPrelude are shell functions for a node, where a pod's processes are among the node's: `of PATTERN` prints one
// process of the pod whose control groups have the pattern in their path (see CGroupOf), a long-lived one where there
// is one, for a probe's may be gone a moment later; `qemu PATTERN` prints the hypervisor's; `in_pod PROCESS COMMAND…`
// runs a command with the tools of the node's pod in that process' network namespace.
const ProcessPrelude = `of() {
	any=
	for f in $(grep -lsE "$1" /proc/[0-9]*/cgroup); do
		d=${f%/cgroup}; read -r name 2>/dev/null <"$d/comm" || continue
		case $name in pause|virt-launcher*) echo "${d#/proc/}"; return ;; esac
		any=${any:-${d#/proc/}}
	done
	[ -n "$any" ] && echo "$any"
}
qemu() {
	for f in $(grep -lsE "$1" /proc/[0-9]*/cgroup); do
		d=${f%/cgroup}; read -r name 2>/dev/null <"$d/comm" || continue
		case $name in qemu*) grep -qs netdev "$d/cmdline" && { echo "${d#/proc/}"; return; } ;; esac
	done
	echo "no QEMU among the pod's processes" >&2; return 1
}
in_pod() { # PROCESS COMMAND…
	[ -n "$1" ] || { echo "no process of the pod on this node" >&2; return 1; }
	p=$1; shift; nsenter -t "$p" -n "$@"
}
`

// CGroupOf is an extended regular expression for the control groups of the pod with that UID: with the cgroupfs driver,
// and with systemd's, which writes underscores (Kubernetes, pkg/kubelet/cm/cgroup_manager_linux.go, escapeSystemdCgroupName).
func CGroupOf(uid string) string {
	return "pod(" + uid + "|" + strings.ReplaceAll(uid, "-", "_") + ")"
}

// northboundContainers hold the northbound database, by the names of upstream's charts and of OpenShift.
var northboundContainers = []string{"nb-ovsdb", "nbdb"}

// OVNPod is OVN-Kubernetes' container beside the northbound database of a node: OVN's tools find every socket there.
func (b *Bed) OVNPod(ctx context.Context, node string) (Runner, error) {
	pods, err := b.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{
		LabelSelector: OVNNodeSelector, FieldSelector: "status.phase=Running,spec.nodeName=" + node})
	if err != nil {
		return nil, fmt.Errorf("northbound database of %s: %w", node, err)
	}
	for _, p := range pods.Items {
		i := slices.IndexFunc(p.Spec.Containers, func(c corev1.Container) bool { return slices.Contains(northboundContainers, c.Name) })
		if i >= 0 {
			return b.Pod(p.Namespace, p.Name, p.Spec.Containers[i].Name), nil
		}
	}
	return nil, fmt.Errorf("northbound database of %s: no pod there with label %s has a container %s: OVN-Kubernetes must run with a zone for each node",
		node, OVNNodeSelector, strings.Join(northboundContainers, " or "))
}

// Watched is a Process whose output can be read while it runs.
type Watched interface {
	Process
	// Printed is what it has printed so far.
	Printed() (stdout, stderr string)
}

// StartOn starts a command at a node, in the pod that Node makes there; ctx bounds the start alone. It ends as a Host's
// does: stopped, by Close, or when the connection breaks.
func (b *Bed) StartOn(ctx context.Context, node string, argv ...string) (Watched, error) {
	at, err := b.Node(ctx, node)
	if err != nil {
		return nil, err
	}
	pod, ok := at.(*podRunner)
	if !ok {
		return nil, fmt.Errorf("%s: nothing can be started at a %T", at.Place(), at)
	}
	started, err := pod.start(ctx, argv)
	if err != nil {
		return nil, err
	}
	return started, nil
}

func (p *podRunner) start(ctx context.Context, argv []string) (*process, error) {
	executor, err := p.executor(supervised(argv), true)
	if err != nil {
		return nil, fmt.Errorf("%s: start: %w", p.place, err)
	}
	stdin, ours := io.Pipe()
	life, kill := context.WithCancel(context.WithoutCancel(ctx))
	s := &process{bed: p.bed, place: p.place, command: CommandLine(argv), stdin: ours,
		stdout: newOutput(), stderr: newOutput(), kill: kill, at: p}
	s.watch(func() error {
		return executor.StreamWithContext(life, remotecommand.StreamOptions{Stdin: stdin, Stdout: s.stdout, Stderr: s.stderr})
	})
	ctx, cancel := bounded(ctx)
	defer cancel()
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func (p *process) Printed() (string, string) {
	_, rest, _ := strings.Cut(p.stdout.String(), "\n")
	return rest, p.stderr.String()
}
