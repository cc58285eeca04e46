package parse

import (
	"fmt"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// What OVN-Kubernetes writes beside rows of OVN's northbound database (go-controller/pkg/types: NetworkExternalID;
// go-controller/pkg/libovsdb/ops: db_object_ids.go).
const (
	networkID = "k8s.ovn.org/network"
	ownerName = "k8s.ovn.org/name"
)

// NAT reads the table NAT and, after it, Logical_Router, as `ovn-nbctl -f json list` prints them: the rules with the
// routers that have them. A rule that no router has (OVN does nothing with it) keeps an empty Router.
func NAT(text string) ([]model.NATRow, error) {
	rows, router, err := withRouters(text, "nat", "type", "external_ip", "logical_ip")
	if err != nil {
		return nil, fmt.Errorf("NAT: %w", err)
	}
	list := make([]model.NATRow, 0, len(rows))
	for _, r := range rows {
		list = append(list, model.NATRow{
			UUID: r.UUID(), Router: router[r.UUID()], Network: r.Map("external_ids")[networkID],
			Type: r.Text("type"), LogicalIP: r.Text("logical_ip"), ExternalIP: r.Text("external_ip"),
			LogicalPort: r.Text("logical_port"), Match: r.Text("match"),
		})
	}
	return list, nil
}

// StaticRoutes reads the table Logical_Router_Static_Route and, after it, Logical_Router.
func StaticRoutes(text string) ([]model.OVNRoute, error) {
	rows, router, err := withRouters(text, "static_routes", "ip_prefix", "nexthop")
	if err != nil {
		return nil, fmt.Errorf("static routes: %w", err)
	}
	list := make([]model.OVNRoute, 0, len(rows))
	for _, r := range rows {
		list = append(list, model.OVNRoute{
			Router: router[r.UUID()], Prefix: r.Text("ip_prefix"), Policy: r.Text("policy"),
			Nexthop: r.Text("nexthop"), Port: r.Text("output_port"),
		})
	}
	return list, nil
}

// withRouters reads a table whose rows must have these columns, and the name of the router that refers to each of its
// rows in a column of Logical_Router.
func withRouters(text, column string, columns ...string) (rows []Row, router map[string]string, err error) {
	const both = 2
	tables, err := Tables(text, both)
	if err != nil {
		return nil, nil, err
	}
	rows, routers := tables[0], tables[1]
	if err := have(rows, append(columns, "_uuid")...); err != nil {
		return nil, nil, err
	}
	if err := have(routers, "name", column); err != nil {
		return nil, nil, fmt.Errorf("routers: %w", err)
	}
	router = map[string]string{}
	for _, r := range routers {
		for _, id := range r.Texts(column) {
			router[id] = r.Text("name")
		}
	}
	return rows, router, nil
}

// DHCPOptions reads the table DHCP_Options. The quotes that OVN wants around text are left out.
func DHCPOptions(text string) ([]model.DHCPOptions, error) {
	rows, err := Table(text)
	if err == nil {
		err = have(rows, "cidr", "options")
	}
	if err != nil {
		return nil, fmt.Errorf("DHCP options: %w", err)
	}
	list := make([]model.DHCPOptions, 0, len(rows))
	for _, r := range rows {
		options := r.Map("options")
		for k, v := range options {
			options[k] = strings.Trim(v, `"`)
		}
		list = append(list, model.DHCPOptions{Owner: r.Map("external_ids")[ownerName], CIDR: r.Text("cidr"), Options: options})
	}
	return list, nil
}

// have checks that rows have columns: one that was not asked for would read like one that is empty.
func have(rows []Row, columns ...string) error {
	for i, r := range rows {
		for _, c := range columns {
			if _, ok := r[c]; !ok {
				return fmt.Errorf("row %d has no column %s", i+1, c)
			}
		}
	}
	return nil
}
