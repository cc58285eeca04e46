// Package bed is where a run takes place: a cluster, given by a kubeconfig, and the world outside it, given
// by underlay.yaml. Everything that runs commands at a node, in a pod or on a host outside goes through it.
package bed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"kubevirt.io/client-go/kubecli"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
)

// The files of a bed directory.
const (
	KubeconfigFile = "kubeconfig"
	UnderlayFile   = "underlay.yaml"
	ProvenanceFile = "provenance.json"
)

const (
	// AnswerTimeout is how long a cluster has to answer Open's first question.
	AnswerTimeout = 10 * time.Second
	// CallTimeout bounds each call to the API server that is no stream: a call without one may hang for
	// ever on a connection that a broken network left half open.
	CallTimeout = 60 * time.Second
)

// Options say which bed to open. Kubeconfig and Underlay override the files of Dir.
type Options struct {
	Dir        string
	Kubeconfig string
	Underlay   string
}

// Bed is an open bed. Its methods may be called concurrently.
type Bed struct {
	// Dir is the bed directory; empty when only a kubeconfig was given.
	Dir        string
	Kubeconfig string
	// REST is the cluster's configuration, with CallTimeout set.
	REST     *rest.Config
	Kube     kubernetes.Interface
	KubeVirt kubecli.KubevirtClient
	// Objects reads and writes any kind, typed for Kubernetes' and KubeVirt's own, else unstructured.
	Objects client.Client
	// Underlay is nil where nothing outside the cluster is known.
	Underlay *Underlay

	streams *rest.Config // without CallTimeout
	nodes   nodePods
	mu      sync.Mutex
	started map[*process]struct{}
	outside Host
	peers   map[string]Host
}

// Open reads the files, builds the clients and asks the cluster once. It fails with *InputError for what the
// user gave and cannot be used, and with *UnreachableError for a cluster that does not answer in AnswerTimeout.
func Open(ctx context.Context, o Options) (*Bed, error) {
	quiet()
	b := &Bed{Dir: o.Dir, Kubeconfig: o.Kubeconfig, started: map[*process]struct{}{}}
	if b.Kubeconfig == "" {
		if o.Dir == "" {
			return nil, &InputError{What: "bed", Err: errors.New("no cluster given: name a bed directory or a kubeconfig")}
		}
		b.Kubeconfig = filepath.Join(o.Dir, KubeconfigFile)
	}
	config, err := loadKubeconfig(b.Kubeconfig)
	if err != nil {
		return nil, err
	}
	if err := b.openUnderlay(o.Underlay); err != nil {
		return nil, err
	}
	if err := b.connect(config); err != nil {
		return nil, &InputError{What: b.Kubeconfig, Err: err}
	}
	return b, b.ask(ctx)
}

func loadKubeconfig(path string) (*rest.Config, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, &InputError{What: path, Err: fmt.Errorf("kubeconfig cannot be read: %w; name one that is there", unwrapPath(err))}
	}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: path}, &clientcmd.ConfigOverrides{}).ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		err = errors.New("it names no cluster")
	}
	if err != nil {
		return nil, &InputError{What: path, Err: fmt.Errorf("is no usable kubeconfig: %w; `kubectl config view --kubeconfig FILE` must read it", oneLine(err))}
	}
	return config, nil
}

func (b *Bed) openUnderlay(path string) error {
	if path == "" && b.Dir != "" {
		path = filepath.Join(b.Dir, UnderlayFile)
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return nil
		}
	}
	if path == "" {
		return nil
	}
	u, err := ReadUnderlay(path)
	if err != nil {
		return err
	}
	b.Underlay = u
	if u.Outside != nil {
		if b.outside, err = newHost(b, "outside", *u.Outside); err != nil {
			return err
		}
	}
	b.peers = map[string]Host{}
	if u.Physical != nil {
		for i, p := range u.Physical.Peers {
			if b.peers[p.Name], err = newHost(b, fmt.Sprintf("physical.peers[%d]", i), p.HostSpec); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *Bed) connect(config *rest.Config) error {
	config.QPS, config.Burst = 100, 200 // client-go's own 5 would queue the observers
	config.WarningHandler = rest.NoWarnings{}
	b.streams = rest.CopyConfig(config)
	config.Timeout = CallTimeout
	b.REST = config
	var err error
	if b.Kube, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	if b.KubeVirt, err = kubecli.GetKubevirtClientFromRESTConfig(rest.CopyConfig(config)); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientscheme.AddToScheme(scheme), kubevirtv1.AddToScheme(scheme)); err != nil {
		return err
	}
	b.Objects, err = client.New(config, client.Options{Scheme: scheme})
	return err
}

// quiet keeps the client libraries from writing to stderr: what matters they also return, and the rest is about
// connections that were closed on purpose.
var quiet = sync.OnceFunc(func() {
	klog.SetLogger(logr.Discard())
	ctrllog.SetLogger(logr.Discard())
})

// ask finds out whether there is a cluster that takes the credentials.
func (b *Bed) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, AnswerTimeout, fmt.Errorf("no answer within %s", AnswerTimeout))
	defer cancel()
	err := b.Kube.Discovery().RESTClient().Get().AbsPath("/version").Do(ctx).Error()
	switch {
	case err == nil, apierrors.IsForbidden(err): // who may not do something is known to the cluster
		return nil
	case apierrors.IsUnauthorized(err):
		return &InputError{What: b.Kubeconfig, Err: fmt.Errorf("the cluster refuses its credentials: %w; log in to the cluster again", err)}
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	return &UnreachableError{Server: b.REST.Host, Err: err}
}

// Outside is the host outside the cluster, if the underlay names one.
func (b *Bed) Outside() (Host, bool) { return b.outside, b.outside != nil }

// Close stops what was started on hosts and removes the pods that Node made, with their namespace.
func (b *Bed) Close(ctx context.Context) error {
	b.mu.Lock()
	left := make([]*process, 0, len(b.started))
	for p := range b.started {
		left = append(left, p)
	}
	b.mu.Unlock()
	var errs []error
	for _, p := range left {
		_, _, err := p.Stop(ctx)
		errs = append(errs, err)
	}
	for _, h := range append(slices.Collect(maps.Values(b.peers)), b.outside) {
		if c, ok := h.(interface{ close() error }); ok {
			errs = append(errs, c.close())
		}
	}
	return errors.Join(append(errs, b.removeNodePods(ctx))...)
}
