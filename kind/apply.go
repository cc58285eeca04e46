package kind

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

var placeholder = regexp.MustCompile(`\$\{([A-Z][A-Z_]*)\}`)

// render replaces ${NAME}, in capitals, by its value. A name without a value is an error.
func render(text string, values map[string]string) (string, error) {
	var unknown []string
	text = placeholder.ReplaceAllStringFunc(text, func(match string) string {
		name := placeholder.FindStringSubmatch(match)[1]
		value, ok := values[name]
		if !ok {
			unknown = append(unknown, name)
		}
		return value
	})
	if len(unknown) > 0 {
		return "", fmt.Errorf("no value for %s", strings.Join(unknown, ", "))
	}
	return text, nil
}

// objects decodes all documents of a YAML text.
func objects(text string) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		doc, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		var content map[string]any
		if err := yaml.Unmarshal(doc, &content); err != nil {
			return nil, err
		}
		if len(content) == 0 {
			continue
		}
		o := &unstructured.Unstructured{Object: content}
		if o.GetKind() == "" || o.GetAPIVersion() == "" || o.GetName() == "" {
			return nil, fmt.Errorf("a document without kind, apiVersion or name: %.80q", bytes.TrimSpace(doc))
		}
		all = append(all, o)
	}
}

// folder decodes all files below dir in the order of their names. values is nil for files without placeholders.
func folder(files fs.FS, dir string, values map[string]string) ([]*unstructured.Unstructured, error) {
	names, err := fs.Glob(files, path.Join(dir, "*.yaml"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("no manifests in %s: %w", dir, errors.Join(err, fs.ErrNotExist))
	}
	var all []*unstructured.Unstructured
	for _, name := range names {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("manifest %s: %w", name, err)
		}
		text := string(raw)
		if values != nil {
			if text, err = render(text, values); err != nil {
				return nil, fmt.Errorf("manifest %s: %w", name, err)
			}
		}
		some, err := objects(text)
		if err != nil {
			return nil, fmt.Errorf("manifest %s: %w", name, err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// Apply applies objects in their order, by server-side apply, and repeats what a new API server refuses for a
// moment: a kind whose CRD is not served yet, a namespace that is not there yet, a connection that broke.
func (c *Cluster) Apply(ctx context.Context, all ...*unstructured.Unstructured) error {
	for _, o := range all {
		if err := c.applyOne(ctx, o); err != nil {
			return fmt.Errorf("applying %s %s: %w", o.GetKind(), client.ObjectKeyFromObject(o), err)
		}
	}
	return nil
}

const applyFor = 2 * time.Minute

func (c *Cluster) applyOne(ctx context.Context, o *unstructured.Unstructured) error {
	ctx, cancel := context.WithTimeoutCause(ctx, applyFor, fmt.Errorf("not accepted within %s", applyFor))
	defer cancel()
	for {
		request, done := context.WithTimeout(ctx, 30*time.Second)
		err := c.Objects.Patch(request, o.DeepCopy(), client.Apply, client.FieldOwner("vmnet"), client.ForceOwnership) //nolint:staticcheck // unstructured apply
		done()
		if err == nil || final(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// final says whether an error will be the same the next time.
func final(err error) bool {
	if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) || apierrors.IsInternalError(err) {
		return false // internal: a webhook that is not there yet
	}
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err)
}
