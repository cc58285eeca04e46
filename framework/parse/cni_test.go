package parse

import (
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

const (
	ovnCNI = "{\"cniVersion\":\"0.4.0\",\"name\":\"ovn-kubernetes\",\"type\":\"ovn-k8s-cni-overlay\",\"ipam\":{},\"dns\":{}}\n"
	// As Multus' entrypoint and its daemon write it.
	thinMultus  = `{"cniVersion":"0.4.0","name":"multus-cni-network","type":"multus","kubeconfig":"/x","delegates":[` + ovnCNI + "]}\n"
	thickMultus = "{\"cniVersion\":\"0.3.1\",\"name\":\"multus-cni-network\",\"clusterNetwork\":\"/host/etc/cni/net.d/10-ovn-kubernetes.conf\",\"type\":\"multus-shim\"}\n"
)

func TestCNI(t *testing.T) {
	const multus, ovn = CNIFile + "00-multus.conf\n", CNIFile + "10-ovn-kubernetes.conf\n"
	for name, tc := range map[string]struct {
		text string
		want model.CNI
		bad  bool
	}{
		"Multus calls what is in its own": {text: multus + thinMultus + ovn + ovnCNI + CNIBinary + "multus\n" + CNIBinary + "bridge\n" + CNIBinary + "bridge\n",
			want: model.CNI{File: "00-multus.conf", Type: "multus", Delegate: "ovn-k8s-cni-overlay", Binaries: []string{"bridge", "multus"}}},
		"Multus calls what is in a file": {text: ovn + ovnCNI + multus + thickMultus,
			want: model.CNI{File: "00-multus.conf", Type: "multus-shim", Delegate: "ovn-k8s-cni-overlay"}},
		"a delegate that is a list": {text: multus + `{"type":"multus","delegates":[{"name":"x","plugins":[{"type":"ovn-k8s-cni-overlay"},{"type":"tuning"}]}]}` + "\n",
			want: model.CNI{File: "00-multus.conf", Type: "multus", Delegate: "ovn-k8s-cni-overlay"}},
		"a file without a line's end": {text: multus + `{"type":"multus","delegates":[{"type":"flannel"}]}` + "\n" + CNIBinary + "flannel",
			want: model.CNI{File: "00-multus.conf", Type: "multus", Delegate: "flannel", Binaries: []string{"flannel"}}},
		"no Multus": {text: ovn + ovnCNI, want: model.CNI{File: "10-ovn-kubernetes.conf", Type: "ovn-k8s-cni-overlay"}},
		"a list": {text: CNIFile + "10-x.conflist\n" + `{"plugins":[{"type":"ptp"},{"type":"portmap"}]}`,
			want: model.CNI{File: "10-x.conflist", Type: "ptp"}},
		"a delegate that is nowhere": {text: multus + thickMultus, bad: true},
		"no file":                    {text: CNIBinary + "bridge\n", bad: true},
		"nothing":                    {bad: true},
		"an empty file":              {text: multus + ovn + ovnCNI, bad: true},
		"no plugin":                  {text: multus + "{}\n", bad: true},
	} {
		got, err := CNI(tc.text)
		if (err != nil) != tc.bad {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if !tc.bad {
			same(t, name, got, tc.want)
		}
	}
}

func TestAttachments(t *testing.T) {
	got, err := Attachments(recorded(t, "s4-vm-l/pod.json"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "recorded", got, []model.Attachment{
		{Name: "ovn-kubernetes", Default: true, Interface: "eth0", MAC: "0a:58:0a:f4:01:0e", IPs: []string{"10.244.1.14"}},
		{Name: "s4/demo-vlan-1924", Interface: "pod16711a0a730", MAC: "02:86:5e:00:00:14"}})
	for name, text := range map[string]string{
		"nothing":       "",
		"no annotation": `{"kind":"Pod","metadata":{"name":"a"}}`,
		"no list":       `{"kind":"Pod","metadata":{"name":"a","annotations":{"k8s.v1.cni.cncf.io/network-status":"{"}}}`,
		"no pod":        `{"kind":"Service","metadata":{"name":"a"}}`,
	} {
		if got, err := Attachments(text); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzCNI(f *testing.F) {
	fuzz(f, CNI, CNIFile+"00-multus.conf\n"+thinMultus, CNIFile+"00-multus.conf\n"+thickMultus+CNIFile+"10-ovn-kubernetes.conf\n"+ovnCNI)
}

func FuzzAttachments(f *testing.F) {
	fuzz(f, Attachments, `{"metadata":{"name":"a","annotations":{"k8s.v1.cni.cncf.io/network-status":"[{\"name\":\"a\"}]"}}}`)
}
