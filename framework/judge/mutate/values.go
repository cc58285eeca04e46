package mutate

import (
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
)

// leaf notes the changes of one plain value.
func (w *walker) leaf(v reflect.Value, a at, commit func()) {
	w.leaves = append(w.leaves, leaf{a, v, commit})
	old := reflect.ValueOf(v.Interface())
	change := func(op Op, to any) {
		now := reflect.ValueOf(to).Convert(v.Type())
		w.add(Mutation{Op: op, Path: a.path, Old: fmt.Sprint(old.Interface()), New: fmt.Sprint(to)}, commit,
			func() { v.Set(now) }, func() { v.Set(old) })
	}
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

// borrow notes, for each text, the same text of another VM or node, and for each frame the addresses that belong inside.
func (w *walker) borrow() {
	var vms, nodes []string
	for slot := range w.values {
		if m := vmSlot.FindStringSubmatch(slot); m != nil {
			vms = append(vms, m[1])
		}
		if m := nodeSlot.FindStringSubmatch(slot); m != nil {
			nodes = append(nodes, m[1])
		}
	}
	for _, l := range w.leaves {
		if l.value.Kind() != reflect.String {
			continue
		}
		seen := map[string]bool{l.value.String(): true}
		give := func(op Op, value string) {
			if value == "" || seen[value] {
				return
			}
			seen[value] = true
			old, now := l.value.String(), value
			w.add(Mutation{Op: op, Path: l.at.path, Old: old, New: now}, l.commit,
				func() { l.value.SetString(now) }, func() { l.value.SetString(old) })
		}
		if m := frameSlot.FindStringSubmatch(l.at.slot); m != nil {
			for _, inner := range w.inner(m[1]) {
				give(Inner, inner)
			}
			continue
		}
		if strings.HasSuffix(l.at.path, ")") {
			continue // a read's place, command and raw answer
		}
		for _, from := range vms {
			for _, to := range vms {
				if from != to {
					give(Borrowed, w.values[renamed(l.at.slot, from, to)])
				}
			}
		}
		for _, from := range nodes {
			for _, to := range nodes {
				if from != to && strings.HasPrefix(l.at.slot, from) {
					give(Borrowed, w.values[to+strings.TrimPrefix(l.at.slot, from)])
				}
			}
		}
	}
}

// renamed puts one VM's name in place of another's, wherever a key is or begins or ends with it.
func renamed(slot, from, to string) string {
	return strings.NewReplacer("["+from+"]", "["+to+"]", "["+from+">", "["+to+">", ">"+from+"]", ">"+to+"]", ">"+from+"#", ">"+to+"#",
		"/"+from+"]", "/"+to+"]").Replace(slot)
}

var (
	vmSlot    = regexp.MustCompile(`\.vms\[([^]]+)\]\.spec\.name$`)
	nodeSlot  = regexp.MustCompile(`^(facts\.nodes\[[^]]+\])\.name$`)
	frameSlot = regexp.MustCompile(`\.frames\[([^]>]+)>[^]]*\]\[#\d+\]\.(?:src|dst)$`)
	podCIDR   = `.vms[%s].pod.allotted[default].cidrs[#0]`
	guestCIDR = `.vms[%s].guest.links[#1].addresses[#0].cidr`
)

// inner are the addresses of a VM that must not be seen outside its node.
func (w *walker) inner(vm string) []string {
	var ips []string
	for slot, v := range w.values {
		for _, format := range []string{podCIDR, guestCIDR} {
			if strings.HasSuffix(slot, fmt.Sprintf(format, vm)) {
				ip, _, _ := strings.Cut(v, "/")
				ips = append(ips, ip)
			}
		}
	}
	return ips
}

// keyOf is what an element of a list is known by.
func keyOf(v reflect.Value, index int) string {
	switch e := v.Interface().(type) {
	case model.Link:
		return e.Name
	case model.Address:
		return e.Family + " " + e.CIDR
	case model.Route:
		return e.Family + " " + e.Table + " " + e.Dst
	case model.NIC:
		return e.MAC
	case model.GuestNIC:
		return e.Name
	case model.VMIInterface:
		return e.Name
	case model.InterfaceSpec:
		return e.Name
	case model.Node:
		return e.Name
	case model.Stage:
		return e.Name
	case string:
		return e
	case int:
		return fmt.Sprint(e)
	}
	return fmt.Sprintf("#%d", index)
}

// additions are elements that nobody expects in a list.
func additions(v reflect.Value) []reflect.Value {
	var last reflect.Value
	if v.Len() > 0 {
		last = v.Index(v.Len() - 1)
	} else {
		last = reflect.New(v.Type().Elem()).Elem()
	}
	var more []any
	switch e := last.Interface().(type) {
	case model.Link:
		e.Name, e.MAC, e.Index = "added0", "02:00:00:00:0a:dd", 99
		more = append(more, e)
	case model.Address:
		more = append(more, model.Address{Family: "inet", CIDR: "198.51.100.77/24", Scope: "global"}, model.Address{Family: "inet6", CIDR: "2001:db8::77/64", Scope: "global"})
	case model.Route:
		e = model.Route{Family: "inet", Table: "main", Dst: "default", Via: "198.51.100.1", Dev: "eth0", Proto: "static", Metric: 7}
		other, table, six := e, e, e
		other.Dst, table.Table, six.Family = "203.0.113.0/24", "1000", "inet6"
		more = append(more, e, other, table, six)
	case model.NIC:
		e.MAC, e.Tap = "02:00:00:00:0a:dd", "tapadded"
		more = append(more, e)
	case model.GuestNIC:
		e.Name = "added0"
		more = append(more, e)
	case model.VMIInterface:
		e.Name = "added"
		more = append(more, e)
	case model.InterfaceSpec:
		e.Name = "added"
		more = append(more, e)
	case model.Node:
		e.Name = "added"
		more = append(more, e)
	case model.Stage:
		e.Name = "added"
		more = append(more, e)
	case model.Frame:
		e.Src = "203.0.113.250"
		more = append(more, e)
	case string:
		added := "added"
		if _, err := netip.ParsePrefix(e); err == nil {
			added = "198.51.100.77/24"
		} else if _, err := netip.ParseAddr(e); err == nil {
			added = "198.51.100.77"
		}
		more = append(more, added)
	case int:
		more = append(more, e+1)
	}
	values := make([]reflect.Value, 0, len(more))
	for _, m := range more {
		values = append(values, reflect.ValueOf(m))
	}
	return values
}
