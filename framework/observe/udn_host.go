package observe

import (
	"context"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// The tables that say what a node's routers do with traffic, and what its DHCP server hands out.
const listRouters = "ovn-nbctl -f json list Logical_Router"

var (
	askNAT         = ask{id: "nat", show: "ovn-nbctl -f json list NAT && " + listRouters}
	askOVNRoutes   = ask{id: "routes", show: "ovn-nbctl -f json list Logical_Router_Static_Route && " + listRouters}
	askDHCPOptions = ask{id: "dhcp", show: "ovn-nbctl -f json list DHCP_Options"}
)

// host is a node's northbound database and its gateway's mode; its own links are read elsewhere.
func (o *observer) host(ctx context.Context, name string) model.HostView {
	var h model.HostView
	together(
		func() {
			answers, err := o.inOVN(ctx, name, askNAT, askOVNRoutes, askDHCPOptions)
			at := placed("node " + name)
			h.NAT = read(at, askNAT, answers, err, parse.NAT)
			h.Routes = read(at, askOVNRoutes, answers, err, parse.StaticRoutes)
			h.DHCP = read(at, askDHCPOptions, answers, err, parse.DHCPOptions)
		},
		func() { h.GatewayMode = o.gatewayMode(ctx, name) },
	)
	return h
}

func (o *observer) gatewayMode(ctx context.Context, node string) model.Read[string] {
	a := ask{id: "mode", show: "get node " + node + ", annotation " + parse.GatewayConfigAnnotation}
	n, err := o.bed.Kube.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
	if err != nil {
		return failed[string](apiPlace, a.show, err)
	}
	text, ok := n.Annotations[parse.GatewayConfigAnnotation]
	if !ok {
		return failed[string](apiPlace, a.show, errors.New("the node has no such annotation"))
	}
	return read(apiPlace, a, map[string]answer{a.id: {stdout: text}}, nil, parse.GatewayMode)
}
