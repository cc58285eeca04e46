package bed

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func writeKubeconfig(t *testing.T, server string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), KubeconfigFile)
	text := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"x",
"clusters":[{"name":"x","cluster":{"server":%q}}],"users":[{"name":"x","user":{"token":"t"}}],
"contexts":[{"name":"x","context":{"cluster":"x","user":"x"}}]}`, server)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestOpenBadInput(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken")
	empty := filepath.Join(dir, "empty")
	for file, text := range map[string]string{broken: "clusters: [", empty: ""} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fine := writeKubeconfig(t, "http://127.0.0.1:1")
	cases := map[string]struct {
		options     Options
		file, words string
	}{
		"nothing":              {Options{}, "bed", "no cluster given"},
		"no bed":               {Options{Dir: filepath.Join(dir, "none")}, filepath.Join(dir, "none", "kubeconfig"), "no such file"},
		"no kubeconfig":        {Options{Kubeconfig: filepath.Join(dir, "none")}, filepath.Join(dir, "none"), "no such file"},
		"a kubeconfig broken":  {Options{Kubeconfig: broken}, broken, "is no usable kubeconfig"},
		"an empty kubeconfig":  {Options{Kubeconfig: empty}, empty, "is no usable kubeconfig"},
		"a folder":             {Options{Kubeconfig: dir}, dir, "is no usable kubeconfig"},
		"no underlay as named": {Options{Kubeconfig: fine, Underlay: filepath.Join(dir, "none.yaml")}, filepath.Join(dir, "none.yaml"), "no such file"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), c.options)
			oneLineNaming(t, err, c.file, c.words)
		})
	}
}

func TestOpenAsksTheCluster(t *testing.T) {
	answer := func(code int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			_, _ = fmt.Fprint(w, body)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + listener.Addr().String()
	_ = listener.Close()
	status := func(reason string, code int) string {
		return answer(code, fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d}`, reason, code))
	}
	var input *InputError
	var unreachable *UnreachableError
	if _, err := Open(t.Context(), Options{Kubeconfig: writeKubeconfig(t, closed)}); !errors.As(err, &unreachable) {
		t.Errorf("a closed port: %v", err)
	}
	if _, err := Open(t.Context(), Options{Kubeconfig: writeKubeconfig(t, status("Unauthorized", 401))}); !errors.As(err, &input) {
		t.Errorf("refused credentials: %v", err)
	}
	if _, err := Open(t.Context(), Options{Kubeconfig: writeKubeconfig(t, status("Forbidden", 403))}); err != nil {
		t.Errorf("credentials that may do little are no bad ones: %v", err)
	}
	b, err := Open(t.Context(), Options{Kubeconfig: writeKubeconfig(t, answer(200, `{"major":"1","minor":"34","gitVersion":"v1.34.2"}`))})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := b.Outside(); ok {
		t.Error("an outside host without an underlay")
	}
	if err := b.Close(t.Context()); err != nil {
		t.Errorf("closing a bed that was not used: %v", err)
	}
}
