package parse

import (
	"fmt"
	"strings"

	"gopkg.in/ini.v1"
)

// Flags reads a Go program's command line, as /proc/PID/cmdline holds it (separated by NUL) or one argument a line:
// the settings by the flag's name without dashes. Both --name=value and --name value are read; a flag that another
// flag or the end follows is "true". Of a flag that is given twice the last counts.
func Flags(cmdline string) (map[string]string, error) {
	argv := arguments(cmdline)
	if len(argv) == 0 {
		return nil, fmt.Errorf("command line: %w", errEmpty)
	}
	flags := map[string]string{}
	for i := 1; i < len(argv); i++ {
		name := strings.TrimLeft(argv[i], "-")
		if name == argv[i] || name == "" || len(argv[i])-len(name) > 2 {
			continue
		}
		if k, v, ok := strings.Cut(name, "="); ok {
			flags[k] = v
			continue
		}
		flags[name] = "true"
		if i+1 < len(argv) && !strings.HasPrefix(argv[i+1], "-") {
			i++
			flags[name] = argv[i]
		}
	}
	return flags, nil
}

// Config reads a configuration file in OVN-Kubernetes' notation (go-controller/pkg/config/config.go, gcfg's INI):
// the settings by "section.key", as "gateway.mode".
func Config(text string) (map[string]string, error) {
	f, err := ini.LoadSources(ini.LoadOptions{AllowBooleanKeys: true, KeyValueDelimiters: "=", IgnoreInlineComment: true}, []byte(text))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w in %q", err, clip(text))
	}
	settings := map[string]string{}
	for _, s := range f.Sections() {
		for _, k := range s.Keys() {
			name := k.Name()
			if s.Name() != ini.DefaultSection {
				name = s.Name() + "." + name
			}
			settings[name] = strings.Trim(k.Value(), `"`)
		}
	}
	return settings, nil
}
