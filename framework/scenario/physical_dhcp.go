package scenario

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

const (
	// dhcpStart bounds the server's start.
	dhcpStart = 20 * time.Second
	// offerSeconds is how long another server has to offer something: some look for three seconds whether an address is free.
	offerSeconds = "4"
)

// DHCPFolder is where the DHCP server of a VLAN has its files on the peer, DHCPLeases and the others.
func DHCPFolder(vlan int) string { return fmt.Sprintf("/run/vmnet-dhcp-%d", vlan) }

// The files there.
const (
	// DHCPLeases are the leases as parse.ServedLeases reads them.
	DHCPLeases = "leases"
	// DHCPHosts has a line for each MAC without router; the server reads it anew on SIGHUP to the process in DHCPProcess.
	DHCPHosts   = "hosts"
	DHCPProcess = "pid"
	dhcpConfig  = "dnsmasq.conf"
)

// dhcpServer is dnsmasq on a peer. It ends by itself when the connection to it breaks.
type dhcpServer struct {
	host    bed.Host
	peer    bed.VLANPeer
	folder  string
	process bed.Process
}

// start starts it, once nobody else answers on the VLAN. What stands in the way is an *bed.InputError.
func (d *dhcpServer) start(ctx context.Context, withoutRouter []string) error {
	bad := func(err error) error { return &bed.InputError{What: "physical.peers: " + d.peer.Name, Err: err} }
	if err := d.clear(ctx); err != nil {
		return err
	}
	for _, tool := range []string{"dnsmasq", "socat"} {
		if _, err := d.host.Run(ctx, "sh", "-c", `command -v "$1"`, "sh", tool); err != nil {
			var failed *bed.CommandError
			if errors.As(err, &failed) {
				return bad(fmt.Errorf("%s is not installed there, which a peer with dhcp needs", tool))
			}
			return err
		}
	}
	link, err := d.link(ctx)
	if err != nil {
		return bad(err)
	}
	if other, err := d.otherServer(ctx, link); err != nil {
		return err
	} else if other != "" {
		return bad(fmt.Errorf("another DHCP server, %s, answers on VLAN %d: VMs would get its leases; stop it, or leave dhcp out", other, d.peer.VLAN))
	}
	config, err := dhcpConfigOf(d.peer, link, d.folder)
	if err != nil {
		return bad(err)
	}
	for file, text := range map[string]string{dhcpConfig: config, DHCPHosts: dhcpHosts(withoutRouter)} {
		if err := d.host.Stream(ctx, strings.NewReader(text), &bytes.Buffer{}, "sh", "-c", `mkdir -p "$1" && cat >"$1/$2"`, "sh", d.folder, file); err != nil {
			return fmt.Errorf("the DHCP server: %w", err)
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, dhcpStart, fmt.Errorf("it has not started within %s", dhcpStart))
	defer cancel()
	d.process, err = d.host.Start(ctx, "sh", "-c", `echo $$ >"$1/$2" && exec dnsmasq --no-daemon --conf-file="$1/$3"`, "sh", d.folder, DHCPProcess, dhcpConfig)
	if err == nil {
		err = d.process.Await(ctx, "started, version")
	}
	if err != nil {
		return fmt.Errorf("the DHCP server: %w", err)
	}
	return nil
}

// stop ends it and removes its files.
func (d *dhcpServer) stop(ctx context.Context) error {
	var errs []error
	if d.process != nil {
		_, _, err := d.process.Stop(ctx)
		errs = append(errs, err)
	}
	return errors.Join(append(errs, d.clear(ctx))...)
}

// clearFolder ends the server with the configuration in the folder $1, if its end has not come yet, and removes the folder.
const clearFolder = `p=$(cat "$1/` + DHCPProcess + `" 2>/dev/null)
if [ -n "$p" ] && grep -qsF -e "--conf-file=$1/` + dhcpConfig + `" "/proc/$p/cmdline"; then
	kill "$p"
	for i in 1 2 3 4 5 6 7 8 9 10; do [ -d "/proc/$p" ] || break; sleep 0.3; done
fi
rm -rf "$1"`

// clear removes what a server left, this run's or one that was killed a moment ago.
func (d *dhcpServer) clear(ctx context.Context) error {
	_, err := d.host.Run(ctx, "sh", "-c", clearFolder, "sh", d.folder)
	return called(err, "clear "+d.folder)
}

// link finds the peer's link on the VLAN by its address.
func (d *dhcpServer) link(ctx context.Context) (string, error) {
	out, err := d.host.Run(ctx, "ip", "-d", "-j", "addr")
	if err != nil {
		return "", err
	}
	links, err := parse.Links(out)
	if err != nil {
		return "", err
	}
	for _, l := range links {
		if slices.ContainsFunc(l.Addresses, func(a model.Address) bool { return strings.HasPrefix(a.CIDR, d.peer.Address+"/") }) {
			return l.Name, nil
		}
	}
	return "", fmt.Errorf("no link there has the address %s", d.peer.Address)
}

// otherServer asks on the VLAN for an address, as a client would, and gives the server that offers one; empty for none.
func (d *dhcpServer) otherServer(ctx context.Context, link string) (string, error) {
	var id [4]byte
	mac := net.HardwareAddr{0x02, 0, 0, 0, 0, 0} // locally administered
	_, _ = rand.Read(id[:])                      // never fails
	_, _ = rand.Read(mac[1:])
	xid := binary.BigEndian.Uint32(id[:])
	ask, err := parse.DHCPDiscover(xid, mac)
	if err != nil {
		return "", err
	}
	var answers bytes.Buffer
	err = d.host.Stream(ctx, bytes.NewReader(ask), &answers, "socat", "-t", offerSeconds, "STDIO",
		"UDP4-DATAGRAM:255.255.255.255:67,bind=0.0.0.0:68,broadcast,so-bindtodevice="+link)
	if err != nil {
		return "", fmt.Errorf("asking for another DHCP server on VLAN %d: %w", d.peer.VLAN, err)
	}
	if answers.Len() == 0 {
		return "", nil
	}
	return parse.DHCPServer(answers.Bytes(), xid)
}
