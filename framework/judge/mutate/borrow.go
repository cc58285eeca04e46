package mutate

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// borrow notes, for each text, the same text of another VM, node or network, and for each frame the addresses that belong
// inside.
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
	slices.Sort(vms)
	vms = slices.Compact(vms) // each stage has them
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
			w.change(l, op, value)
		}
		if m := frameSlot.FindStringSubmatch(l.at.slot); m != nil {
			for _, inner := range w.inner(m[1]) {
				give(Inner, inner)
			}
			continue
		}
		if strings.HasSuffix(l.at.path, ")") || keySlot.MatchString(l.at.slot) {
			continue // a read's place, command and raw answer; a name by which links are told apart
		}
		for _, ip := range w.rivals(l.at.slot) {
			give(Borrowed, ip)
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
	keySlot   = regexp.MustCompile(`\.links\[#\d+\]\.name$`)
	natSlot   = regexp.MustCompile(`^(.*\.nat)(\[#\d+\])\.externalIP$`)
	podCIDR   = `.vms[%s].pod.allotted[default].cidrs[#0]`
	guestCIDR = `.vms[%s].guest.links[#1].addresses[#0].cidr`
)

// inner are the addresses of a VM that must not be seen outside its node: the guest's, the pod's where that is its primary
// one, and those of the masquerade subnet.
func (w *walker) inner(vm string) []string {
	var ips []string
	for slot, v := range w.values {
		role := w.values[strings.TrimSuffix(slot, ".cidrs[#0]")+".role"]
		switch {
		case strings.HasSuffix(slot, fmt.Sprintf(podCIDR, vm)) && role == "primary", strings.HasSuffix(slot, fmt.Sprintf(guestCIDR, vm)):
			ip, _, _ := strings.Cut(v, "/")
			ips = append(ips, ip)
		case natSlot.MatchString(slot) && strings.HasPrefix(v, "169.254."):
			ips = append(ips, v)
		}
	}
	slices.Sort(ips)
	return slices.Compact(ips)
}

// rivals are the external IPs of other networks' rules in the same database.
func (w *walker) rivals(slot string) []string {
	var ips []string
	if own := natSlot.FindStringSubmatch(slot); own != nil {
		for other, ip := range w.values {
			m := natSlot.FindStringSubmatch(other)
			network := func(m []string) string { return w.values[m[1]+m[2]+".network"] }
			if m != nil && m[1] == own[1] && network(m) != "" && network(m) != network(own) && network(own) != "" {
				ips = append(ips, ip)
			}
		}
	}
	slices.Sort(ips)
	return slices.Compact(ips)
}
