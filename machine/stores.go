package machine

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// storesScript gets the store and the directories that become copies of it. The files are hard links, but for the
// databases, which a containerd writes to.
const storesScript = `set -eu
store=$1; shift
for copy in "$@"; do
	rm -rf "$copy" "$copy.new"
	cp -al "$store" "$copy.new"
	find "$copy.new" -maxdepth 2 -type f -name '*.db' | while read -r db; do cp -p "$db" "$db.own"; mv "$db.own" "$db"; done
	rm -rf "$copy.new"/tmpmounts/*
	mv "$copy.new" "$copy"
done`

// NodeStores makes n fresh copies of the store for n nodes of a cluster and returns their paths in the machine. No
// container may run on earlier copies.
func (m *Machine) NodeStores(ctx context.Context, n int) ([]string, error) {
	paths := make([]string, n)
	for i := range paths {
		paths[i] = "/srv/node-" + strconv.Itoa(i+1)
	}
	if _, err := m.Run(ctx, append([]string{"sh", "-c", storesScript, "stores", StorePath}, paths...)...); err != nil {
		return nil, fmt.Errorf("stores of the nodes (%s): %w", strings.Join(paths, ", "), err)
	}
	return paths, nil
}
