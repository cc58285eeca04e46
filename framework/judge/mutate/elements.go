package mutate

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// keys are the fields that tell elements of a list apart, by type, where that is not the field Name. What they are holds
// a space or " as " between them.
var keys = map[reflect.Type][]string{
	reflect.TypeFor[model.Address]():      {"Family", "CIDR"},
	reflect.TypeFor[model.Route]():        {"Family", "Table", "Dst"},
	reflect.TypeFor[model.NIC]():          {"MAC"},
	reflect.TypeFor[model.NATRow]():       {"Network", "LogicalIP", "LogicalPort"},
	reflect.TypeFor[model.OVNRoute]():     {"Router", "Prefix", "Policy"},
	reflect.TypeFor[model.DHCPOptions]():  {"Owner", "CIDR"},
	reflect.TypeFor[model.Neighbour]():    {"IP"},
	reflect.TypeFor[model.VMICondition](): {"Type"},
	reflect.TypeFor[model.ServedLease]():  {"MAC"},
}

// keyOf is what an element of a list is known by.
func keyOf(v reflect.Value, index int) string {
	if e, ok := v.Interface().(model.Conntrack); ok {
		return fmt.Sprintf("%s:%d as %s:%d", e.Original.Src, e.Original.SrcPort, e.Reply.Dst, e.Reply.DstPort)
	}
	if v.Kind() != reflect.Struct {
		return fmt.Sprint(v.Interface())
	}
	fields := keys[v.Type()]
	if fields == nil {
		if !v.FieldByName("Name").IsValid() {
			return fmt.Sprintf("#%d", index)
		}
		fields = []string{"Name"}
	}
	var words []string
	for _, f := range fields {
		words = append(words, v.FieldByName(f).String())
	}
	return strings.TrimSpace(strings.Join(words, " "))
}

// additions are elements that nobody expects in a list: the last one under another name, or what its type is apt for.
func additions(v reflect.Value) []reflect.Value {
	last := reflect.New(v.Type().Elem()).Elem()
	if v.Len() > 0 {
		last.Set(v.Index(v.Len() - 1))
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
	default:
		if name := last.FieldByName("Name"); name.IsValid() {
			name.SetString("added")
			more = append(more, last.Interface())
		}
	}
	values := make([]reflect.Value, 0, len(more))
	for _, m := range more {
		values = append(values, reflect.ValueOf(m))
	}
	return values
}
