package parse

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// Domain reads libvirt's domain XML (`virsh dumpxml`): the hypervisor's NICs in their order, with the taps that
// back them. It is where a tap's name stands: KubeVirt hands QEMU an open file, so that QEMU's own command line
// holds a number.
//
// Models and aliases are turned into QEMU's names as libvirt does (src/qemu/qemu_command.c, qemuBuildNicDevProps
// and qemuAliasHostFromName): model virtio-non-transitional is the device virtio-net-pci-non-transitional, and the
// alias ua-default has the netdev hostua-default; so Domain and QEMU agree.
func Domain(text string) ([]model.NIC, error) {
	type attr struct {
		Address string `xml:"address,attr"`
		Type    string `xml:"type,attr"`
		Dev     string `xml:"dev,attr"`
		Name    string `xml:"name,attr"`
	}
	var d struct {
		XMLName    xml.Name
		Name       string `xml:"name"`
		Interfaces []struct {
			MAC    attr `xml:"mac"`
			Model  attr `xml:"model"`
			Target attr `xml:"target"`
			Alias  attr `xml:"alias"`
		} `xml:"devices>interface"`
	}
	dec := xml.NewDecoder(strings.NewReader(text))
	if err := dec.Decode(&d); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("domain: %w", errEmpty)
	} else if err != nil {
		return nil, fmt.Errorf("domain: %w in %q", err, clip(text))
	}
	if d.XMLName.Local != "domain" {
		return nil, fmt.Errorf("domain: the root is <%s>", d.XMLName.Local)
	}
	nics := make([]model.NIC, 0, len(d.Interfaces))
	for i, f := range d.Interfaces {
		if f.MAC.Address == "" {
			return nil, fmt.Errorf("domain %s: interface %d has no mac address", d.Name, i+1)
		}
		n := model.NIC{Device: nicDevice(f.Model.Type), MAC: strings.ToLower(f.MAC.Address), Tap: f.Target.Dev}
		if f.Alias.Name != "" {
			n.ID = "host" + f.Alias.Name
		}
		nics = append(nics, n)
	}
	return nics, nil
}

// nicDevice is the QEMU device of a libvirt interface model, on a machine with PCI.
func nicDevice(m string) string {
	if variant, ok := strings.CutPrefix(m, "virtio"); ok {
		return "virtio-net-pci" + variant
	}
	return m
}
