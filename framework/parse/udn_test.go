package parse

import (
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

func TestUDN(t *testing.T) {
	asked := model.NetworkSpec{Topology: "layer2", Role: "primary", Subnets: []string{"10.1.1.0/24"}, Persistent: true}
	n, err := UDN(recorded(t, "cluster/udn.json"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "network", model.Network{Namespace: "s2", Name: "primary-udn", Asked: asked, Created: "True",
		Reason: "NetworkAttachmentDefinitionCreated: NetworkAttachmentDefinition has been created"}, n)

	for text, want := range map[string]model.Network{
		`{"kind":"UserDefinedNetwork","metadata":{"name":"x","namespace":"n"},"spec":{"topology":"Layer3","layer3":{"role":"Primary","mtu":1300,` +
			`"subnets":[{"cidr":"10.8.0.0/16","hostSubnet":24},{"cidr":"10.9.0.0/16"}]}}}`: {Namespace: "n", Name: "x",
			Asked: model.NetworkSpec{Topology: "layer3", Role: "primary", MTU: 1300, Subnets: []string{"10.8.0.0/16/24", "10.9.0.0/16"}}},
		`{"kind":"ClusterUserDefinedNetwork","metadata":{"name":"x"},"spec":{"network":{"topology":"Localnet","localnet":{"role":"Secondary"}}},` +
			`"status":{"conditions":[{"type":"NetworkCreated","status":"False","reason":"SyncError","message":"why"}]}}`: {Name: "x",
			Asked: model.NetworkSpec{Topology: "localnet", Role: "secondary"}, Created: "False", Reason: "SyncError: why"},
	} {
		got, err := UDN(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		same(t, text, want, got)
	}
	for text, words := range map[string]string{
		"":                             "empty answer",
		`{"kind":"Pod","metadata":{}}`: `this is a "Pod"`,
		`{"kind":"UserDefinedNetwork","metadata":{"name":"x"},"spec":{"topology":"Layer2"}}`:                         "without its part",
		`{"kind":"UserDefinedNetwork","metadata":{"name":"x"},"spec":{"topology":"Layer2","layer2":{"subnets":7}}}`:  "subnets",
		`{"kind":"UserDefinedNetwork","metadata":{"name":"x"},"spec":{"topology":"Layer2","layer2":{"mtu":"1400"}}}`: "network",
	} {
		_, err := UDN(text)
		refuses(t, words, err)
	}
}

func TestNAD(t *testing.T) {
	for name, want := range map[string]Attachment{
		"cluster/nad.json": {Name: "s2_primary-udn", ID: "5",
			Made: model.NetworkSpec{Topology: "layer2", Role: "primary", Subnets: []string{"10.1.1.0/24"}, Persistent: true}},
		"cluster/nad-localnet.json": {Name: "cluster_udn_cudn-vlan-1924", ID: "8",
			Made: model.NetworkSpec{Topology: "localnet", Role: "secondary", MTU: 1500}},
	} {
		got, err := NAD(recorded(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		same(t, name, want, got)
	}
	for text, words := range map[string]string{
		"": "empty answer",
		`{"kind":"NetworkAttachmentDefinition","metadata":{"name":"x"},"spec":{"config":"{"}}`: "attachment x: config",
		`{"kind":"NetworkAttachmentDefinition","metadata":{"name":"x"},"spec":{}}`:             "attachment x: config: empty answer",
		`{"kind":"UserDefinedNetwork","metadata":{"name":"x"}}`:                                "this is a",
	} {
		_, err := NAD(text)
		refuses(t, words, err)
	}
}

func TestIPAMClaim(t *testing.T) {
	got, err := IPAMClaim(recorded(t, "cluster/ipamclaim.json"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "claim", model.IPAMClaim{Name: "vm-p.default", Network: "s2_primary-udn", Interface: "ovn-udn1", IPs: []string{"10.1.1.3/24"}}, got)
	_, err = IPAMClaim(`{"kind":"IPAMClaim"}`)
	refuses(t, `named ""`, err)
}

func TestGatewayMode(t *testing.T) {
	got, err := GatewayMode(`{"default":{"mode":"local","bridge-id":"br-ex","ip-addresses":["192.0.2.11/24"]}}`)
	if err != nil || got != "local" {
		t.Errorf("%q, %v", got, err)
	}
	for text, words := range map[string]string{"": "empty answer", `{"blue":{"mode":"shared"}}`: "no mode", `[]`: GatewayConfigAnnotation} {
		_, err := GatewayMode(text)
		refuses(t, words, err)
	}
}

func TestUsers(t *testing.T) {
	const said = "SyncError: failed to delete NetworkAttachmentDefinition [s2/other-udn]: network in use by the following pods: "
	for text, want := range map[string]string{said + "[s2/client s2/virt-launcher-vm-o-fj8x2]": "s2/client s2/virt-launcher-vm-o-fj8x2",
		said + "[]": "", "NetworkCreated": "", "": ""} {
		if got := strings.Join(Users(text), " "); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func FuzzUDN(f *testing.F) {
	fuzz(f, UDN, `{"kind":"UserDefinedNetwork","metadata":{"name":"x"},"spec":{"topology":"Layer3","layer3":{"subnets":[{"cidr":"10.8.0.0/16","hostSubnet":24}]}}}`)
}

func FuzzNAD(f *testing.F) {
	fuzz(f, NAD, `{"kind":"NetworkAttachmentDefinition","metadata":{"name":"x"},"spec":{"config":"{\"name\":\"a_x\",\"subnets\":\"10.1.1.0/24\"}"}}`)
}

func FuzzIPAMClaim(f *testing.F) {
	fuzz(f, IPAMClaim, `{"kind":"IPAMClaim","metadata":{"name":"x"},"status":{"ips":["10.1.1.3/24"]}}`)
}

func FuzzGatewayMode(f *testing.F) { fuzz(f, GatewayMode, `{"default":{"mode":"shared"}}`) }
