package parse

import (
	"net"
	"slices"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

var client = net.HardwareAddr{2, 0, 0, 0, 0, 1}

// offer is a server's answer.
func offer(t testing.TB, xid uint32, next net.IP, options ...layers.DHCPOption) []byte {
	t.Helper()
	out := gopacket.NewSerializeBuffer()
	m := &layers.DHCPv4{Operation: layers.DHCPOpReply, HardwareType: layers.LinkTypeEthernet, HardwareLen: 6, Xid: xid, ClientHWAddr: client,
		NextServerIP: next, Options: append(layers.DHCPOptions{layers.NewDHCPOption(layers.DHCPOptMessageType, []byte{byte(layers.DHCPMsgTypeOffer)})}, options...)}
	if err := m.SerializeTo(out, gopacket.SerializeOptions{FixLengths: true}); err != nil {
		t.Fatal(err)
	}
	return slices.Clone(out.Bytes())
}

func server(ip ...byte) layers.DHCPOption { return layers.NewDHCPOption(layers.DHCPOptServerID, ip) }

func TestDHCPDiscover(t *testing.T) {
	raw, err := DHCPDiscover(0x01020304, client)
	if err != nil {
		t.Fatal(err)
	}
	var m layers.DHCPv4
	if err := m.DecodeFromBytes(raw, gopacket.NilDecodeFeedback); err != nil {
		t.Fatal(err)
	}
	if m.Operation != layers.DHCPOpRequest || m.Xid != 0x01020304 || m.Flags != 0x8000 || m.ClientHWAddr.String() != client.String() ||
		m.Options[0].Type != layers.DHCPOptMessageType || m.Options[0].Data[0] != byte(layers.DHCPMsgTypeDiscover) {
		t.Errorf("%+v", m)
	}
	if got, err := DHCPServer(raw, 0x01020304); got != "" || err != nil {
		t.Errorf("one's own message: %q, %v", got, err)
	}
}

func TestDHCPServer(t *testing.T) {
	recorded := []byte(recorded(t, "wire/dhcp-offer.bin")) // dnsmasq 2.91's
	first := offer(t, 7, nil, server(192, 0, 2, 53))
	for name, c := range map[string]struct {
		answer []byte
		want   string
	}{
		"recorded":          {recorded, "192.0.2.2"},
		"one":               {first, "192.0.2.53"},
		"two":               {append(slices.Clone(first), offer(t, 7, nil, server(192, 0, 2, 54))...), "192.0.2.53"},
		"to somebody else":  {offer(t, 8, nil, server(192, 0, 2, 53)), ""},
		"its address alone": {offer(t, 7, net.IP{192, 0, 2, 55}), "192.0.2.55"},
	} {
		if got, err := DHCPServer(c.answer, 7); err != nil || got != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for words, answer := range map[string][]byte{
		"does not say which it is": offer(t, 7, nil),
		"DHCP: ":                   []byte("socat: hello"),
	} {
		_, err := DHCPServer(answer, 7)
		refuses(t, words, err)
	}
}

func FuzzDHCPServer(f *testing.F) {
	f.Add([]byte(recorded(f, "wire/dhcp-offer.bin")))
	f.Add(offer(f, 7, nil, server(192, 0, 2, 53)))
	f.Add(offer(f, 7, nil)[:241])
	f.Fuzz(func(t *testing.T, answer []byte) {
		if got, err := DHCPServer(answer, 7); err == nil && got != "" && net.ParseIP(got) == nil {
			t.Errorf("%q is no address", got)
		}
	})
}
