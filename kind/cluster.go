package kind

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/go-logr/logr"

	"github.com/vmnet-project/vmnet/internal/tail"
)

// Cluster is one that kind made, for components to go onto.
type Cluster struct {
	Name       string
	Nodes      int
	Kubeconfig string
	Engine     Engine
	Network    Network
	REST       *rest.Config
	Kube       kubernetes.Interface
	Objects    client.WithWatch
	Step       StepFunc
}

// ControlPlane is the name of the node with the API server, under which nodes find it whatever its address is.
func (c *Cluster) ControlPlane() string { return c.Name + "-control-plane" }

// connect makes the clients. The API server is one of our own: no politeness is needed.
func (o *Options) connect(ctx context.Context, n Network) (*Cluster, error) {
	ctrllog.SetLogger(logr.Discard()) // controller-runtime complains when nobody says where it shall log
	path := o.file(KubeconfigFile)
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of the new cluster: %w", err)
	}
	config.QPS, config.Burst = 100, 200
	c := &Cluster{Name: o.Name, Nodes: o.Nodes, Kubeconfig: path, Engine: o.Engine, Network: n, REST: config, Step: o.Step}
	if c.Kube, err = kubernetes.NewForConfig(config); err != nil {
		return nil, fmt.Errorf("kubeconfig of the new cluster: %w", err)
	}
	if c.Objects, err = client.NewWithWatch(config, client.Options{}); err != nil {
		return nil, fmt.Errorf("cluster %s: %w", o.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := c.Kube.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error(); err != nil {
		return nil, fmt.Errorf("the new cluster does not answer at %s: %w", config.Host, err)
	}
	return c, nil
}

// Emulated says whether guests have to be emulated: the nodes have no KVM.
func (c *Cluster) Emulated(ctx context.Context) (bool, error) {
	out, err := c.Engine.Docker(ctx, "exec", c.ControlPlane(), "sh", "-c", "test -c /dev/kvm && echo kvm || echo none")
	if err != nil {
		return false, fmt.Errorf("looking for KVM: %w", err)
	}
	return tail.Line(out, "") != "kvm", nil
}

func (c *Cluster) step(name string, work func() error) error {
	done := c.Step(name)
	err := work()
	done(err)
	return err
}
