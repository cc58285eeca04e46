package kind

import (
	"context"
	"fmt"
	"path"
)

// Each node needs a containerd store of its own: the images' files are shared by hard links, for nothing writes
// them; the databases are written and so are copied. kubeadm's patches lie beside them: both are the node's own.
const copyStore = `set -e
store=$1 copy=$2 patches=$3
shift 3
rm -rf "$copy"
cp -al "$store" "$copy"
rm -rf "$copy"/tmpmounts/*
find "$copy" -maxdepth 2 -type f -name '*.db' | while read -r db; do
  cp -p "$db" "$db.copy"
  mv "$db.copy" "$db"
done
mkdir "$copy/$patches"
while [ $# -gt 0 ]; do
  printf '%s\n' "$2" > "$copy/$patches/$1"
  shift 2
done
`

// PrepareStores makes n stores beside the one given, on the host of the Docker engine, where run runs commands, and
// returns their paths. Those of an earlier cluster are made anew. Each holds the shares of the control plane, too.
func PrepareStores(ctx context.Context, run func(ctx context.Context, argv ...string) (string, error), store string, n int) ([]string, error) {
	stores := make([]string, 0, n)
	for i := range n {
		dir := path.Join(path.Dir(store), fmt.Sprintf("node-%d", i+1))
		argv := append([]string{"sh", "-c", copyStore, "sh", store, dir, patchesDir}, sharePatches()...)
		if _, err := run(ctx, argv...); err != nil {
			return nil, fmt.Errorf("image store %s: %w", dir, err)
		}
		stores = append(stores, dir)
	}
	return stores, nil
}
