package parse

import (
	"fmt"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// Neighbours reads the answer of `ip -j neigh`: the table of neighbours, in ip's order. One that was asked for and did
// not answer has no MAC.
func Neighbours(text string) ([]model.Neighbour, error) {
	var rows []struct {
		Dst   string   `json:"dst"`
		Dev   string   `json:"dev"`
		MAC   string   `json:"lladdr"`
		State []string `json:"state"`
	}
	if err := decode(text, &rows); err != nil {
		return nil, fmt.Errorf("ip -j neigh: %w", err)
	}
	list := make([]model.Neighbour, 0, len(rows))
	for i, r := range rows {
		if r.Dst == "" && r.Dev == "" {
			continue // a row that a filter left out
		}
		ip, err := address(r.Dst)
		if err != nil {
			return nil, fmt.Errorf("ip -j neigh: row %d: dst: %w", i+1, err)
		}
		list = append(list, model.Neighbour{IP: ip, MAC: strings.ToLower(r.MAC), Dev: r.Dev, State: strings.Join(r.State, ",")})
	}
	return list, nil
}
