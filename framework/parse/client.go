package parse

import (
	"fmt"
	"net/netip"
	"strings"
)

// Client reads the answer of a server that echoes its client's address, as agnhost's /clientip does: "ip:port",
// an IPv6 address in brackets.
func Client(answer string) (netip.AddrPort, error) {
	p, err := netip.ParseAddrPort(strings.TrimSpace(answer))
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("client's address: %q is not address:port", clip(answer))
	}
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port()), nil
}
