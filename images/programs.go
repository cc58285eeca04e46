package images

import (
	"context"
	"path/filepath"
)

// programs compiles what is written in C: the pause process, and KubeVirt's
// container-disk, which serves a disk's socket from any image and is static.
func (b *builder) programs(ctx context.Context) (string, error) {
	kubevirt, _ := find("kubevirt")
	k := b.programsKey()
	return b.artifact(ctx, "bin", "programs", k, func(dir string) error {
		source, err := b.sourceDir(ctx, kubevirt, kubevirt.module)
		if err != nil {
			return err
		}
		root, err := b.buildRoot(ctx)
		if err != nil {
			return err
		}
		if err := copyEmbedded("files/programs", filepath.Join(dir, "src")); err != nil {
			return err
		}
		for name, c := range map[string]string{
			"pause":          filepath.Join(dir, "src/pause.c"),
			"container-disk": filepath.Join(source, "cmd/container-disk-v2alpha/main.c"),
		} {
			if err := root.Run(ctx, dir, nil, b.log("bin-"+name), "gcc", "-static", "-O2", "-s", "-o", filepath.Join(dir, name), c); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *builder) programsKey() string {
	kubevirt, _ := find("kubevirt")
	return key("1", b.moduleKey(kubevirt), b.embeddedKey("files/programs"), b.rootKey(buildRoot))
}
