package observe

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// vlanKind is the kind of a link on top of another that tags what it sends.
const vlanKind = "vlan"

// vlanLink is one in a guest that tags its own frames, on the NIC of an interface whose network lets that VLAN through.
type vlanLink struct {
	vm   string
	nic  model.InterfaceSpec
	vlan int
	// err says why it is not there.
	err error
}

// vlanLinks are those of a round.
type vlanLinks []*vlanLink

// guestTags are the links that guests have to make.
func (o *observer) guestTags() vlanLinks {
	var all vlanLinks
	for _, s := range o.running.Specs {
		for _, i := range s.Interfaces {
			if asked := o.networkAsked(i); asked.Bridge != "" && len(asked.Trunk) > 0 {
				all = append(all, &vlanLink{vm: s.Name, nic: i, vlan: asked.Trunk[0]})
			}
		}
	}
	return all
}

// of is the link on an interface; nil for none.
func (all vlanLinks) of(vm string, i model.InterfaceSpec) *vlanLink {
	for _, l := range all {
		if l.vm == vm && l.nic.Name == i.Name {
			return l
		}
	}
	return nil
}

// findNIC sets n to the NIC with the MAC, and l to the VLAN link's name on it.
const findNIC = `n=
for d in /sys/class/net/*; do
	[ -e "$d/device" ] && [ "$(cat "$d/address")" = '%s' ] && n=${d##*/}
done
[ -n "$n" ] || { echo 'no NIC has the MAC %[1]s' >&2; exit 1; }
l=$n.%[2]d
`

// addVLAN makes the link, the same number in each round, and asks for an address there by DHCP; that it gets none is no
// error here: who has none reaches nobody. What another NIC on the VLAN has to do with the attempts is ruled out: each NIC
// answers for its own addresses alone (Linux, Documentation/networking/ip-sysctl.rst: arp_ignore), and routes go by it last.
const addVLAN = findNIC + `modprobe 8021q 2>/dev/null
$IP link show dev "$l" >/dev/null 2>&1 && $IP link del dev "$l"
$IP link add link "$n" name "$l" index %[3]d type vlan id %[2]d || exit 1
ipv4=/proc/sys/net/ipv4/conf off=/proc/sys/net/ipv6/conf/$l/disable_ipv6
[ ! -e "$off" ] || echo 1 >"$off"
[ -e /run/vmnet-arp_ignore ] || cat "$ipv4/all/arp_ignore" >/run/vmnet-arp_ignore
echo 1 >"$ipv4/all/arp_ignore"
echo 2 >"$ipv4/$l/rp_filter"
$IP link set dev "$l" up || exit 1
hook=$aside/hook
printf '#!/bin/sh\n[ "$1" != bound ] || %%s addr add "$ip/$mask" dev "$interface" metric 900\nexit 0\n' "$IP" >"$hook"
chmod 700 "$hook"
udhcpc -i "$l" -f -n -q -t 6 -T 2 -s "$hook" >&2
c=$?
[ "$c" -lt 126 ] || exit "$c"`

// removeVLAN takes it away.
const removeVLAN = findNIC + `! $IP link show dev "$l" >/dev/null 2>&1 || $IP link del dev "$l" || exit 1
[ ! -e /run/vmnet-arp_ignore ] || cat /run/vmnet-arp_ignore >/proc/sys/net/ipv4/conf/all/arp_ignore
rm -f /run/vmnet-arp_ignore`

// ask is for the guest, to make the link or to take it away.
func (l *vlanLink) ask(script, show string) ask {
	const firstNumber = 1000 // above those of NICs
	args := []any{strings.ToLower(l.nic.MAC), l.vlan}
	if script == addVLAN {
		args = append(args, firstNumber+l.vlan)
	}
	return ask{id: "vlan", show: fmt.Sprintf(show, l.vlan), script: fmt.Sprintf(script, args...)}
}

// add makes all of them, and waits for their addresses.
func (all vlanLinks) add(ctx context.Context, o *observer) {
	all.each(func(l *vlanLink) {
		a := l.ask(addVLAN, "ip link add link NIC name NIC.%[1]d type vlan id %[1]d; udhcpc -i NIC.%[1]d")
		answers, err := o.visit(ctx, l.vm, []ask{a})
		if err := read(placed("guest "+l.vm), a, answers, err, said).Failure(); err != nil {
			l.err = fmt.Errorf("the guest's link on VLAN %d: %w", l.vlan, err)
		}
	})
}

// remove takes all away, also when the round was interrupted. What stays shows among the guest's links of the next round.
func (all vlanLinks) remove(ctx context.Context, o *observer) {
	all.each(func(l *vlanLink) {
		_, _ = o.visit(context.WithoutCancel(ctx), l.vm, []ask{l.ask(removeVLAN, "ip link del NIC.%d")})
	})
}

func (all vlanLinks) each(work func(*vlanLink)) {
	var parts []func()
	for _, l := range all {
		parts = append(parts, func() { work(l) })
	}
	together(parts...)
}

// name is the link's in its guest, whose links must have been read.
func (l *vlanLink) name(o *observer) (string, error) {
	nic, err := o.guestNIC(l.vm, l.nic)
	return fmt.Sprintf("%s.%d", nic, l.vlan), errors.Join(l.err, err)
}

func said(text string) (string, error) { return strings.TrimSpace(text), nil }
