package mutate

import (
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// leaf notes the changes of one plain value.
func (w *walker) leaf(v reflect.Value, a at, commit func()) {
	l := leaf{a, v, commit}
	w.leaves = append(w.leaves, l)
	change := func(op Op, to any) { w.change(l, op, to) }
	switch {
	case v.Type() == timeType:
		change(Changed, v.Interface().(time.Time).Add(time.Hour))
	case v.Kind() == reflect.String:
		w.values[a.slot] = v.String()
		for _, o := range others(v.String()) {
			change(o.op, o.value)
		}
		if v.String() != "" {
			change(Emptied, "")
		}
	case v.Kind() == reflect.Bool:
		change(Changed, !v.Bool())
	case v.CanInt():
		change(Changed, v.Int()+1)
	case v.CanFloat():
		change(Changed, v.Float()+1)
	}
}

// change notes another value of a leaf.
func (w *walker) change(l leaf, op Op, to any) {
	old, now := reflect.ValueOf(l.value.Interface()), reflect.ValueOf(to).Convert(l.value.Type())
	w.add(Mutation{Op: op, Path: l.at.path, Old: fmt.Sprint(old.Interface()), New: fmt.Sprint(to)}, l.commit,
		func() { l.value.Set(now) }, func() { l.value.Set(old) })
}

var mac = regexp.MustCompile(`^([0-9a-f]{2}:){5}[0-9a-f]{2}$`)

type other struct {
	op    Op
	value string
}

// others gives values of the same kind.
func others(s string) []other {
	if p, err := netip.ParsePrefix(s); err == nil {
		next := netip.PrefixFrom(another(p.Addr()), p.Bits())
		if p == p.Masked() && p.Addr().Is4() {
			next = netip.PrefixFrom(netip.MustParseAddr("198.51.100.0"), p.Bits()).Masked()
		}
		return []other{{Changed, next.String()}, {Resized, netip.PrefixFrom(p.Addr(), max(p.Bits()-1, 0)).String()}}
	}
	if ip, err := netip.ParseAddr(s); err == nil {
		return []other{{Changed, another(ip).String()}}
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return []other{{Changed, netip.AddrPortFrom(another(ap.Addr()), ap.Port()).String()}}
	}
	if u, err := url.Parse(s); err == nil && u.Host != "" {
		u.Host = strings.Replace(u.Host, u.Hostname(), "203.0.113.99", 1)
		return []other{{Changed, u.String()}}
	}
	if mac.MatchString(s) {
		last := byte('1')
		if s[len(s)-1] == last {
			last = '2'
		}
		return []other{{Changed, s[:len(s)-1] + string(last)}}
	}
	return []other{{Changed, "changed" + s}}
}

// another gives an address in the neighbourhood, too far away to be the next VM's.
func another(ip netip.Addr) netip.Addr {
	for range 61 {
		ip = ip.Next()
	}
	return ip
}
