// Package observe looks at a running scenario from every place that claims need: the API, the launchers'
// namespaces, OVN, the inside of the guests, a peer outside and the wire.
//
// It judges nothing and fails at nothing: a look that could not be had is kept as a Read that says so. A place
// is entered once for all that is asked there, and places are asked at the same time.
package observe

import (
	"context"
	"sync"
	"time"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/scenario"
)

// The timeouts of one round. Each bounds one visit to one place; what is asked there has shorter ones of its own.
const (
	// APITimeout bounds one question to the API server.
	APITimeout = 30 * time.Second
	// VisitTimeout bounds a batch of commands at one place.
	VisitTimeout = 3 * time.Minute
	// PeerTimeout bounds the start of listeners and capture at the peer outside, and their end.
	PeerTimeout = 30 * time.Second
)

// clusterNetwork is the scenario without user-defined networks; all others have them.
const clusterNetwork = "cluster-network"

// observer gathers one stage. Its parts run at the same time; each writes its own fields under the lock.
type observer struct {
	bed     *bed.Bed
	running *scenario.Running
	facts   model.Facts
	report  scenario.StepFunc

	mu    sync.Mutex
	stage model.Stage
	// at remembers what API objects are needed for later looks.
	launchers map[string]place // by VM
	fixtures  map[string]place // by pod: client, echo
	nextPort  int              // for clientPort
	lost      []lost           // attempts that should have passed
}

// place says where a pod runs.
type place struct{ pod, uid, node, namespace string }

func newObserver(b *bed.Bed, r *scenario.Running, f model.Facts, name string, step scenario.StepFunc) *observer {
	o := &observer{bed: b, running: r, facts: f, report: step, launchers: map[string]place{}, fixtures: map[string]place{},
		stage: model.Stage{Name: name, VMs: map[string]model.VMView{}, Paths: map[string]model.Read[model.Path]{},
			Frames: map[string]model.Read[[]model.Frame]{}, Controls: map[string]model.Read[[]model.Link]{},
			Services: map[string]model.Read[model.Service]{}}}
	if o.udn() {
		o.stage.Pods, o.stage.Networks = map[string]model.Read[model.Pod]{}, map[string]model.Read[model.Network]{}
		o.stage.Hosts, o.stage.Flows = map[string]model.HostView{}, map[string]model.Read[model.Flow]{}
		o.stage.Connections = map[string]model.Read[model.Connection]{}
	}
	for _, s := range r.Specs {
		o.stage.VMs[s.Name] = model.VMView{Spec: s}
	}
	return o
}

// Stage looks at what is: for Steady at everything, for a stage that Transition brought about at what its claims read,
// but for what can be seen only while it comes about. It returns what could be seen when ctx ends, too.
func Stage(ctx context.Context, b *bed.Bed, r *scenario.Running, f model.Facts, name string, step scenario.StepFunc) model.Stage {
	o := newObserver(b, r, f, name, step)
	switch {
	case !o.udn():
		o.clusterNetwork(ctx)
	case o.running.Scenario == localnet && name == model.Steady:
		o.localnet(ctx)
	case o.running.Scenario == linuxBridge && name == model.Steady:
		o.linuxBridge(ctx)
	case name == model.Steady:
		o.userDefined(ctx)
	default:
		o.after(ctx, name)
	}
	o.walk(ctx)
	return o.stage
}

// udn says whether the scenario is one of user-defined networks.
func (o *observer) udn() bool { return o.running.Scenario != clusterNetwork }

// clusterNetwork makes one round: first all reads, then all attempts to pass traffic, the network policies last.
func (o *observer) clusterNetwork(ctx context.Context) {
	var p *peer
	together(
		func() { o.step("api", func() { o.api(ctx) }) },
		func() { o.step("peer's listeners and capture", func() { p = o.startPeer(ctx) }) },
	)
	o.step("reads", func() {
		together(
			func() { o.step("nodes", func() { o.nodes(ctx) }) },
			func() { o.step("guests", func() { o.guests(ctx, o.guestSpecs()) }) },
			func() { o.step("port-forward", func() { o.portForward(ctx) }) },
		)
	})
	o.step("paths", func() {
		together(
			func() { o.step("from guests", func() { o.fromGuests(ctx, p) }) },
			func() { o.step("from the client pod", func() { o.fromClient(ctx) }) },
		)
	})
	together(
		func() { o.step("capture", func() { p.stop(ctx, o) }) },
		func() { o.step("network policies", func() { o.policies(ctx) }) },
	)
}

// Prepare makes ready what Stage enters on nodes, so that it does not wait for it; call it while VMs start. That it
// could not is told by the reads of the Stage.
func Prepare(ctx context.Context, b *bed.Bed, f model.Facts) {
	var parts []func()
	for _, n := range f.Nodes {
		parts = append(parts, func() { _, _ = b.Node(ctx, n.Name) })
	}
	together(parts...)
}

func (o *observer) step(name string, f func()) {
	if o.report == nil {
		f()
		return
	}
	done := o.report("observe: " + name)
	f()
	done(nil)
}

// together runs all at the same time and returns when the last has ended.
func together(parts ...func()) {
	var all sync.WaitGroup
	for _, part := range parts {
		all.Add(1)
		go func() { defer all.Done(); part() }()
	}
	all.Wait()
}

// view changes a VM's view.
func (o *observer) view(vm string, change func(*model.VMView)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v := o.stage.VMs[vm]
	change(&v)
	o.stage.VMs[vm] = v
}

func (o *observer) path(name string, r model.Read[model.Path]) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stage.Paths[name] = r
}

// guestSpecs are the VMs from whose guests attempts are made: the main namespace's but for spare ones; of VMs on a VLAN the
// other namespace's, too, which are on the other form of the network.
func (o *observer) guestSpecs() []model.VMSpec {
	return o.specs(func(s model.VMSpec) bool { return (s.Group == "" || o.running.Scenario == localnet) && !s.Spare })
}

func (o *observer) specs(which func(model.VMSpec) bool) []model.VMSpec {
	var specs []model.VMSpec
	for _, s := range o.running.Specs {
		if which(s) {
			specs = append(specs, s)
		}
	}
	return specs
}

// podIP is the VM's address on the cluster's network, as allotted; empty when that could not be read.
func (o *observer) podIP(vm string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if ips := o.stage.VMs[vm].Pod.Value.IPs; len(ips) > 0 {
		return ips[0]
	}
	return ""
}
