package scenario

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	fielderrors "k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	objectsfake "sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/vmnet-project/vmnet/framework/bed"
)

const space = "vmnet-ln-x1"

// event is a warning about an object, seconds after its creation; without a UID as OVN-Kubernetes writes it.
func event(name, about string, uid types.UID, after int, reason, message string) runtime.Object {
	return &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: space}, Type: corev1.EventTypeWarning, Reason: reason, Message: message,
		InvolvedObject: corev1.ObjectReference{Namespace: space, Name: about, UID: uid}, LastTimestamp: metav1.NewTime(born.Add(time.Duration(after) * time.Second))}
}

var born = time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)

func clusterWith(t *testing.T, network string, ready bool, events ...runtime.Object) (*bed.Bed, NetworkRef) {
	t.Helper()
	r, objects := placed(t, "localnet")
	n := ref(t, r, objects, network)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: RefusedPod(network), Namespace: space, UID: "new"}, Spec: corev1.PodSpec{NodeName: "n1"}}
	if ready {
		pod.Status.Phase = corev1.PodRunning
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	}
	nad, ok := named(objects, n.Name).(*unstructured.Unstructured)
	if !ok {
		t.Fatal("no attachment")
	}
	nad.SetCreationTimestamp(metav1.NewTime(born))
	scheme := runtime.NewScheme()
	scheme.AddKnownTypeWithName(NADKind, &unstructured.Unstructured{})
	return &bed.Bed{Kube: fake.NewClientset(append(events, pod)...), Objects: objectsfake.NewClientBuilder().WithScheme(scheme).WithObjects(nad).Build()}, n
}

func TestRefusal(t *testing.T) {
	const sandbox = "FailedCreatePodSandBox"
	unmapped := event("a", "on-unmapped", "new", 9, sandbox, `failed to find OVN bridge-mapping for network: "vmnet-unmapped"`)
	inconsistent := "Failed to parse network config: net-attach-def name (vmnet-ln-x1/misnamed) is inconsistent with config (vmnet-ln-x1/demo-vlan-1924)"
	for name, c := range map[string]struct {
		network string
		ready   bool
		events  []runtime.Object
		came    bool
		said    string
		// soon is whether it ends before the time is over
		soon bool
	}{
		"the mapping is missing":  {network: Unmapped, events: []runtime.Object{unmapped}, said: "on-unmapped " + sandbox + " failed to find", soon: true},
		"the mapping is there":    {network: Unmapped, ready: true, came: true, soon: true},
		"another trouble":         {network: Unmapped, events: []runtime.Object{event("b", "on-unmapped", "new", 3, sandbox, "no answer")}, said: "no answer"},
		"a pod of that name once": {network: Unmapped, events: []runtime.Object{event("c", "on-unmapped", "old", 9, sandbox, `"vmnet-unmapped"`)}},
		"another's name":          {network: Misnamed, events: []runtime.Object{event("d", "misnamed", "", 0, "InvalidConfig", inconsistent)}, said: "misnamed InvalidConfig Failed to parse", soon: true},
		"another's name, once":    {network: Misnamed, events: []runtime.Object{event("e", "misnamed", "", -5, "InvalidConfig", inconsistent)}},
		"somebody else's":         {network: Misnamed, events: []runtime.Object{event("f", "other", "", 5, "InvalidConfig", inconsistent)}},
		"its own name":            {network: Misnamed, ready: true, came: true, soon: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, n := clusterWith(t, c.network, c.ready, c.events...)
			limit := 100 * time.Millisecond
			if c.soon {
				limit = time.Minute
			}
			began := time.Now()
			got, raw, err := refusal(t.Context(), b, n, RefusedPod(c.network), limit)
			if err != nil {
				t.Fatal(err)
			}
			var said string
			for _, w := range got.Warnings {
				said += w.About + " " + w.Reason + " " + w.Message
			}
			if got.Came != c.came || got.Node != "n1" || got.Network != space+"/"+c.network || !strings.Contains(said, c.said) || c.said == "" && said != "" {
				t.Errorf("%+v", got)
			}
			if (raw != "null") != (said != "") || time.Since(began) > time.Minute/2 {
				t.Errorf("raw %q after %s", raw, time.Since(began))
			}
		})
	}
}

func TestRefusalThatNobodySaw(t *testing.T) {
	b, n := clusterWith(t, Unmapped, false)
	b.Kube = fake.NewClientset()
	if got, _, err := refusal(t.Context(), b, n, RefusedPod(Unmapped), 50*time.Millisecond); err == nil {
		t.Errorf("without a pod: %+v", got)
	}
	// what could not be seen for a while may come late
	b, n = clusterWith(t, Unmapped, true)
	pods, _ := b.Kube.(*fake.Clientset)
	sick := time.Now().Add(200 * time.Millisecond)
	pods.PrependReactor("get", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return time.Now().Before(sick), nil, errors.New("etcdserver: leader changed")
	})
	if got, _, err := refusal(t.Context(), b, n, RefusedPod(Unmapped), time.Second); err != nil || !got.Came {
		t.Errorf("after a sickness: %+v, %v", got, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("interrupted")
	cancel(stopped)
	if _, _, err := refusal(ctx, b, n, RefusedPod(Unmapped), time.Minute); !errors.Is(err, stopped) {
		t.Errorf("interrupted: %v", err)
	}
}

// dry is an API server that knows no topology Localnet of a UserDefinedNetwork.
func dry(err func(topology string) error) *bed.Bed {
	scheme := runtime.NewScheme()
	scheme.AddKnownTypeWithName(UDNKind, &unstructured.Unstructured{})
	return &bed.Bed{Objects: objectsfake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(interceptor.Funcs{
		Create: func(_ context.Context, _ client.WithWatch, o client.Object, more ...client.CreateOption) error {
			var options client.CreateOptions
			options.ApplyOptions(more)
			topology, _ := field(o, "spec", "topology")
			if len(options.DryRun) == 0 {
				return errors.New("this would be made")
			}
			return err(topology)
		}}).Build()}
}

func TestAskedDry(t *testing.T) {
	group := schema.GroupKind{Group: UDNKind.Group, Kind: UDNKind.Kind}
	server := dry(func(topology string) error {
		if topology == "Layer2" {
			return nil
		}
		return apierrors.NewInvalid(group, "asked-localnet", fieldErrors(topology))
	})
	r := &Running{Namespace: space, bed: server}
	local, layer2 := r.AskedLocalnet(t.Context()), r.AskedLayer2(t.Context())
	if local.Failure() != nil || local.Value.Came || len(local.Value.Warnings) != 1 || !strings.Contains(local.Value.Warnings[0].Message, `"Localnet"`) {
		t.Errorf("%+v", local)
	}
	if layer2.Failure() != nil || !layer2.Value.Came || layer2.Value.Asked.Topology != "layer2" {
		t.Errorf("%+v", layer2)
	}
	r.bed = dry(func(string) error { return errors.New("no answer") })
	if got := r.AskedLocalnet(t.Context()); got.Failure() == nil || got.Value.Came {
		t.Errorf("a server that does not answer: %+v", got)
	}
}

func fieldErrors(topology string) fielderrors.ErrorList {
	return fielderrors.ErrorList{fielderrors.NotSupported(fielderrors.NewPath("spec", "topology"), topology, []string{"Layer2", "Layer3"})}
}
