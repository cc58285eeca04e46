package scenario

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// move takes objects into a run. Whatever in them is called after the namespace that the manifests were written for (from)
// moves to the run's (to), also what only refers to it: an IPAMClaim's network, the namespaces of an affinity. What is
// called by one of the names, which are the whole cluster's, gets the run's ID behind it; so does the network's name in the
// config of a NetworkAttachmentDefinition, which OVN-Kubernetes and plugins know it by in all namespaces.
type move struct {
	from, to, run string
	names         []string
}

func (r *Running) move() move {
	return move{from: r.definition.base(), to: r.Namespace, run: r.RunID, names: r.definition.names}
}

// object is another object, in the run.
func (m move) object(object client.Object) (client.Object, error) {
	fresh, err := changed(object, m.tree)
	if err == nil {
		err = changeConfig(fresh, m.config)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: move from %s to %s: %w", object.GetName(), m.from, m.to, err)
	}
	return fresh, nil
}

// changed is another object, of the same kind, that differs by change.
func changed(object client.Object, change func(tree any) any) (client.Object, error) {
	raw, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, err
	}
	if raw, err = json.Marshal(change(tree)); err != nil {
		return nil, err
	}
	fresh, ok := reflect.New(reflect.TypeOf(object).Elem()).Interface().(client.Object)
	if !ok {
		return nil, fmt.Errorf("%T is no object", object)
	}
	return fresh, json.Unmarshal(raw, fresh)
}

// tree changes all texts of a tree of JSON.
func (m move) tree(tree any) any {
	return texts(tree, m.text)
}

func texts(tree any, change func(string) string) any {
	switch t := tree.(type) {
	case map[string]any:
		for key, value := range t {
			t[key] = texts(value, change)
		}
	case []any:
		for i, value := range t {
			t[i] = texts(value, change)
		}
	case string:
		return change(t)
	}
	return tree
}

// text moves what is from, or begins with it as a name's first part, and what is one of the names, alone or behind its
// namespace.
func (m move) text(text string) string {
	if rest, ok := strings.CutPrefix(text, m.from); ok && (rest == "" || strings.ContainsAny(rest[:1], "-_/.")) {
		text = m.to + rest
	}
	space, name := "", text
	if at := strings.LastIndex(text, "/") + 1; at > 0 {
		space, name = text[:at], text[at:]
	}
	if m.run != "" && slices.Contains(m.names, name) {
		return space + name + "-" + m.run
	}
	return text
}

// config moves that of a NetworkAttachmentDefinition.
func (m move) config(config map[string]any) {
	name, named := config["name"].(string)
	maps.Copy(config, m.tree(config).(map[string]any)) //nolint:forcetypeassert // texts leaves a map a map
	if named && m.run != "" {
		config["name"] = name + "-" + m.run
	}
}

// changeConfig changes the config of a NetworkAttachmentDefinition: JSON in a text. One that is none stays as it is, for
// check to refuse; other objects do, too.
func changeConfig(object client.Object, change func(config map[string]any)) error {
	u, ok := object.(*unstructured.Unstructured)
	if !ok || u.GroupVersionKind() != NADKind {
		return nil
	}
	text, _, err := unstructured.NestedString(u.Object, "spec", "config")
	var config map[string]any
	if err != nil || json.Unmarshal([]byte(text), &config) != nil || config == nil {
		return nil //nolint:nilerr // as said above
	}
	change(config)
	raw, err := json.Marshal(config)
	if err != nil {
		return err
	}
	return unstructured.SetNestedField(u.Object, string(raw), "spec", "config")
}
