package kind

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Where the releases are.
const (
	chartURL      = "https://github.com/ovn-kubernetes/ovn-kubernetes/archive/refs/tags/" + ovnKubernetesTag + ".tar.gz"
	multusURL     = "https://raw.githubusercontent.com/k8snetworkplumbingwg/multus-cni/" + multusTag + "/deployments/multus-daemonset.yml"
	ipamClaimsURL = "https://raw.githubusercontent.com/k8snetworkplumbingwg/ipamclaims/" + ipamClaimsTag + "/artifacts/k8s.cni.cncf.io_ipamclaims.yaml"
	kubevirtURL   = "https://github.com/kubevirt/kubevirt/releases/download/" + kubevirtTag + "/kubevirt-operator.yaml"
)

const (
	fetchTimeout = 5 * time.Minute
	fetchMost    = 256 << 20 // bytes
)

// get opens a URL; the body is bounded.
func get(ctx context.Context, url string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("fetching %s: %w", url, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("fetching %s: %w: without the network, build the images from source (IMAGES=source)", url, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("fetching %s: %s", url, response.Status), response.Body.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, fetchMost), response.Body}, nil
}

// fetchReleases gets the manifests of Multus, with the definition of IPAMClaims, and of KubeVirt's operator.
func fetchReleases(ctx context.Context) (multus, operator []*unstructured.Unstructured, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	var all [][]*unstructured.Unstructured
	for _, url := range []string{ipamClaimsURL, multusURL, kubevirtURL} {
		body, err := get(ctx, url)
		if err != nil {
			return nil, nil, err
		}
		text, err := io.ReadAll(body)
		if err = errors.Join(err, body.Close()); err != nil {
			return nil, nil, fmt.Errorf("fetching %s: %w", url, err)
		}
		some, err := objects(string(text))
		if err != nil {
			return nil, nil, fmt.Errorf("manifest %s: %w", url, err)
		}
		all = append(all, some)
	}
	multus, operator = append(all[0], all[1]...), all[2]
	for _, o := range multus {
		if o.GetKind() == "DaemonSet" {
			if err := pinMultus(o); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, o := range operator {
		if o.GetKind() == "Deployment" && o.GetName() == "virt-operator" {
			if err := tuneOperator(o); err != nil {
				return nil, nil, err
			}
		}
	}
	return multus, operator, nil
}

// pinMultus takes the release's image, where the manifest names the moving tag "snapshot", and lifts a memory limit
// that is too low on big nodes.
func pinMultus(o *unstructured.Unstructured) error {
	for _, list := range []string{"initContainers", "containers"} {
		containers, _, err := unstructured.NestedSlice(o.Object, "spec", "template", "spec", list)
		if err != nil {
			return fmt.Errorf("manifest of Multus: %w", err)
		}
		for _, container := range containers {
			m, ok := container.(map[string]any)
			if !ok {
				continue
			}
			if image, ok := m["image"].(string); ok {
				m["image"] = strings.ReplaceAll(image, ":snapshot", ":"+multusTag)
			}
			if limits, ok, _ := unstructured.NestedMap(m, "resources", "limits"); ok && limits["memory"] != nil {
				if err := unstructured.SetNestedField(m, "300Mi", "resources", "limits", "memory"); err != nil {
					return fmt.Errorf("manifest of Multus: %w", err)
				}
			}
		}
		if len(containers) > 0 {
			if err := unstructured.SetNestedSlice(o.Object, containers, "spec", "template", "spec", list); err != nil {
				return fmt.Errorf("manifest of Multus: %w", err)
			}
		}
	}
	return nil
}

// chartFolder is where the chart is in OVN-Kubernetes' repository.
const chartFolder = "helm/ovn-kubernetes"

// fetchChart unpacks the chart out of an archive of the repository into dir, and returns the chart's folder.
func fetchChart(ctx context.Context, url, dir string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	body, err := get(ctx, url)
	if err != nil {
		return "", err
	}
	err = untar(body, chartFolder, dir)
	if err = errors.Join(err, body.Close()); err != nil {
		return "", fmt.Errorf("archive %s: %w", url, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "Chart.yaml")); err != nil {
		return "", fmt.Errorf("archive %s holds no chart in %s", url, chartFolder)
	}
	return dir, nil
}

// untar unpacks the regular files below folder of an archive whose entries all have one more folder above.
func untar(archive io.Reader, folder, dir string) error {
	zipped, err := gzip.NewReader(archive)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir) // nothing is written outside of it
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // only opened
	for entries := tar.NewReader(zipped); ; {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		_, below, _ := strings.Cut(path.Clean(header.Name), "/")
		name, ok := strings.CutPrefix(below, folder+"/")
		if !ok || header.Typeflag != tar.TypeReg {
			continue
		}
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		file, err := root.Create(name)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, entries) //nolint:gosec // the archive is bounded
		if err = errors.Join(err, file.Close()); err != nil {
			return err
		}
	}
}
