package mutate

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/vmnet-project/vmnet/framework/model"
)

// Op is a kind of change.
type Op string

// The kinds of change.
const (
	Changed  Op = "changed"  // a leaf has another value
	Resized  Op = "resized"  // a CIDR has another prefix length
	Emptied  Op = "emptied"  // a text is gone
	Borrowed Op = "borrowed" // a leaf has the value of the same leaf of another VM or node
	Inner    Op = "inner"    // an address in a frame is one that belongs inside the node: the VM's pod IP or its guest's
	Dropped  Op = "dropped"  // an element of a list or map is gone
	Cleared  Op = "cleared"  // all elements are gone
	Added    Op = "added"    // there is one more element
	Failed   Op = "failed"   // a read failed
	Unlooked Op = "unlooked" // nobody looked
)

// Mutation is one change to an observation.
type Mutation struct {
	Op Op
	// Path of what is changed; of an element that is added it ends in [+key].
	Path string
	// Old and New are the values, as far as they are text.
	Old, New string
	// Leaves are the paths that are changed with it, where it is more than a leaf.
	Leaves []string

	do, undo func()
	segments [][]string // of Path and Leaves
}

// While runs f on the changed observation and takes the change back.
func (m Mutation) While(f func()) {
	m.do()
	defer m.undo()
	f()
}

func (m Mutation) String() string {
	s := string(m.Op) + " " + m.Path
	if m.Old != "" || m.New != "" {
		s += fmt.Sprintf(" (%q, now %q)", m.Old, m.New)
	}
	return s
}

// Covered tells whether any of the patterns is of something that the mutation changes.
func (m Mutation) Covered(patterns []Pattern) bool {
	return slices.ContainsFunc(patterns, func(p Pattern) bool {
		return slices.ContainsFunc(m.segments, p.match)
	})
}

// becomes is the path of the row that one becomes by another value of a part of its key, as if it were added.
func (m Mutation) becomes() string {
	end := strings.LastIndex(m.Path, "].")
	start := strings.LastIndex(m.Path[:max(end, 0)], "[")
	if start < 0 || m.New == "" {
		return ""
	}
	words := strings.Split(m.Path[start+1:end], " ")
	i := slices.Index(words, m.Old)
	if i < 0 || len(words) < 2 {
		return ""
	}
	words[i] = m.New
	return m.Path[:start] + "[+" + strings.Join(words, " ") + "]"
}

// All lists the changes that can be made to the observation. They act on o itself, one at a time.
func All(o *model.Observation) []Mutation {
	w := &walker{values: map[string]string{}}
	w.walk(reflect.ValueOf(o).Elem(), at{}, func() {})
	w.borrow()
	for i, m := range w.found {
		w.found[i].segments = append(w.found[i].segments, split(m.Path))
		if other := m.becomes(); other != "" {
			w.found[i].segments = append(w.found[i].segments, split(other))
		}
		for _, l := range m.Leaves {
			w.found[i].segments = append(w.found[i].segments, split(l))
		}
	}
	return w.found
}

// at is a place in the observation: by key, for patterns and readers, and by index, which outlives a change of the key.
type at struct{ path, slot string }

func (a at) field(name string) at {
	if a.path == "" {
		return at{name, name}
	}
	return at{a.path + "." + name, a.slot + "." + name}
}

func (a at) element(key string, index int) at {
	return at{a.path + "[" + key + "]", fmt.Sprintf("%s[#%d]", a.slot, index)}
}

func (a at) key(key string) at { return at{a.path + "[" + key + "]", a.slot + "[" + key + "]"} }

type leaf struct {
	at     at
	value  reflect.Value
	commit func()
}

type walker struct {
	found  []Mutation
	leaves []leaf
	values map[string]string // by slot
}

// add notes a change: set makes it, back takes it back, commit carries both up into the maps around.
func (w *walker) add(m Mutation, commit, set, back func()) {
	m.do = func() { set(); commit() }
	m.undo = func() { back(); commit() }
	w.found = append(w.found, m)
}

var timeType = reflect.TypeFor[time.Time]()

// walk visits v and what is below; commit makes a change to v count, where v is a copy of a map's element.
func (w *walker) walk(v reflect.Value, a at, commit func()) {
	first := len(w.leaves)
	switch {
	case v.Type() == timeType:
		w.leaf(v, a, commit)
		return
	case v.Kind() == reflect.Struct && isRead(v.Type()):
		w.read(v, a, commit)
		return
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			w.walk(v.Field(i), a.field(jsonName(v.Type().Field(i))), commit)
		}
		return
	case v.Kind() == reflect.Slice:
		w.slice(v, a, commit)
	case v.Kind() == reflect.Map:
		w.mapping(v, a, commit)
	default:
		w.leaf(v, a, commit)
		return
	}
	if v.Len() > 0 {
		old := reflect.ValueOf(v.Interface())
		w.add(Mutation{Op: Cleared, Path: a.path, Leaves: w.below(first)}, commit,
			func() { v.SetZero() }, func() { v.Set(old) })
	}
}

func (w *walker) below(first int) []string {
	var paths []string
	for _, l := range w.leaves[first:] {
		paths = append(paths, l.at.path)
	}
	return paths
}

func (w *walker) slice(v reflect.Value, a at, commit func()) {
	keys := map[string]int{}
	for i := range v.Len() {
		key := keyOf(v.Index(i), i)
		if keys[key]++; keys[key] > 1 {
			key = fmt.Sprintf("%s #%d", key, keys[key])
		}
		here, first := a.element(key, i), len(w.leaves)
		w.walk(v.Index(i), here, commit)
		old := reflect.ValueOf(v.Interface())
		without := reflect.AppendSlice(reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v.Slice(0, i)), v.Slice(i+1, v.Len()))
		w.add(Mutation{Op: Dropped, Path: here.path, Old: key, Leaves: w.below(first)}, commit,
			func() { v.Set(without) }, func() { v.Set(old) })
	}
	for _, e := range additions(v) {
		old := reflect.ValueOf(v.Interface())
		with := reflect.Append(reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()+1), v), e)
		key := keyOf(e, v.Len())
		w.add(Mutation{Op: Added, Path: a.path + "[+" + key + "]", New: key}, commit,
			func() { v.Set(with) }, func() { v.Set(old) })
	}
}

func (w *walker) mapping(v reflect.Value, a at, commit func()) {
	names := v.MapKeys()
	slices.SortFunc(names, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
	for _, k := range names {
		here, first := a.key(k.String()), len(w.leaves)
		copied := reflect.New(v.Type().Elem()).Elem()
		copied.Set(v.MapIndex(k))
		w.walk(copied, here, func() { v.SetMapIndex(k, copied); commit() })
		w.add(Mutation{Op: Dropped, Path: here.path, Old: k.String(), Leaves: w.below(first)}, commit,
			func() { v.SetMapIndex(k, reflect.Value{}) }, func() { v.SetMapIndex(k, copied) })
	}
	if len(names) > 0 {
		k := reflect.ValueOf("added").Convert(v.Type().Key())
		e := v.MapIndex(names[0])
		w.add(Mutation{Op: Added, Path: a.path + "[+added]", New: "added"}, commit,
			func() { v.SetMapIndex(k, e) }, func() { v.SetMapIndex(k, reflect.Value{}) })
	}
}

// read walks a model.Read: its value stands at the read's own path.
func (w *walker) read(v reflect.Value, a at, commit func()) {
	first := len(w.leaves)
	w.walk(v.FieldByName("Value"), a, commit)
	below := w.below(first)
	for _, name := range []string{"Place", "Command", "Raw", "At"} {
		w.leaf(v.FieldByName(name), a.field("("+strings.ToLower(name)+")"), commit)
	}
	err, when := v.FieldByName("Err"), v.FieldByName("At")
	oldErr, oldAt := err.String(), reflect.ValueOf(when.Interface())
	const broken = "connection lost"
	w.add(Mutation{Op: Failed, Path: a.path, New: broken, Leaves: below}, commit,
		func() { err.SetString(broken) }, func() { err.SetString(oldErr) })
	w.add(Mutation{Op: Unlooked, Path: a.path, New: "nobody looked", Leaves: below}, commit,
		func() { when.SetZero() }, func() { when.Set(oldAt) })
}

func isRead(t reflect.Type) bool { return strings.HasPrefix(t.Name(), "Read[") }

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}
