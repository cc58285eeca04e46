package parse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/vmnet-project/vmnet/framework/model"
)

// longest frame that a capture may hold, in bytes; a record that claims to be longer is not read (tcpdump's own limit).
const longest = 262144

// Frames reads a capture in pcap's format (`tcpdump -w`), of Ethernet frames: one entry a frame, in the file's order.
// A capture without any frame is no error. A frame that was cut short keeps what could be read of it.
// A file whose last record is cut (the capture was stopped in the middle of a write) gives the frames before it.
func Frames(pcap []byte) ([]model.Frame, error) {
	return frames(pcap, func(data []byte) (model.Frame, bool) { return frame(data), true })
}

// Tunnelled reads a capture of Geneve's packets (RFC 8926), as OVN sends between nodes: the frames in the tunnel. What is
// no such packet is left out.
func Tunnelled(pcap []byte) ([]model.Frame, error) {
	return frames(pcap, func(data []byte) (model.Frame, bool) {
		p := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
		outer := p.Layer(layers.LayerTypeGeneve)
		if outer == nil {
			return model.Frame{}, false
		}
		return frame(outer.LayerPayload()), true
	})
}

// frames reads what is wanted of a capture.
func frames(pcap []byte, read func([]byte) (model.Frame, bool)) ([]model.Frame, error) {
	if len(pcap) == 0 {
		return nil, fmt.Errorf("capture: %w", errEmpty)
	}
	source, err := pcapgo.NewReader(bytes.NewReader(pcap))
	if err != nil {
		return nil, fmt.Errorf("capture: not a pcap file: %w", err)
	}
	if t := source.LinkType(); t != layers.LinkTypeEthernet {
		return nil, fmt.Errorf("capture: of %s, not Ethernet: capture on one interface, not on any", t)
	}
	if n := source.Snaplen(); n == 0 || n > longest {
		source.SetSnaplen(longest)
	}
	var found []model.Frame
	var began time.Time
	for {
		data, info, err := source.ReadPacketData()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("capture: frame %d: %w", len(found)+1, err)
		}
		if began.IsZero() {
			began = info.Timestamp
		}
		f, wanted := read(data)
		if !wanted {
			continue
		}
		f.Seconds = info.Timestamp.Sub(began).Seconds()
		found = append(found, f)
	}
}

func frame(data []byte) model.Frame {
	var f model.Frame
	p := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	for _, l := range p.Layers() {
		switch l := l.(type) {
		case *layers.Ethernet:
			f.SrcMAC, f.DstMAC = l.SrcMAC.String(), l.DstMAC.String()
			f.Proto = strings.ToLower(l.EthernetType.String())
		case *layers.Dot1Q:
			f.VLANs = append(f.VLANs, int(l.VLANIdentifier))
			f.Proto = strings.ToLower(l.Type.String())
		case *layers.ARP:
			f.Proto = "arp"
			if len(l.SourceProtAddress) == 4 && len(l.DstProtAddress) == 4 {
				f.Src, f.Dst = ip4(l.SourceProtAddress), ip4(l.DstProtAddress)
			}
		case *layers.IPv4:
			if f.Src != "" {
				continue // an ICMP error quotes the packet that it is about
			}
			f.Src, f.Dst, f.Length = l.SrcIP.String(), l.DstIP.String(), int(l.Length)
			f.Proto = proto(l.Protocol)
			f.DontFragment = l.Flags&layers.IPv4DontFragment != 0
			f.Fragment = l.Flags&layers.IPv4MoreFragments != 0 || l.FragOffset != 0
		case *layers.IPv6:
			if f.Src != "" {
				continue
			}
			const header = 40
			f.Src, f.Dst, f.Length = l.SrcIP.String(), l.DstIP.String(), int(l.Length)+header
			f.Proto = proto(l.NextHeader)
		case *layers.IPv6Fragment:
			f.Fragment, f.Proto = true, proto(l.NextHeader)
		case *layers.TCP:
			f.Proto, f.SrcPort, f.DstPort = "tcp", int(l.SrcPort), int(l.DstPort)
		case *layers.UDP:
			f.Proto, f.SrcPort, f.DstPort = "udp", int(l.SrcPort), int(l.DstPort)
		}
	}
	return f
}

func proto(p layers.IPProtocol) string {
	switch p {
	case layers.IPProtocolICMPv4:
		return "icmp"
	case layers.IPProtocolICMPv6:
		return "icmp6"
	}
	return strings.ToLower(p.String())
}

func ip4(b []byte) string { return fmt.Sprintf("%d.%d.%d.%d", b[0], b[1], b[2], b[3]) }
