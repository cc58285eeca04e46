package observe

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// Each VM has ports of its own at the peer, so that one capture holds every VM's flow apart, also when the
// address in it is not the one that it should be. They follow from the namespace: the same in every round of a
// run, others in another run beside it; below those that a peer's own connections leave from.
const (
	firstPort = 20000
	runs      = 190
	vmsOfARun = 16

	// lowSize is an IP packet that every path takes.
	lowSize = 128
)

// peerPorts are: HTTP that answers the client's address; UDP that answers one datagram of the MTU, of one byte
// more, and of lowSize.
type peerPorts struct{ tcp, udp, big, low int }

// tcpSecondary is HTTP, too, where there are no datagrams: for what a VM tries over its secondary network.
func (p peerPorts) tcpSecondary() int { return p.udp }

func portsOf(namespace string, vm int) peerPorts {
	const each = 4
	h := fnv.New32a()
	_, _ = h.Write([]byte(namespace)) // never fails
	first := firstPort + (int(h.Sum32()%runs)*vmsOfARun+vm%vmsOfARun)*each
	return peerPorts{tcp: first, udp: first + 1, big: first + 2, low: first + 3}
}

// peerPorts are those of a VM from whose guest attempts are made.
func (o *observer) peerPorts(vm string) peerPorts {
	i := slices.IndexFunc(o.guestSpecs(), func(s model.VMSpec) bool { return s.Name == vm })
	return portsOf(o.running.Namespace, max(i, 0))
}

// peer is the host outside with what was started there for this round.
type peer struct {
	host    bed.Host
	process bed.Process
	ports   map[string]peerPorts // by VM
	// listeners are the HTTP ports by the path that leads there; the capture holds their flows.
	listeners map[string]int
	err       error
}

// startPeer starts all listeners and the capture by one command, nil where there is no host outside.
func (o *observer) startPeer(ctx context.Context) *peer {
	host, ok := o.bed.Outside()
	if !ok {
		return nil
	}
	p := &peer{host: host, ports: map[string]peerPorts{}, listeners: map[string]int{}}
	var datagrams []datagram
	for _, s := range o.guestSpecs() {
		ports := o.peerPorts(s.Name)
		p.ports[s.Name] = ports
		p.listeners[outsidePath(s.Name)] = ports.tcp
		if o.udn() {
			p.listeners[outsideBySecondary(s.Name)] = ports.tcpSecondary()
			continue
		}
		datagrams = append(datagrams, datagram{ports.udp, o.facts.MTU}, datagram{ports.big, o.facts.MTU + 1}, datagram{ports.low, lowSize})
	}
	ctx, cancel := context.WithTimeout(ctx, PeerTimeout)
	defer cancel()
	script := peerScript(host.Interface(), slices.Sorted(maps.Values(p.listeners)), datagrams)
	if p.process, p.err = host.Start(ctx, "sh", "-c", script); p.err == nil {
		p.err = p.process.Await(ctx, "link-type") // tcpdump's last word before it captures
	}
	return p
}

// datagram is what the peer answers on a port: one of an IP packet of that size.
type datagram struct{ port, size int }

const (
	// ipUDPHeaders is what IPv4 and UDP add to a datagram, ipICMPHeaders what IPv4 and ICMP add to a ping.
	ipUDPHeaders  = 28
	ipICMPHeaders = 28
	// bigTries are the requests for a datagram that must not arrive.
	bigTries = 3
	// askedMark is what the peer says when a request for a datagram arrived.
	askedMark = "vmnet-asked"
)

// peerScript listens with socat and captures with tcpdump; on SIGINT it ends them and waits for the capture's end.
//
// The datagrams go out with "don't fragment" whatever the peer has learned of the path's MTU (ip-mtu-discover=3
// is IP_PMTUDISC_PROBE), in TFTP's form (RFC 1350: DATA, block 1), so that any TFTP client can ask for them.
func peerScript(link string, http []int, datagrams []datagram) string {
	var b, filter strings.Builder
	b.WriteString(httpScript(`%s:%s" $SOCAT_PEERADDR $SOCAT_PEERPORT`) + `
export DATA='echo ` + askedMark + ` $PORT >&2; { printf "\0\3\0\1"; head -c $((SIZE-4)) /dev/zero; } | dd bs=$SIZE iflag=fullblock count=1 status=none'
pids=
`)
	for _, d := range datagrams {
		fmt.Fprintf(&b, "PORT=%d SIZE=%d socat UDP4-RECVFROM:%d,reuseaddr,fork,ip-mtu-discover=3 SYSTEM:'eval $DATA' </dev/null & pids=\"$pids $!\"\n",
			d.port, d.size-ipUDPHeaders, d.port)
	}
	for i, port := range http {
		fmt.Fprintf(&b, "socat TCP4-LISTEN:%d,reuseaddr,fork SYSTEM:'eval $HTTP' </dev/null & pids=\"$pids $!\"\n", port)
		if i > 0 {
			filter.WriteString(" or ")
		}
		fmt.Fprintf(&filter, "tcp port %d", port)
	}
	fmt.Fprintf(&b, "tcpdump -i %s -n -U --immediate-mode -s 128 -w - '%s' </dev/null & pids=\"$pids $!\"\n", link, filter.String())
	b.WriteString("trap 'kill $pids' INT TERM\nwait; wait\n")
	return b.String()
}

// httpScript defines what socat's listeners answer to HTTP; printf's rest of the line is the body.
func httpScript(body string) string {
	return `export HTTP='read line; printf "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n` + body + `'`
}

// address is the peer's; empty where there is none.
func (p *peer) address() string {
	if p == nil {
		return ""
	}
	return p.host.Address()
}

// stop ends everything at the peer and hands each VM's frames over.
func (p *peer) stop(ctx context.Context, o *observer) {
	if p == nil {
		return
	}
	var frames []model.Frame
	var capture string
	if p.err != nil {
		o.spoil(fmt.Errorf("the peer's listeners did not begin: %w", p.err), slices.Collect(maps.Keys(p.listeners))...)
	}
	if p.process != nil {
		// also when the round was interrupted: what was started must end
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), PeerTimeout)
		defer cancel()
		stdout, stderr, err := p.process.Stop(ctx)
		p.err = errors.Join(p.err, err)
		capture = stdout
		o.asked(p, stderr)
	}
	if p.err == nil {
		frames, p.err = parse.Frames([]byte(capture))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for path, port := range p.listeners {
		if _, tried := o.stage.Paths[path]; !tried {
			continue
		}
		r := model.Read[[]model.Frame]{Place: p.host.Place(), At: time.Now().UTC(), Value: []model.Frame{},
			Command: fmt.Sprintf("tcpdump -i %s -w - 'tcp port %d', while %s", p.host.Interface(), port, path)}
		if p.err != nil {
			r.Err = p.err.Error()
		}
		for _, f := range frames {
			if f.SrcPort == port || f.DstPort == port {
				r.Value = append(r.Value, f)
			}
		}
		r.Raw = base64.StdEncoding.EncodeToString([]byte(capture))
		o.stage.Frames[path] = r
	}
}

// spoil makes failed reads of attempts that say nothing, for what they needed was not there.
func (o *observer) spoil(err error, paths ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, path := range paths {
		if r, ok := o.stage.Paths[path]; ok && r.Err == "" {
			r.Err = err.Error()
			o.stage.Paths[path] = r
		}
	}
}

// asked turns an attempt to receive into a failed read where nothing would have come of any size: the peer never
// got the request, or the control did not come back either.
func (o *observer) asked(p *peer, said string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for path, port := range p.listeners {
		if r, ok := o.stage.Paths[path]; ok && !r.Value.Passed && notBound(said, port) {
			r.Err = "the peer's listener could not begin: its port is taken"
			o.stage.Paths[path] = r
		}
	}
	for vm, ports := range p.ports {
		control := o.stage.Paths[controlDatagram(vm)]
		for name, port := range map[string]int{datagramPath(vm): ports.udp, bigDatagramPath(vm): ports.big} {
			r, ok := o.stage.Paths[name]
			switch {
			case !ok || r.Err != "" || r.Value.Passed:
				continue
			case !strings.Contains(said, fmt.Sprintf("%s %d\n", askedMark, port)):
				r.Err = "the request for the datagram did not reach the peer"
			case port == ports.big && strings.Count(said, fmt.Sprintf("%s %d\n", askedMark, port)) < bigTries:
				r.Err = fmt.Sprintf("not all of %d requests for the datagram reached the peer", bigTries)
			case tooLong(said, r.Value.Size-ipUDPHeaders):
				r.Err = fmt.Sprintf("the peer could not send a packet of %d bytes: its own link's MTU is lower", r.Value.Size)
			case control.Failure() != nil:
				r.Err = "the control failed: " + control.Failure().Error()
			case !control.Value.Passed:
				r.Err = fmt.Sprintf("nothing comes back from the peer, not even a packet of %d bytes", lowSize)
			}
			o.stage.Paths[name] = r
		}
	}
}

// notBound says whether socat could not have a port, by its own words: E bind(5, {AF=2 0.0.0.0:20800}, 16): …
func notBound(said string, port int) bool {
	return regexp.MustCompile(fmt.Sprintf(`E bind\(.*:%d\}`, port)).MatchString(said)
}

// tooLong says whether socat could not send so many bytes, by its own words:
// E sendto(5, 0x55d0c0a0b2c0, 1373, 0, AF=2 10.244.0.9:40000, 16): Message too long
func tooLong(said string, size int) bool {
	return regexp.MustCompile(fmt.Sprintf(`E (sendto|write)\([^)]*, %d[,)].*Message too long`, size)).MatchString(said)
}
