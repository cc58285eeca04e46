package facts

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

// selectorOVNKube finds OVN-Kubernetes' pod on each node, by upstream's charts and OpenShift alike.
const selectorOVNKube = "app=ovnkube-node"

// separator divides the answers of one look into a node.
const separator = "--vmnet-facts--"

// process prints the command line, the version and the configuration file of the pod's ovnkube: $1 is what
// the pod's control groups have in their path, $2 the default configuration file. It runs beside the host's
// processes; a pod's own file system is behind /proc/PID/root.
const process = `
for f in $(grep -lsE "$1" /proc/[0-9]*/cgroup); do
  d=${f%/cgroup}
  read -r name < "$d/comm" || continue
  [ "$name" = ovnkube ] || continue
  tr '\0' '\n' < "$d/cmdline"; echo ` + separator + `
  chroot "$d/root" "$(readlink "$d/exe")" --version; echo ` + separator + `
  c=$(tr '\0' '\n' < "$d/cmdline" | sed -n -e 's/^--*config-file=//p' -e '/^--*config-file$/{n;p;}')
  cat "$d/root/${c:-$2}" 2>/dev/null
  exit 0
done
echo "no process named ovnkube in the pod's control groups" >&2; exit 1`

func ovnKubernetes(ctx context.Context, b *bed.Bed, f *model.Facts) error {
	pods, err := b.Kube.CoreV1().Pods("").List(ctx, metav1.ListOptions{LabelSelector: selectorOVNKube, FieldSelector: "status.phase=Running"})
	if err != nil {
		return fmt.Errorf("OVN-Kubernetes' pods: %w", err)
	}
	if len(pods.Items) == 0 {
		return fmt.Errorf("no running pod with label %s in any namespace: OVN-Kubernetes must be the cluster's network", selectorOVNKube)
	}
	settings, version, err := running(ctx, b, &pods.Items[0])
	if err != nil {
		return fmt.Errorf("OVN-Kubernetes' settings, from pod %s/%s: %w", pods.Items[0].Namespace, pods.Items[0].Name, err)
	}
	if version != "" {
		f.Versions["ovn-kubernetes"] = version
		f.Sources["versions.ovn-kubernetes"] = "ovnkube --version, node " + pods.Items[0].Spec.NodeName
	}
	if err := settings.apply(f); err != nil {
		return err
	}
	udn, err := servesKind(b, schema.GroupVersion{Group: "k8s.ovn.org", Version: "v1"}, "UserDefinedNetwork")
	segmentation := settings.on("enable-network-segmentation") && settings.on("enable-multi-network")
	f.Features[model.FeatureUDN] = model.Presence{
		Present: udn && segmentation,
		Reason:  fmt.Sprintf("kind UserDefinedNetwork served: %t; ovnkube runs with network segmentation and multi-network: %t", udn, segmentation),
	}
	return err
}

var versionLine = regexp.MustCompile(`(?m)^Version:\s*(\S+)`)

// running reads what the pod's ovnkube was started with, through the node.
func running(ctx context.Context, b *bed.Bed, pod *corev1.Pod) (Settings, string, error) {
	node, err := b.Node(ctx, pod.Spec.NodeName)
	if err != nil {
		return Settings{}, "", err
	}
	uid := string(pod.UID)
	group := "pod(" + uid + "|" + strings.ReplaceAll(uid, "-", "_") + ")" // cgroupfs and systemd drivers
	out, err := node.Run(ctx, "sh", "-c", process, "sh", group, DefaultConfigFile)
	if err != nil {
		return Settings{}, "", err
	}
	parts := strings.SplitN(out, separator+"\n", 3)
	if len(parts) != 3 {
		return Settings{}, "", errors.New("unexpected answer: " + out)
	}
	version := ""
	if m := versionLine.FindStringSubmatch(parts[1]); m != nil {
		version = m[1]
	}
	settings, err := ParseSettings(strings.Split(strings.TrimSuffix(parts[0], "\n"), "\n"), parts[2])
	return settings, version, err
}
