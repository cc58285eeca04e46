package facts

import (
	"slices"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

func TestParseSettings(t *testing.T) {
	const openshift = `[default]
mtu="8901"
cluster-subnets="10.128.0.0/14/23"
[kubernetes]
service-cidrs="172.30.0.0/16"
[ovnkubernetesfeature]
enable-network-segmentation=true
enable-multi-network=true
[gateway]
mode=shared
nodeport=true
v4-masquerade-subnet=169.254.0.0/17
`
	for name, tc := range map[string]struct {
		argv         []string
		file         string
		mtu          int
		cluster      []string
		service      []string
		masquerade   string
		mode         string
		segmentation bool
		mtuSource    string
	}{
		"flags": {
			argv: []string{"ovnkube", "--init-node", "n1", "--cluster-subnets=10.244.0.0/16/24", "--k8s-service-cidr=10.96.0.0/16",
				"--gateway-mode=shared", "--gateway-v4-masquerade-subnet=169.254.0.0/17", "--enable-network-segmentation", "--mtu=1300"},
			mtu: 1300, cluster: []string{"10.244.0.0/16"}, service: []string{"10.96.0.0/16"}, masquerade: "169.254.0.0/17", mode: "shared",
			segmentation: true, mtuSource: "ovnkube command line, --mtu",
		},
		"separate values and dual stack": {
			argv: []string{"/usr/bin/ovnkube", "-mtu", "1500", "--cluster-subnets", "10.244.0.0/16/24,fd00:10:244::/48", "--enable-network-segmentation=false",
				"--k8s-service-cidrs", "10.96.0.0/16,fd00:10:96::/112", "--gateway-mode", "local"},
			mtu: 1500, cluster: []string{"10.244.0.0/16", "fd00:10:244::/48"}, service: []string{"10.96.0.0/16", "fd00:10:96::/112"},
			masquerade: "169.254.169.0/29", mode: "local", mtuSource: "ovnkube command line, --mtu",
		},
		"nothing given": {
			argv: []string{"ovnkube"}, mtu: 1400, cluster: []string{"10.128.0.0/14"}, service: []string{"172.16.1.0/24"},
			masquerade: "169.254.169.0/29", mtuSource: "default of the ovnkube binary",
		},
		"file": {
			argv: []string{"ovnkube", "--config-file=/run/ovnkube-config/ovnkube.conf"}, file: openshift,
			mtu: 8901, cluster: []string{"10.128.0.0/14"}, service: []string{"172.30.0.0/16"}, masquerade: "169.254.0.0/17", mode: "shared",
			segmentation: true, mtuSource: "ovnkube configuration file, [default] mtu",
		},
		"flag over file": {
			argv: []string{"ovnkube", "--mtu", "1200", "--gateway-mode", "local"}, file: openshift,
			mtu: 1200, cluster: []string{"10.128.0.0/14"}, service: []string{"172.30.0.0/16"}, masquerade: "169.254.0.0/17", mode: "local",
			segmentation: true, mtuSource: "ovnkube command line, --mtu",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := ParseSettings(tc.argv, tc.file)
			if err != nil {
				t.Fatal(err)
			}
			f := model.Facts{Sources: map[string]string{}}
			if err := s.apply(&f); err != nil {
				t.Fatal(err)
			}
			if f.MTU != tc.mtu || f.MasqueradeSubnet != tc.masquerade || f.GatewayMode != tc.mode {
				t.Errorf("got MTU %d, masquerade %q, mode %q", f.MTU, f.MasqueradeSubnet, f.GatewayMode)
			}
			if !slices.Equal(f.ClusterSubnets, tc.cluster) || !slices.Equal(f.ServiceSubnets, tc.service) {
				t.Errorf("got subnets %v, %v", f.ClusterSubnets, f.ServiceSubnets)
			}
			if s.on("enable-network-segmentation") != tc.segmentation {
				t.Errorf("network segmentation: %v", !tc.segmentation)
			}
			if f.Sources["mtu"] != tc.mtuSource {
				t.Errorf("source of the MTU: %q", f.Sources["mtu"])
			}
		})
	}
}

func TestConfigFile(t *testing.T) {
	if got := ConfigFile([]string{"ovnkube", "--config-file", "/x"}); got != "/x" {
		t.Error(got)
	}
	if got := ConfigFile([]string{"ovnkube"}); got != DefaultConfigFile {
		t.Error(got)
	}
}

func TestBadMTU(t *testing.T) {
	s, err := ParseSettings([]string{"ovnkube", "--mtu=many"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.apply(&model.Facts{Sources: map[string]string{}}); err == nil {
		t.Error("an MTU that is no number was accepted")
	}
}

func FuzzParseSettings(f *testing.F) {
	f.Add("--mtu=1400", "[default]\nmtu=1")
	f.Add("-", "[")
	f.Fuzz(func(t *testing.T, arg, file string) {
		s, err := ParseSettings([]string{"ovnkube", arg, arg}, file)
		if err == nil {
			_ = s.apply(&model.Facts{Sources: map[string]string{}})
		}
	})
}
