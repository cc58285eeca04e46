package scenario

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestOver(t *testing.T) {
	up := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed"}}
	launcher := func(compute, kernel corev1.ContainerState) *corev1.Pod {
		return &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
			{Name: "compute", State: compute}, {Name: "volumekernel-boot-volume", State: kernel}}}}
	}
	crashed := launcher(up, up)
	crashed.Status.ContainerStatuses = append(crashed.Status.ContainerStatuses, corev1.ContainerStatus{Name: "hook-sidecar-0", State: ended})
	going := launcher(up, ended)
	going.DeletionTimestamp = &metav1.Time{}
	for name, c := range map[string]struct {
		pod  *corev1.Pod
		want string
	}{
		"both run":        {launcher(up, up), ""},
		"the kernel's is": {launcher(up, ended), "volumekernel-boot-volume"},
		"all are":         {launcher(ended, ended), ""},
		"not yet begun":   {launcher(corev1.ContainerState{}, corev1.ContainerState{}), ""},
		"it is going":     {going, ""},
		"a sidecar is":    {crashed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := over(c.pod); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
