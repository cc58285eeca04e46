package scenario

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// moved is an object in a run's namespaces. Whatever in it is called after the namespace that its manifest was
// written for moves along, also what only refers to it: an IPAMClaim's network, the namespaces of an affinity.
func moved(object client.Object, from, to string) (client.Object, error) {
	fail := func(err error) (client.Object, error) {
		return nil, fmt.Errorf("%s: move from %s to %s: %w", object.GetName(), from, to, err)
	}
	raw, err := json.Marshal(object)
	if err != nil {
		return fail(err)
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return fail(err)
	}
	if raw, err = json.Marshal(renamed(tree, from, to)); err != nil {
		return fail(err)
	}
	fresh, ok := reflect.New(reflect.TypeOf(object).Elem()).Interface().(client.Object)
	if !ok {
		return fail(fmt.Errorf("%T is no object", object))
	}
	if err := json.Unmarshal(raw, fresh); err != nil {
		return fail(err)
	}
	return fresh, nil
}

// renamed changes all texts of a tree of JSON that are from, or begin with it as a name's first part.
func renamed(tree any, from, to string) any {
	switch t := tree.(type) {
	case map[string]any:
		for key, value := range t {
			t[key] = renamed(value, from, to)
		}
	case []any:
		for i, value := range t {
			t[i] = renamed(value, from, to)
		}
	case string:
		if rest, ok := strings.CutPrefix(t, from); ok && (rest == "" || strings.ContainsAny(rest[:1], "-_/.")) {
			return to + rest
		}
	}
	return tree
}
