package observe

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"kubevirt.io/client-go/kubecli"

	"github.com/vmnet-project/vmnet/framework/transport"
)

// A connection that does not come about tells of the guest's network only where virt-api answers something else.
func TestPortForwardInVain(t *testing.T) {
	for name, answers := range map[string]bool{"virt-api answers": true, "it does not": false} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case !answers:
				http.Error(w, "no endpoints available", http.StatusServiceUnavailable)
			case strings.HasSuffix(r.URL.Path, "/version"):
				_, _ = w.Write([]byte(`{"gitVersion":"v1.7.0"}`))
			default:
				_, _ = w.Write([]byte(`{"preferredVersion":{"groupVersion":"subresources.kubevirt.io/v1"}}`))
			}
		}))
		defer server.Close()
		o := primaryUDN()
		var err error
		if o.bed.KubeVirt, err = kubecli.GetKubevirtClientFromRESTConfig(&rest.Config{Host: server.URL}); err != nil {
			t.Fatal(err)
		}
		o.bySSH(t.Context(), time.Minute, func(context.Context, string) (*transport.Guest, error) {
			return nil, errors.New("dial: context deadline exceeded")
		})
		r := o.stage.Paths["api>vm-p"]
		if r.Value.Passed || r.Value.Detail == "" || (r.Failure() == nil) != answers {
			t.Errorf("%s: %+v, %v", name, r.Value, r.Failure())
		}
	}
}
