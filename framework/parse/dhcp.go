package parse

import (
	"errors"
	"fmt"
	"net"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// broadcastFlag asks a DHCP server to answer to everybody (RFC 2131, section 2): the client has no address yet.
const broadcastFlag = 0x8000

// DHCPDiscover is a client's first message, for any server to answer.
func DHCPDiscover(xid uint32, mac net.HardwareAddr) ([]byte, error) {
	message := &layers.DHCPv4{Operation: layers.DHCPOpRequest, HardwareType: layers.LinkTypeEthernet, HardwareLen: uint8(len(mac)), //nolint:gosec // six
		Xid: xid, Flags: broadcastFlag, ClientHWAddr: mac, Options: layers.DHCPOptions{
			layers.NewDHCPOption(layers.DHCPOptMessageType, []byte{byte(layers.DHCPMsgTypeDiscover)}),
			layers.NewDHCPOption(layers.DHCPOptParamsRequest, []byte{byte(layers.DHCPOptSubnetMask), byte(layers.DHCPOptRouter)}),
		}}
	out := gopacket.NewSerializeBuffer()
	if err := message.SerializeTo(out, gopacket.SerializeOptions{FixLengths: true}); err != nil {
		return nil, fmt.Errorf("DHCP: %w", err)
	}
	return out.Bytes(), nil
}

// DHCPServer is the server that offers something in an answer to the client's message with that number: its identifier, or
// the address that it gives for the next server where it names none. Answers to others give the empty text.
func DHCPServer(answer []byte, xid uint32) (server string, err error) {
	defer func() { // the decoder trusts lengths
		if p := recover(); p != nil {
			server, err = "", fmt.Errorf("DHCP: %v", p)
		}
	}()
	var message layers.DHCPv4
	if err := message.DecodeFromBytes(answer, gopacket.NilDecodeFeedback); err != nil {
		return "", fmt.Errorf("DHCP: %w", err)
	}
	if message.Operation != layers.DHCPOpReply || message.Xid != xid {
		return "", nil
	}
	for _, o := range message.Options {
		if o.Type == layers.DHCPOptServerID && len(o.Data) == net.IPv4len {
			return net.IP(o.Data).String(), nil
		}
	}
	if message.NextServerIP == nil || message.NextServerIP.IsUnspecified() {
		return "", errors.New("DHCP: an answer of a server that does not say which it is")
	}
	return message.NextServerIP.String(), nil
}
