package facts

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestTagVersion(t *testing.T) {
	for image, want := range map[string]string{
		"ghcr.io/k8snetworkplumbingwg/multus-cni:v4.2.2-thick": "v4.2.2-thick",
		"localhost:5000/multus:4.1":                            "4.1",
		"example.org/multus:v4.0.2@sha256:0123":                "v4.0.2",
		"ghcr.io/k8snetworkplumbingwg/multus-cni:snapshot":     "",
		"vmnet.test/stack:dev":                                 "",
		"127.0.0.1:5000/multus":                                "",
		"example.org/multus@sha256:0123":                       "",
		"":                                                     "",
	} {
		if got := tagVersion(image); got != want {
			t.Errorf("%s: %q, want %q", image, got, want)
		}
	}
}

func TestClusterDNS(t *testing.T) {
	service := func(ip string) []corev1.Service {
		return []corev1.Service{{Spec: corev1.ServiceSpec{ClusterIP: ip}}}
	}
	for name, tc := range map[string]struct {
		servers  []string
		services []corev1.Service
		want     bool
	}{
		"a Service":           {[]string{"10.96.0.10"}, service("10.96.0.10"), true},
		"its Service is gone": {[]string{"10.96.0.10"}, service("10.96.0.1"), true},
		"none configured":     {nil, service("None"), false},
	} {
		if got := clusterDNS(tc.servers, tc.services); got.Present != tc.want || got.Reason == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
