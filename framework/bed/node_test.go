package bed

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func systemNamespace(labels map[string]string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: SystemNamespace, UID: "first", Labels: labels}}
}

func TestSweepTakesOnlyWhatVmnetMade(t *testing.T) {
	for name, c := range map[string]struct {
		have    []runtime.Object
		refused bool
	}{
		"nothing there":   {},
		"ours":            {have: []runtime.Object{systemNamespace(map[string]string{PartOfLabel: PartOf})}},
		"somebody else's": {have: []runtime.Object{systemNamespace(map[string]string{PartOfLabel: "other"})}, refused: true},
		"without a label": {have: []runtime.Object{systemNamespace(nil)}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			kube := fake.NewClientset(c.have...)
			b := &Bed{Kube: kube}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			err := b.Sweep(ctx)
			if (err != nil) != c.refused || c.refused && !strings.Contains(err.Error(), "not made by vmnet") {
				t.Errorf("sweep: %v", err)
			}
			if _, err := kube.CoreV1().Namespaces().Get(ctx, SystemNamespace, metav1.GetOptions{}); apierrors.IsNotFound(err) == c.refused {
				t.Errorf("afterwards: %v", err)
			}
			if err := b.ensureSystemNamespace(ctx); (err != nil) != c.refused {
				t.Errorf("to make it: %v", err)
			}
		})
	}
}

func TestRemovalsTakeTheNamespaceThatTheyLookedAt(t *testing.T) {
	for name, remove := range map[string]func(*Bed) error{
		"Sweep":           func(b *Bed) error { return b.Sweep(t.Context()) },
		"RemoveNamespace": func(b *Bed) error { return b.RemoveNamespace(t.Context(), SystemNamespace) },
	} {
		kube := fake.NewClientset(systemNamespace(map[string]string{PartOfLabel: PartOf}))
		var deleted *metav1.Preconditions
		kube.PrependReactor("delete", "namespaces", func(a clienttesting.Action) (bool, runtime.Object, error) {
			deleted = a.(clienttesting.DeleteActionImpl).DeleteOptions.Preconditions
			return false, nil, nil
		})
		if err := remove(&Bed{Kube: kube}); err != nil {
			t.Fatal(err)
		}
		if deleted == nil || deleted.UID == nil || *deleted.UID != "first" {
			t.Errorf("%s: preconditions: %v", name, deleted)
		}
		if err := remove(&Bed{Kube: kube}); err != nil {
			t.Errorf("%s of what is gone: %v", name, err)
		}
	}
}

// A namespace of the same name that is made while the old one goes is no reason to wait, and stays.
func TestRemoveNamespaceLeavesTheNextOfThatName(t *testing.T) {
	kube := fake.NewClientset(systemNamespace(nil))
	spaces := kube.CoreV1().Namespaces()
	kube.PrependReactor("delete", "namespaces", func(clienttesting.Action) (bool, runtime.Object, error) {
		next := systemNamespace(nil)
		next.UID = "second"
		if err := kube.Tracker().Update(corev1.SchemeGroupVersion.WithResource("namespaces"), next, ""); err != nil {
			return true, nil, err
		}
		return true, nil, apierrors.NewConflict(corev1.Resource("namespaces"), SystemNamespace, errors.New("the UID in the precondition differs"))
	})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := (&Bed{Kube: kube}).RemoveNamespace(ctx, SystemNamespace); err != nil {
		t.Fatal(err)
	}
	if have, err := spaces.Get(ctx, SystemNamespace, metav1.GetOptions{}); err != nil || have.UID != "second" {
		t.Errorf("afterwards: %v, %v", have, err)
	}
}
