package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/vmnet-project/vmnet/framework/bed"
)

const (
	// troubleEvents is how many of the last events an error quotes.
	troubleEvents = 4
	// troubleTime bounds asking what is the matter.
	troubleTime = 15 * time.Second
)

// vmTrouble gathers in one line what the cluster says about a VM that does not come up. It has a short time
// of its own: it is called when another has just run out.
func vmTrouble(ctx context.Context, b *bed.Bed, namespace, name string) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), troubleTime)
	defer cancel()
	var said []string
	vm, err := b.KubeVirt.VirtualMachine(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err.Error()
	}
	said = append(said, "VM is "+string(vm.Status.PrintableStatus))
	if vmi, err := b.KubeVirt.VirtualMachineInstance(namespace).Get(ctx, name, metav1.GetOptions{}); err != nil {
		said = append(said, "no VMI: "+err.Error())
	} else {
		said = append(said, "VMI is "+string(vmi.Status.Phase))
		for _, c := range vmi.Status.Conditions {
			if c.Message != "" {
				said = append(said, fmt.Sprintf("%s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message))
			}
		}
	}
	related := []string{name}
	if pods, err := b.Kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: launcherOf(name)}); err == nil {
		for i := range pods.Items {
			said = append(said, bed.PodTrouble(&pods.Items[i]))
			related = append(related, pods.Items[i].Name)
		}
	}
	return strings.Join(append(said, lastEvents(ctx, b, namespace, related)...), "; ")
}

// podTrouble is the same for a pod.
func podTrouble(ctx context.Context, b *bed.Bed, pod *corev1.Pod) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), troubleTime)
	defer cancel()
	return strings.Join(append([]string{bed.PodTrouble(pod)}, lastEvents(ctx, b, pod.Namespace, []string{pod.Name})...), "; ")
}

// launcherOf selects a VM's launcher pods, by the label that its template gives them.
func launcherOf(vm string) string {
	return kubevirtv1.AppLabel + "=virt-launcher," + nameLabel + "=" + vm
}

// lastEvents quotes the last events about the named objects.
func lastEvents(ctx context.Context, b *bed.Bed, namespace string, names []string) []string {
	events, err := eventsOf(ctx, b, namespace, names)
	if err != nil {
		return []string{"events: " + err.Error()}
	}
	if len(events) > troubleEvents {
		events = events[len(events)-troubleEvents:]
	}
	said := make([]string, 0, len(events))
	for _, e := range events {
		said = append(said, fmt.Sprintf("event %s %s %s: %s", eventTime(e).Format(time.TimeOnly), e.InvolvedObject.Name, e.Reason, e.Message))
	}
	return said
}

// eventsOf are those about the named objects, the oldest first.
func eventsOf(ctx context.Context, b *bed.Bed, namespace string, names []string) ([]corev1.Event, error) {
	list, err := b.Kube.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	events := slices.DeleteFunc(list.Items, func(e corev1.Event) bool { return !slices.Contains(names, e.InvolvedObject.Name) })
	slices.SortStableFunc(events, func(a, b corev1.Event) int { return eventTime(a).Compare(eventTime(b)) })
	return events, nil
}

// eventTime is when an event was last seen; writers fill in different fields.
func eventTime(e corev1.Event) time.Time {
	switch {
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}
