package parse

import (
	"bytes"
	"net"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// inTunnel is a recorded capture as it would be between two nodes: each frame in a packet of Geneve.
func inTunnel(t *testing.T, name string) []byte {
	t.Helper()
	source, err := pcapgo.NewReader(bytes.NewReader([]byte(recorded(t, name))))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := pcapgo.NewWriter(&out)
	if err := w.WriteFileHeader(longest, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	for {
		data, info, err := source.ReadPacketData()
		if err != nil {
			return out.Bytes()
		}
		ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: net.IPv4(192, 168, 77, 11), DstIP: net.IPv4(192, 168, 77, 12)}
		udp := &layers.UDP{SrcPort: 50000, DstPort: 6081}
		if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
			t.Fatal(err)
		}
		b := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true}, &layers.Ethernet{
			SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4,
		}, ip, udp, &layers.Geneve{Protocol: layers.EthernetTypeTransparentEthernetBridging, VNI: 5}, gopacket.Payload(data)); err != nil {
			t.Fatal(err)
		}
		info.CaptureLength, info.Length = len(b.Bytes()), len(b.Bytes())
		if err := w.WritePacket(info, b.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTunnelled(t *testing.T) {
	for _, name := range []string{"wire/outside.pcap", "wire/trunk-n2.pcap"} {
		plain, err := Frames([]byte(recorded(t, name)))
		if err != nil {
			t.Fatal(err)
		}
		inner, err := Tunnelled(inTunnel(t, name))
		if err != nil {
			t.Fatal(err)
		}
		same(t, name+" in a tunnel", plain, inner)
		none, err := Tunnelled([]byte(recorded(t, name)))
		if err != nil || len(none) > 0 {
			t.Errorf("%s without a tunnel: %d frames, %v", name, len(none), err)
		}
	}
	_, err := Tunnelled(nil)
	refuses(t, "empty answer", err)
}
