package bed

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestReadUnderlay(t *testing.T) {
	const container = "outside:\n  name: outside\n  address: 172.18.0.9\n  interface: eth0\n  container: {name: outside, dockerHost: 'ssh://root@192.0.2.1', binDir: /opt/bin}\n"
	cases := map[string]struct {
		text string
		want *Underlay
		says string // an error's end
	}{
		"empty": {text: "", want: &Underlay{}},
		"container": {text: container, want: &Underlay{Outside: &HostSpec{Name: "outside", Address: "172.18.0.9", Interface: "eth0",
			Container: &ContainerExec{Name: "outside", DockerHost: "ssh://root@192.0.2.1", BinDir: "/opt/bin"}}}},
		"ssh, with files beside the underlay's": {
			text: "outside:\n  name: router\n  address: 2001:db8::1\n  interface: eth1\n  ssh: {address: router.example, user: root, identityFile: key, knownHosts: /etc/known}\n",
			want: &Underlay{Outside: &HostSpec{Name: "router", Address: "2001:db8::1", Interface: "eth1",
				SSH: &SSHExec{Address: "router.example", User: "root", IdentityFile: "DIR/key", KnownHosts: "/etc/known"}}}},
		"no YAML":           {text: "outside: [", says: "did not find expected node content"},
		"unknown field":     {text: "outsid: {}\n", says: `unknown field "outsid"`},
		"wrong type":        {text: "outside: eth0\n", says: "HostSpec"},
		"no name":           {text: strings.Replace(container, "  name: outside\n", "", 1), says: "outside.name is missing"},
		"no interface":      {text: strings.Replace(container, "  interface: eth0\n", "", 1), says: "outside.interface is missing"},
		"no address":        {text: strings.Replace(container, "  address: 172.18.0.9\n", "", 1), says: "outside.address is missing"},
		"a name as an IP":   {text: strings.Replace(container, "172.18.0.9", "outside.example", 1), says: `outside.address is "outside.example": an IP address is needed`},
		"no way in":         {text: strings.Split(container, "  container")[0], says: "outside.container or outside.ssh is needed: how are commands run there?"},
		"two ways in":       {text: container + "  ssh: {address: a, user: b, identityFile: c, knownHosts: d}\n", says: "outside.container and outside.ssh are both given: keep one"},
		"no known hosts":    {text: strings.Split(container, "  container")[0] + "  ssh: {address: a, user: b, identityFile: c}\n", says: "outside.ssh.knownHosts is missing"},
		"unnamed container": {text: strings.Replace(container, "{name: outside, ", "{", 1), says: "outside.container.name is missing"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, UnderlayFile)
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := ReadUnderlay(file)
			if c.says != "" {
				oneLineNaming(t, err, file, c.says)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.want.Outside != nil && c.want.Outside.SSH != nil {
				c.want.Outside.SSH.IdentityFile = strings.Replace(c.want.Outside.SSH.IdentityFile, "DIR", dir, 1)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got.Outside, c.want.Outside)
			}
		})
	}
}

// oneLineNaming asserts an *InputError of one line that names the file and holds the words.
func oneLineNaming(t *testing.T, err error, file, words string) {
	t.Helper()
	var input *InputError
	if !errors.As(err, &input) {
		t.Fatalf("want an InputError, got %T: %v", err, err)
	}
	text := err.Error()
	if strings.Contains(text, "\n") || !strings.Contains(text, file) || !strings.Contains(text, words) {
		t.Errorf("want one line with %s and %q, got %q", file, words, text)
	}
}

func TestUnderlayIsWrittenAsItIsRead(t *testing.T) {
	u := &Underlay{Outside: &HostSpec{Name: "outside", Address: "172.18.0.9", Interface: "eth0", Container: &ContainerExec{Name: "c"}}}
	file := filepath.Join(t.TempDir(), UnderlayFile)
	if err := u.Write(file); err != nil {
		t.Fatal(err)
	}
	got, err := ReadUnderlay(file)
	if err != nil || !reflect.DeepEqual(got, u) {
		t.Errorf("got %+v, %v", got, err)
	}
	u.Outside.Address = "nowhere"
	oneLineNaming(t, u.Write(file), file, "outside.address")
}

func FuzzParseUnderlay(f *testing.F) {
	f.Add([]byte("outside: {name: a, address: 192.0.2.1, interface: eth0, container: {name: c}}"))
	f.Add([]byte("outside: {ssh: {address: a}}"))
	f.Add([]byte("outside:\n- 1"))
	f.Add([]byte(physicalText))
	f.Fuzz(func(t *testing.T, raw []byte) {
		u, err := parseUnderlay(raw)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("an error of several lines: %q", err)
			}
			return
		}
		if u.check() != nil {
			t.Error("accepted what does not pass the check")
		}
	})
}
