package parse

import (
	"fmt"

	"github.com/vmnet-project/vmnet/framework/model"
)

// LocalnetPorts reads the table Logical_Switch_Port, as `ovn-nbctl -f json list` prints it: the ports of the type localnet
// (ovn-nb(5), Logical_Switch_Port: options:network_name and tag).
func LocalnetPorts(text string) ([]model.LocalnetPort, error) {
	rows, err := Table(text)
	if err == nil {
		err = have(rows, "name", "type", "options", "tag")
	}
	if err != nil {
		return nil, fmt.Errorf("localnet ports: %w", err)
	}
	var list []model.LocalnetPort
	for _, r := range rows {
		if r.Text("type") != "localnet" {
			continue
		}
		vlan, _ := r.Int("tag") // an empty set is no tag
		list = append(list, model.LocalnetPort{Name: r.Text("name"), PhysicalNetwork: r.Map("options")["network_name"], VLAN: vlan})
	}
	return list, nil
}
