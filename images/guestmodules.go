package images

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// guestModules adds the wanted kernel modules with what they depend on, not
// compressed. Dependencies are read from the modules themselves: depmod over all
// of a general kernel would unpack thousands for a dozen.
func (b *builder) guestModules(ctx context.Context, tools *BuildRoot, source, tree, version string) error {
	dir, err := only(filepath.Join(source, "usr/lib/modules", version), filepath.Join(source, "lib/modules", version))
	if err != nil {
		return err
	}
	to := filepath.Join(tree, "usr/lib/modules", version)
	out := b.log("guest")
	files, err := moduleFiles(dir)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for wanted := guestModules; len(wanted) > 0; {
		var added, packed []string
		for _, name := range wanted {
			name = moduleName(name)
			file, ok := files[name]
			if !ok || seen[name] { // what has no file is built in, or this kernel's hardware has it not
				continue
			}
			seen[name] = true
			if err := copyFile(filepath.Join(dir, file), filepath.Join(to, file)); err != nil {
				return err
			}
			if strings.HasSuffix(file, ".xz") {
				packed = append(packed, filepath.Join(to, file))
			}
			added = append(added, filepath.Join(to, strings.TrimSuffix(file, ".xz")))
		}
		if len(packed) > 0 {
			if err := tools.Run(ctx, tree, nil, out, append([]string{"xz", "-d", "-f"}, packed...)...); err != nil {
				return fmt.Errorf("guest's modules: %w", err)
			}
		}
		wanted = nil
		for _, file := range added {
			needs, err := moduleNeeds(file)
			if err != nil {
				return err
			}
			wanted = append(wanted, needs...)
		}
	}
	if !seen["virtio_net"] {
		return fmt.Errorf("the guest's kernel %s has no module virtio_net: Debian changed it, see guestModules", version)
	}
	for _, name := range []string{"modules.builtin", "modules.builtin.modinfo", "modules.order"} {
		if err := copyFile(filepath.Join(dir, name), filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return tools.Run(ctx, tree, nil, out, "depmod", "-b", tree, version)
}

// moduleName is the name that the kernel knows a module by: its file's may have
// a dash in the place of an underscore.
func moduleName(file string) string {
	name, _, _ := strings.Cut(filepath.Base(file), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

// moduleFiles finds the modules below dir: name to path relative to dir.
func moduleFiles(dir string) (map[string]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !strings.Contains(d.Name(), ".ko") {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files[moduleName(rel)] = rel
		return err
	})
	return files, err
}

// moduleNeeds reads from a module which others it needs.
func moduleNeeds(path string) ([]string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer f.Close()
	section := f.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("%s: no .modinfo, not a kernel module: %w", path, os.ErrInvalid)
	}
	data, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return dependsOf(data), nil
}

// dependsOf reads the section .modinfo: strings "name=value", each ended by a
// zero byte; depends is a list of names with commas between.
func dependsOf(modinfo []byte) []string {
	for _, field := range bytes.Split(modinfo, []byte{0}) {
		if list, ok := bytes.CutPrefix(field, []byte("depends=")); ok && len(list) > 0 {
			return strings.Split(string(list), ",")
		}
	}
	return nil
}
