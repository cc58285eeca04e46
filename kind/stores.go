package kind

import (
	"context"
	"fmt"
	"path"
)

// Each node needs a containerd store of its own: the images' files are shared by hard links, for nothing writes
// them; the databases are written and so are copied.
const copyStore = `set -e
rm -rf "$2"
cp -al "$1" "$2"
rm -rf "$2"/tmpmounts/*
find "$2" -maxdepth 2 -type f -name '*.db' | while read -r db; do
  cp -p "$db" "$db.copy"
  mv "$db.copy" "$db"
done
`

// PrepareStores makes n stores beside the one given, on the host of the Docker engine, where run runs commands, and
// returns their paths. Those of an earlier cluster are made anew.
func PrepareStores(ctx context.Context, run func(ctx context.Context, argv ...string) (string, error), store string, n int) ([]string, error) {
	stores := make([]string, 0, n)
	for i := range n {
		dir := path.Join(path.Dir(store), fmt.Sprintf("node-%d", i+1))
		if _, err := run(ctx, "sh", "-c", copyStore, "sh", store, dir); err != nil {
			return nil, fmt.Errorf("image store %s: %w", dir, err)
		}
		stores = append(stores, dir)
	}
	return stores, nil
}
