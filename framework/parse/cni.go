package parse

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// CNIFile begins the line before each file of a node's configuration of network plugins, with its name behind it, and
// CNIBinary the line of each plugin's program: what CNI reads.
const (
	CNIFile   = "--file "
	CNIBinary = "--binary "
)

// cniConfig are the fields of a configuration or a list of them (CNI specification, section 1), and Multus' own
// (docs/configuration.md).
type cniConfig struct {
	Type    string      `json:"type"`
	Plugins []cniConfig `json:"plugins"`

	Delegates      []cniConfig `json:"delegates"`
	ClusterNetwork string      `json:"clusterNetwork"`
}

// first is the plugin that is called first.
func (c cniConfig) first() cniConfig {
	if len(c.Plugins) > 0 {
		return c.Plugins[0]
	}
	return c
}

// CNI reads a node's configuration files of network plugins and the names of their programs. Runtimes take the first file
// by its name (libcni/api.go: ConfFiles; containerd/go-cni, opts.go: loadFromConfDir). The plugin there that calls another
// has its configuration in its own, or names the file of it by its path, which may be one in a container.
func CNI(text string) (model.CNI, error) {
	var c model.CNI
	files := map[string]string{}
	file := ""
	for _, line := range strings.SplitAfter(text, "\n") {
		word := strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(word, strings.TrimSpace(CNIFile)); ok {
			file = strings.TrimSpace(name)
			files[file] = ""
			if c.File == "" || file < c.File {
				c.File = file
			}
		} else if name, ok := strings.CutPrefix(word, strings.TrimSpace(CNIBinary)); ok {
			file = ""
			c.Binaries = append(c.Binaries, strings.TrimSpace(name))
		} else if file != "" {
			files[file] += line
		}
	}
	slices.Sort(c.Binaries)
	c.Binaries = slices.Compact(c.Binaries)
	if c.File == "" {
		return c, errors.New("network plugins: the node has no file of their configuration")
	}
	called, err := cniConfigOf(c.File, files)
	if err != nil {
		return c, err
	}
	c.Type = called.Type
	switch {
	case len(called.Delegates) > 0:
		c.Delegate = called.Delegates[0].first().Type
	case path.IsAbs(called.ClusterNetwork):
		behind, err := cniConfigOf(path.Base(called.ClusterNetwork), files)
		if err != nil {
			return c, err
		}
		c.Delegate = behind.Type
	}
	return c, nil
}

func cniConfigOf(file string, files map[string]string) (cniConfig, error) {
	var c cniConfig
	if err := decode(files[file], &c); err != nil {
		return c, fmt.Errorf("network plugins: %s: %w", file, err)
	}
	if c = c.first(); c.Type == "" {
		return c, fmt.Errorf("network plugins: %s names none", file)
	}
	return c, nil
}
