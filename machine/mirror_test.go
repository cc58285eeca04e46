package machine

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDebianMirror(t *testing.T) {
	const sources = `Types: deb
# a remark
URIs: http://ftp.example.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://security.example.org/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"deb822":            {map[string]string{"sources.list.d/debian.sources": sources}, "http://ftp.example.org/debian"},
		"one line":          {map[string]string{"sources.list": "# deb http://no.example.org/debian x main\ndeb http://a.example.org/debian/ trixie main\n"}, "http://a.example.org/debian/"},
		"one line, options": {map[string]string{"sources.list": "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://b.example.org/pub trixie main\n"}, "http://b.example.org/pub"},
		"security first":    {map[string]string{"sources.list": "deb http://s.example.org/debian trixie-security main\ndeb http://c.example.org/debian trixie main\n"}, "http://c.example.org/debian"},
		"other archives": {map[string]string{
			"sources.list.d/a.list":         "deb [signed-by=/usr/share/keyrings/other.gpg] https://other.example.org/apt stable main\n",
			"sources.list.d/debian.sources": sources}, "http://ftp.example.org/debian"},
		"sources only": {map[string]string{"sources.list": "deb-src http://d.example.org/debian trixie main\n"}, ""},
		"disabled":     {map[string]string{"sources.list.d/x.sources": "Enabled: no\n" + sources[:len("Types: deb\n")] + "URIs: http://e.example.org/debian\nSuites: trixie\n"}, ""},
		"continued":    {map[string]string{"sources.list.d/x.sources": "Types: deb\nURIs:\n http://f.example.org/debian\nSuites: trixie\n"}, "http://f.example.org/debian"},
		"Ubuntu":       {map[string]string{"sources.list": "deb http://archive.example.org/ubuntu noble main\n"}, ""},
		"none":         {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			etc := t.TempDir()
			for f, text := range c.files {
				p := filepath.Join(etc, f)
				if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := debianMirror("", etc)
			if got != c.want || (err == nil) != (c.want != "") {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
			if got, err := debianMirror("http://mine", etc); got != "http://mine" || err != nil {
				t.Errorf("given: got %q, %v", got, err)
			}
		})
	}
}

func TestMirrorList(t *testing.T) {
	etc := t.TempDir()
	list := filepath.Join(etc, "debian.list")
	for f, text := range map[string]string{list: "# c\nhttps://g.example.org/debian\n", filepath.Join(etc, "sources.list"): "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] mirror+file:" + list + " trixie main\n"} {
		if err := os.WriteFile(f, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := debianMirror("", etc); got != "https://g.example.org/debian" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func FuzzParseSources(f *testing.F) {
	f.Add("Types: deb\nURIs: http://a/debian\n b\nSuites: x\n\nEnabled: no\n")
	f.Add("deb [a=b c=d] http://a x main\ndeb [")
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"x.list", "x.sources"} {
			for _, s := range parseSources(name, text) {
				if s.uri == "" {
					t.Errorf("a source without an address from %q", text)
				}
			}
		}
	})
}

func TestFilterSettings(t *testing.T) {
	got := filterSettings("Acquire::http::Proxy \"http://p:1\";\nAPT::Update::Post-Invoke:: \"rm x\";\nAcquire::Check-Date \"false\";\nAcquire::Languages:: \"de\";\n")
	if want := "Acquire::http::Proxy \"http://p:1\";\nAcquire::Check-Date \"false\";\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
