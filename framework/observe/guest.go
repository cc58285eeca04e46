package observe

import (
	"context"
	"fmt"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/parse"
)

// guestPrelude names tools by their path: busybox's shell prefers its own applets to a real `ip` or `ping`.
const guestPrelude = `tool() { for d in /usr/sbin /usr/bin /sbin /bin; do [ -x "$d/$1" ] && { echo "$d/$1"; return; }; done; echo "$1"; }
IP=$(tool ip); PING=$(tool ping)
`

// What is read inside a guest.
var (
	askGuestLinks  = ask{id: "links", show: ipAddr, script: "$IP -d -j addr"}
	askGuestRoutes = ask{id: "routes", show: ipRoute, script: "$IP -d -j route show table all"}
	askGuestNICs   = ask{id: "nics", show: "/sys/class/net/*: address, device/driver",
		script: `for n in /sys/class/net/*; do [ -e "$n/device" ] || continue
read -r mac <"$n/address"; d=$(readlink "$n/device/driver"); echo "${n##*/} $mac ${d##*/}"; done`}
	askHostname = ask{id: "hostname", show: "hostname"}
	// askLeases reads what udhcpc's hook wrote down, or asks NetworkManager.
	askLeases = ask{id: "leases", show: "cat /run/lease.* (or nmcli -f DHCP4 device show)", script: `if ls /run/lease.* >/dev/null 2>&1; then
for f in /run/lease.*; do echo "nic=${f#/run/lease.}"; cat "$f" || exit 1; done
elif command -v nmcli >/dev/null; then nmcli -t -f GENERAL.DEVICE,DHCP4 device show |
sed -n 's/^GENERAL.DEVICE:/nic=/p; s/^DHCP4.OPTION[^:]*:\([a-z_]*\) = /\1=/p'
else echo "no lease is written down here" >&2; exit 1; fi`}
	askNeighbours = ask{id: "neighbours", show: "ip -j neigh", script: "$IP -j neigh"}
)

// guests reads inside guests.
func (o *observer) guests(ctx context.Context, specs []model.VMSpec) {
	var parts []func()
	for _, s := range specs {
		parts = append(parts, func() { o.guest(ctx, s.Name) })
	}
	together(parts...)
}

func (o *observer) guest(ctx context.Context, vm string) {
	asks := []ask{askGuestLinks, askGuestRoutes, askGuestNICs, askHostname}
	if o.udn() {
		asks = append(asks, askLeases, askNeighbours)
	}
	prelude := ""
	if macs := o.addressed(o.stage.VMs[vm].Spec); len(macs) > 0 {
		prelude = fmt.Sprintf(awaitAddresses, strings.Join(macs, " "))
	}
	answers, err := o.visitWith(ctx, vm, prelude, asks)
	at := placed("guest " + vm)
	o.view(vm, func(v *model.VMView) {
		v.Guest = model.GuestView{
			Links: read(at, askGuestLinks, answers, err, parse.Links), Routes: read(at, askGuestRoutes, answers, err, parse.Routes),
			NICs: read(at, askGuestNICs, answers, err, guestNICs), Hostname: read(at, askHostname, answers, err, oneWord),
		}
		if o.udn() {
			v.Guest.Leases = read(at, askLeases, answers, err, parse.Leases)
			v.Guest.Neighbours = read(at, askNeighbours, answers, err, parse.Neighbours)
		}
	})
}

// awaitAddresses waits, for half a minute at most, until the NICs with these MACs have an address and what comes with it: a
// guest is entered by its first NIC, when the DHCP clients on the others may still be at work.
const awaitAddresses = `leased() {
	for m in %s; do
		for d in /sys/class/net/*; do
			[ -e "$d/device" ] && [ "$(cat "$d/address")" = "$m" ] || continue
			d=${d##*/}
			[ ! -e "/run/udhcpc.$d.pid" ] || [ -s "/run/lease.$d" ] || return 1
			case $($IP -o -4 addr show dev "$d") in *' inet '*) ;; *) return 1 ;; esac
		done
	done
}
end=$(($(date +%%s)+30)); until leased || [ "$(date +%%s)" -ge "$end" ]; do sleep 0.2; done
`

// addressed are the MACs of the VM's NICs that get an address on a VLAN or on a bridge.
func (o *observer) addressed(s model.VMSpec) []string {
	var macs []string
	for _, i := range s.Interfaces {
		if asked := o.networkAsked(i); asked.VLAN != 0 || byPlugin(asked) {
			macs = append(macs, strings.ToLower(i.MAC))
		}
	}
	return macs
}

// visit runs a batch in a guest.
func (o *observer) visit(ctx context.Context, vm string, asks []ask) (map[string]answer, error) {
	return o.visitWith(ctx, vm, "", asks)
}

// visitWith runs something of its own before.
func (o *observer) visitWith(ctx context.Context, vm, before string, asks []ask) (map[string]answer, error) {
	ctx, cancel := context.WithTimeout(ctx, VisitTimeout)
	defer cancel()
	g, err := o.running.Guest(ctx, vm)
	if err != nil {
		return nil, err
	}
	return batch(ctx, g, guestPrelude+probePrelude+before, asks)
}

// visitor visits a guest.
func (o *observer) visitor(vm string) visitor {
	return func(ctx context.Context, asks []ask) (map[string]answer, error) { return o.visit(ctx, vm, asks) }
}

// guestNICs reads lines of name, MAC and driver; a device without driver has none.
func guestNICs(text string) ([]model.GuestNIC, error) {
	var nics []model.GuestNIC
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		f := strings.Fields(line)
		switch len(f) {
		case 0:
		case 2:
			nics = append(nics, model.GuestNIC{Name: f[0], MAC: strings.ToLower(f[1])})
		case 3:
			nics = append(nics, model.GuestNIC{Name: f[0], MAC: strings.ToLower(f[1]), Driver: f[2]})
		default:
			return nil, fmt.Errorf("guest's NICs: %q is not name, MAC, driver", line)
		}
	}
	return nics, nil
}

func oneWord(text string) (string, error) {
	f := strings.Fields(text)
	if len(f) != 1 {
		return "", fmt.Errorf("%q is not one word", strings.TrimSpace(text))
	}
	return f[0], nil
}
