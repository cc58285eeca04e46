package observe

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// The timeouts of single attempts, in seconds as the tools take them. Those of what should pass are long: all attempts
// of a guest are made at once, and an emulated one has one slow processor for them.
const (
	// httpSeconds is a whole HTTP exchange. Where all nodes share a core, a shell that answers one has taken more than twelve.
	httpSeconds = 20
	// pingSeconds is the wait for a ping's answer.
	pingSeconds = 5
	// datagramSeconds is the wait for a datagram.
	datagramSeconds = 6
	// policySeconds is an HTTP exchange that a policy may forbid.
	policySeconds = 2

	defaultHTTPPort = 8080
)

// probePrelude holds the attempts' clients, each by what the place has. The guest's real tools come first.
var probePrelude = fmt.Sprintf(`get() { # SECONDS URL
	if command -v curl >/dev/null; then curl -sS --max-time "$1" "$2"; else wget -q -T "$1" -O - "$2"; fi
}
C=-
here() { # COMMAND…: on the place itself, or in the network of the pod that has the process $C
	case $C in
	-) "$@" ;;
	'') echo "no process of the pod on this node" >&2; return 126 ;;
	*) in_pod "$C" "$@" ;;
	esac
}
try() { # TRIES COMMAND…: until one succeeds
	tries=$1; shift
	while :; do
		if out=$("$@" 2>&1); then printf '%%s' "$out"; return 0; else c=$?; fi
		tries=$((tries-1)); [ "$tries" -gt 0 ] || break
	done
	printf '%%s' "$out" >&2; return $c
}
resolve() {
	if command -v getent >/dev/null; then getent ahostsv4 "$1"; else nslookup -type=a "$1"; fi
}
datagram() { # TRIES ADDRESS PORT SIZE: asks, prints how many bytes came in one datagram
	n=0; t=0
	while [ "$t" -lt "$1" ] && [ "${n:-0}" -eq 0 ]; do t=$((t+1)); n=$(datagram_once "$2" "$3" "$4"); done
	echo "${n:-0}"
}
datagrams() { # TRIES ADDRESS PORT SIZE: asks so often at once, prints the most bytes that came
	t=0; while [ "$t" -lt "$1" ]; do t=$((t+1)); datagram_once "$2" "$3" "$4" >"$aside/$3.$t" & done
	wait; most=0
	for f in "$aside/$3".*; do read -r n <"$f" && [ "${n:-0}" -gt "$most" ] && most=$n; done
	echo "$most"
}
datagram_once() {
	if command -v nc.openbsd >/dev/null; then printf x | nc.openbsd -u -w %[1]d -W 1 "$1" "$2" | wc -c
	elif command -v bash >/dev/null; then bash -c 'exec 3<>/dev/udp/$0/$1; printf x >&3; timeout %[1]d dd bs=65536 count=1 status=none <&3 | wc -c' "$1" "$2"
	else f=$(mktemp); timeout %[1]d tftp -g -b $(($3-4)) -r x -l "$f" "$1" "$2" >&2; n=$(wc -c <"$f" 2>/dev/null); rm -f "$f"
		[ "${n:-0}" -gt 0 ] && echo $((n+4)) || echo 0; fi
}
`, datagramSeconds)

// probe is one attempt: what it is, how it is made and how its answer is understood.
type probe struct {
	name string // the path's
	path model.Path
	ask  ask
	// understand fills in what came back; an error means that the attempt could not be made.
	understand func(*model.Path, answer) error
	// at is where it is made, where that is not the place that is visited.
	at placed
	// impossible says why it is not even tried, as when the far end's address is not known.
	impossible error
	// ends is how it should end.
	ends ending
	// by is the link of the guest or pod that it leaves by, where that is told to it; else routes and addresses tell.
	by string
}

// ending is how an attempt should end, by the claims on it.
type ending int

const (
	// mustPass is the usual: where it does not pass, its way is walked.
	mustPass ending = iota
	// mustFail is one that isolation, a policy or its size forbids.
	mustFail
	// mayFail is one that is watched for what becomes of it, or that cannot be made again: what it is made under is gone.
	mayFail
)

// to says that an attempt ends otherwise than by passing.
func (p probe) to(e ending) probe {
	p.ends = e
	return p
}

// visitor runs a batch at one place.
type visitor func(context.Context, []ask) (map[string]answer, error)

// attempts makes those that can be made, by a visit to one place. Those that were lost are remembered, see walk.
func (o *observer) attempts(ctx context.Context, at placed, probes []probe, visit visitor) {
	var asks []ask
	for _, one := range probes {
		if one.impossible == nil {
			asks = append(asks, one.ask)
		}
	}
	var answers map[string]answer
	var err error
	if len(asks) > 0 {
		answers, err = visit(ctx, asks)
	}
	for _, one := range probes {
		r := one.read(at, answers, err)
		o.path(one.name, r)
		if one.ends == mustPass && isLost(r) {
			o.remember(lost{probe: one, at: at, again: visit})
		}
	}
}

func (p probe) read(at placed, answers map[string]answer, err error) model.Read[model.Path] {
	if p.at != "" {
		at = p.at
	}
	r := model.Read[model.Path]{Value: p.path, Place: string(at), Command: p.ask.show, At: time.Now().UTC()}
	a, ok := answers[p.ask.id]
	switch {
	case p.impossible != nil:
		r.Err = p.impossible.Error()
		return r
	case err != nil:
		r.Err = err.Error()
		return r
	case !ok:
		r.Err = "the command did not run"
		return r
	}
	r.Raw = a.stdout + a.stderr
	if a.code == 126 || a.code == 127 {
		r.Err = fmt.Sprintf("exit code %d: %s", a.code, firstOf(a.stderr, a.stdout))
		return r
	}
	if err := p.understand(&r.Value, a); err != nil {
		r.Err = err.Error()
	}
	return r
}

func httpProbe(name, from, to, url string, seconds int, understand func(*model.Path, answer) error) probe {
	command := fmt.Sprintf("curl -sS --max-time %d %s", seconds, url)
	return probe{name: name, path: model.Path{From: from, To: to, Kind: "http", Target: url},
		ask: ask{id: name, show: command, script: fmt.Sprintf("get %d '%s'", seconds, url)}, understand: understand}
}

// answered takes the body for the far end's name.
func answered(p *model.Path, a answer) error {
	p.Passed = a.code == 0
	p.Detail = firstOf(a.stderr)
	if p.Passed {
		p.Answer = strings.TrimSpace(a.stdout)
	}
	return nil
}

// clientSeen takes the body for the client's address as the far end saw it.
func clientSeen(p *model.Path, a answer) error {
	p.Passed = a.code == 0
	p.Detail = firstOf(a.stderr)
	if !p.Passed {
		return nil
	}
	client, err := parse.Client(a.stdout)
	if err != nil {
		p.Passed = false
		return err
	}
	p.SourceSeen, p.SourcePort = client.Addr().String(), int(client.Port())
	return nil
}

// pingProbe pings; a size above 0 is the IP packet's, which must not be fragmented.
func pingProbe(name, from, to, target, command string, size int) probe {
	args := fmt.Sprintf(" -n -c 3 -i 0.2 -W %d %s", pingSeconds, target)
	if size > 0 {
		args = fmt.Sprintf(" -n -c 1 -W %d -M do -s %d %s", pingSeconds, size-ipICMPHeaders, target)
	}
	return probe{name: name, path: model.Path{From: from, To: to, Kind: "ping", Target: target, Size: size},
		ask: ask{id: name, show: "ping" + args, script: command + args}, understand: pinged}
}

// pinged tells an answer that did not come from a ping that could not be made.
func pinged(p *model.Path, a answer) error {
	p.Passed = a.code == 0
	lines := strings.Split(strings.TrimSpace(a.stdout), "\n")
	p.Detail = firstOf(a.stderr, lines[len(lines)-1])
	if p.Passed || strings.Contains(a.stdout, "PING ") || strings.Contains(a.stderr, "unreachable") {
		return nil
	}
	return fmt.Errorf("ping: exit code %d: %s", a.code, p.Detail)
}

func resolveProbe(name, from, domain string) probe {
	return probe{name: name, path: model.Path{From: from, To: "dns/echo", Kind: "dns", Target: domain},
		ask: ask{id: name, show: "getent ahostsv4 " + domain + " (or nslookup)", script: "resolve '" + domain + "'"}, understand: resolved}
}

// resolved reads getent's or nslookup's answer: the last address that stands for the name.
func resolved(p *model.Path, a answer) error {
	p.Detail = firstOf(a.stderr, a.stdout)
	if a.code != 0 {
		return nil
	}
	named := false // nslookup names its server's address first
	for _, line := range strings.Split(a.stdout, "\n") {
		f := strings.Fields(line)
		switch {
		case len(f) >= 2 && f[0] == "Name:":
			named = true
		case len(f) >= 2 && named && strings.HasPrefix(f[0], "Address"):
			p.Answer = f[len(f)-1]
		case len(f) >= 2 && f[1] == "STREAM":
			p.Answer = f[0]
		}
	}
	p.Passed = p.Answer != ""
	return nil
}

// datagramProbe asks the peer for one datagram of an IP packet of that size, so many times until one comes.
func datagramProbe(name, to, address string, port, size, tries int) probe {
	return probe{name: name, path: model.Path{From: "peer/outside", To: to, Kind: "udp", Target: fmt.Sprintf("%s:%d", address, port), Size: size},
		ask: ask{id: name, show: fmt.Sprintf("ask %s:%d by UDP for one datagram of %d bytes, not to be fragmented; count its bytes", address, port, size-ipUDPHeaders),
			script: fmt.Sprintf("datagram %d %s %d %d", tries, address, port, size-ipUDPHeaders)},
		understand: func(p *model.Path, a answer) error {
			n, err := strconv.Atoi(strings.TrimSpace(a.stdout))
			if err != nil {
				return fmt.Errorf("bytes received: %w: %s", err, firstOf(a.stderr))
			}
			p.Passed = n == size-ipUDPHeaders
			p.Detail = fmt.Sprintf("%d bytes of UDP payload arrived", n)
			return nil
		}}
}

// unwantedDatagram asks for one that must not arrive, so many times at once: that none comes is then known after one
// timeout.
func unwantedDatagram(name, to, address string, port, size, tries int) probe {
	one := datagramProbe(name, to, address, port, size, tries)
	one.ask.script = fmt.Sprintf("datagrams %d %s %d %d", tries, address, port, size-ipUDPHeaders)
	return one.to(mustFail)
}
