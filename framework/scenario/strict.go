package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// complete finds what a typed object lost of its document. KubeVirt's VirtualMachineInstanceSpec decodes itself
// and forgets about strictness there, so that a misspelt field would be dropped without a word.
func complete(document []byte, typed runtime.Object) error {
	var source map[string]any
	if err := yaml.Unmarshal(document, &source); err != nil {
		return err
	}
	kept, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	if err != nil {
		return err
	}
	var lost []string
	compare(source, kept, "", &lost)
	if len(lost) > 0 {
		slices.Sort(lost)
		return fmt.Errorf("unknown fields: %s", strings.Join(lost, ", "))
	}
	return nil
}

// compare collects the paths of source that kept does not have. What is empty may be left out.
func compare(source, kept any, path string, lost *[]string) {
	switch source := source.(type) {
	case map[string]any:
		have, ok := kept.(map[string]any)
		for key, value := range source {
			at := strings.TrimPrefix(path+"."+key, ".")
			if inner, there := have[key]; ok && there {
				compare(value, inner, at, lost)
			} else if !empty(value) {
				*lost = append(*lost, at)
			}
		}
	case []any:
		have, _ := kept.([]any)
		for i, value := range source {
			if i < len(have) {
				compare(value, have[i], fmt.Sprintf("%s[%d]", path, i), lost)
			}
		}
	}
}

func empty(value any) bool {
	v := reflect.ValueOf(value)
	switch v.Kind() { //nolint:exhaustive // the rest is compared with its zero
	case reflect.Invalid:
		return true
	case reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	default:
		return v.IsZero()
	}
}
