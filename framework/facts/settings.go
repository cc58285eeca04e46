package facts

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/ini.v1"

	"github.com/vmnet-project/vmnet/framework/model"
)

// Settings are what one OVN-Kubernetes process was started with, by the name of its long flag, with the
// place that each came from. Precedence and defaults are the binary's own (go-controller/pkg/config/config.go):
// command line, then configuration file, then what is compiled in.
type Settings struct {
	values  map[string]string
	sources map[string]string
}

// setting ties a flag to its older names and to its key in the configuration file.
type setting struct {
	flag    string
	aliases []string // deprecated flags, which override the flag itself
	section string
	key     string
	alias   string // deprecated key of the same section
	preset  string // compiled in
}

// The defaults are those of the binary, not of the charts that start it: its masquerade subnet, a /29, is too
// small for user-defined networks, and its MTU is 1400.
var known = []setting{
	{flag: "cluster-subnets", aliases: []string{"cluster-subnet"}, section: "default", key: "cluster-subnets", preset: "10.128.0.0/14/23"},
	{flag: "k8s-service-cidrs", aliases: []string{"k8s-service-cidr", "service-cluster-ip-range"}, section: "kubernetes", key: "service-cidrs", alias: "service-cidr", preset: "172.16.1.0/24"},
	{flag: "mtu", section: "default", key: "mtu", preset: "1400"},
	{flag: "gateway-mode", section: "gateway", key: "mode"},
	{flag: "gateway-v4-masquerade-subnet", section: "gateway", key: "v4-masquerade-subnet", preset: "169.254.169.0/29"},
	{flag: "enable-network-segmentation", section: "ovnkubernetesfeature", key: "enable-network-segmentation", preset: "false"},
	{flag: "enable-multi-network", section: "ovnkubernetesfeature", key: "enable-multi-network", preset: "false"},
}

// DefaultConfigFile is where the binary looks when --config-file is not given.
const DefaultConfigFile = "/etc/openvswitch/ovn_k8s.conf"

// ConfigFile returns the configuration file that a command line names, or the default.
func ConfigFile(argv []string) string {
	if f := flags(argv)["config-file"]; f != "" {
		return f
	}
	return DefaultConfigFile
}

// ParseSettings reads a command line and the text of a configuration file, which may be empty.
func ParseSettings(argv []string, configFile string) (Settings, error) {
	file, err := ini.LoadSources(ini.LoadOptions{Insensitive: true, AllowBooleanKeys: true, SkipUnrecognizableLines: true}, []byte(configFile))
	if err != nil {
		return Settings{}, fmt.Errorf("ovnkube configuration file: %w", err)
	}
	given := flags(argv)
	s := Settings{values: map[string]string{}, sources: map[string]string{}}
	for _, k := range known {
		s.values[k.flag], s.sources[k.flag] = k.preset, "default of the ovnkube binary"
		for _, key := range []string{k.key, k.alias} {
			if section := file.Section(k.section); key != "" && section.HasKey(key) {
				s.values[k.flag] = strings.Trim(section.Key(key).String(), `"`)
				s.sources[k.flag] = fmt.Sprintf("ovnkube configuration file, [%s] %s", k.section, key)
			}
		}
		for _, name := range append([]string{k.flag}, k.aliases...) {
			if v, ok := given[name]; ok {
				s.values[k.flag], s.sources[k.flag] = v, "ovnkube command line, --"+name
			}
		}
	}
	return s, nil
}

// flags reads --name=value, --name value, -name value and --name (as "true").
func flags(argv []string) map[string]string {
	out := map[string]string{}
	for i := 0; i < len(argv); i++ {
		name, isFlag := strings.CutPrefix(argv[i], "-")
		if !isFlag {
			continue
		}
		name = strings.TrimPrefix(name, "-")
		if n, v, ok := strings.Cut(name, "="); ok {
			out[n] = v
			continue
		}
		out[name] = "true"
		if i+1 < len(argv) && !strings.HasPrefix(argv[i+1], "-") {
			out[name] = argv[i+1]
		}
	}
	return out
}

// apply fills in the facts that are settings.
func (s Settings) apply(f *model.Facts) error {
	mtu, err := strconv.Atoi(s.values["mtu"])
	if err != nil {
		return fmt.Errorf("ovnkube's MTU: %w", err)
	}
	f.MTU = mtu
	f.ClusterSubnets = subnets(s.values["cluster-subnets"])
	f.ServiceSubnets = subnets(s.values["k8s-service-cidrs"])
	f.MasqueradeSubnet = s.values["gateway-v4-masquerade-subnet"]
	f.GatewayMode = s.values["gateway-mode"]
	for name, flag := range map[string]string{
		"mtu": "mtu", "clusterSubnets": "cluster-subnets", "serviceSubnets": "k8s-service-cidrs",
		"masqueradeSubnet": "gateway-v4-masquerade-subnet", "gatewayMode": "gateway-mode",
	} {
		f.Sources[name] = s.sources[flag]
	}
	return nil
}

// on says whether a boolean setting is true.
func (s Settings) on(flag string) bool {
	v, err := strconv.ParseBool(s.values[flag])
	return err == nil && v
}

// subnets turns "10.244.0.0/16/24,fd00::/48" into CIDRs: the second length is a node's share.
func subnets(list string) []string {
	var out []string
	for _, one := range strings.Split(list, ",") {
		if parts := strings.Split(strings.TrimSpace(one), "/"); len(parts) >= 2 {
			out = append(out, parts[0]+"/"+parts[1])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
