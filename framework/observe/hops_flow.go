package observe

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// flow is how an attempt's packets are known wherever they come by. Translation changes the client's address and port, and
// that of a Service; what stays is the protocol, the far end's port, and of pings, which have none, the packet's size.
type flow struct {
	proto string
	// port is the far end's; 0 for pings.
	port int
	// size is that of the packets that the attempt is about, in bytes; 0 for any.
	size int
	// dialled is the address that the client sends to; empty where it is not known, as a name server's.
	dialled string
}

const (
	dnsPort = 53
	// usualPing is the size of the IP packet that ping sends unless told otherwise.
	usualPing = 84
	broadcast = "ff:ff:ff:ff:ff:ff"
)

// flowOf reads what was dialled; named is the address where that is a name.
func flowOf(p model.Path, named string) (flow, error) {
	switch p.Kind {
	case "ping":
		f := flow{proto: "icmp", size: usualPing, dialled: p.Target}
		if p.Size > 0 {
			f.size = p.Size
		}
		return f, nil
	case "dns":
		return flow{proto: "udp", port: dnsPort}, nil
	}
	f := flow{proto: "tcp"}
	if p.Kind == "udp" {
		f.proto, f.size = "udp", p.Size
	}
	target := p.Target
	if !strings.Contains(target, "://") {
		target = "//" + target
	}
	u, err := url.Parse(target)
	if err != nil {
		return f, fmt.Errorf("target: %w", err)
	}
	if f.port, err = strconv.Atoi(u.Port()); err != nil {
		return f, fmt.Errorf("target %q names no port", p.Target)
	}
	f.dialled = u.Hostname()
	if _, err := netip.ParseAddr(f.dialled); err != nil {
		f.dialled = named
	}
	return f, nil
}

// filter is tcpdump's expression for the flow, and for the questions for a neighbour's MAC without which it does not
// begin. It takes them with and without a VLAN tag: on one link or another they have it. Behind the word vlan all is looked
// for behind the tag, so that it must stand last.
func (f flow) filter() string {
	e := f.proto
	if f.port > 0 {
		e = fmt.Sprintf("%s port %d", f.proto, f.port)
	}
	e = "arp or " + e
	return fmt.Sprintf("%s or (vlan and (%s))", e, e)
}

// sent says whether a frame is one that goes toward the far end, which has these addresses where the frame was seen.
func (f flow) sent(m model.Frame, far []string) bool {
	return f.is(m) && (f.port == 0 || m.DstPort == f.port) && among(m.Dst, far) &&
		(f.proto != "icmp" || m.Length == f.size)
}

// answered says whether it is one that comes back from there.
func (f flow) answered(m model.Frame, far []string) bool {
	return f.is(m) && (f.port == 0 || m.SrcPort == f.port) && among(m.Src, far) && (f.size == 0 || m.Length == f.size)
}

func (f flow) is(m model.Frame) bool { return m.Proto == f.proto }

func among(address string, far []string) bool { return len(far) == 0 || slices.Contains(far, address) }

// asks says whether a frame is a question for the MAC of one of these addresses: what comes by instead of a packet whose
// next hop nobody answers for.
func asks(m model.Frame, next []string) bool {
	return m.Proto == "arp" && m.DstMAC == broadcast && m.Src != m.Dst && slices.Contains(next, m.Dst) && !slices.Contains(next, m.Src)
}

// microflow is a frame as ovn-trace takes it, coming from a logical port (ovn-sb(5), Logical_Flow: match).
func microflow(port string, m model.Frame) (string, error) {
	terms := []string{fmt.Sprintf("inport == %q", port), "eth.src == " + m.SrcMAC, "eth.dst == " + m.DstMAC}
	if m.Proto == "arp" {
		return strings.Join(append(terms, "arp.op == 1", "arp.sha == "+m.SrcMAC, "arp.spa == "+m.Src, "arp.tpa == "+m.Dst), " && "), nil
	}
	src, err := netip.ParseAddr(m.Src)
	if err != nil || !src.Is4() {
		return "", fmt.Errorf("no IPv4 packet: from %q", m.Src)
	}
	terms = append(terms, "ip4.src == "+m.Src, "ip4.dst == "+m.Dst, "ip.ttl == 64")
	switch m.Proto {
	case "icmp":
		terms = append(terms, "icmp4.type == 8", "icmp4.code == 0")
	case "tcp", "udp":
		terms = append(terms, fmt.Sprintf("%s.src == %d", m.Proto, m.SrcPort), fmt.Sprintf("%s.dst == %d", m.Proto, m.DstPort))
	default:
		return "", fmt.Errorf("protocol %q is none that is traced", m.Proto)
	}
	return strings.Join(terms, " && "), nil
}
