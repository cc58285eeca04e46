package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vmnet-project/vmnet/framework/bed"
)

// vswitch is an Open vSwitch that takes the commands of one ovs-vsctl.
type vswitch interface {
	run(argv []string) (string, error)
}

// remembered is one in memory: as far as ovs-vsctl's commands are used here, it does what that does (ovs-vsctl(8)), a
// transaction at a time.
type remembered struct {
	externalIDs map[string]string
	bridges     map[string][]string
	// columns are those that a port was added with.
	columns map[string]string
}

func (r *remembered) run(argv []string) (string, error) {
	next := remembered{externalIDs: maps.Clone(r.externalIDs), bridges: map[string][]string{}, columns: r.columns}
	for b, ports := range r.bridges {
		next.bridges[b] = slices.Clone(ports)
	}
	var out strings.Builder
	for command := range slices.Values(split(argv, "--")) {
		text, err := next.command(command)
		if err != nil {
			return "", &bed.CommandError{Place: "node n1", Command: strings.Join(argv, " "), ExitCode: 1, Stderr: err.Error()}
		}
		out.WriteString(text)
	}
	*r = next
	return out.String(), nil
}

func split(argv []string, by string) [][]string {
	var parts [][]string
	for {
		i := slices.Index(argv, by)
		if i < 0 {
			return append(parts, argv)
		}
		if i > 0 {
			parts = append(parts, argv[:i])
		}
		argv = argv[i+1:]
	}
}

func (r *remembered) command(argv []string) (string, error) {
	options := map[string]bool{}
	for len(argv) > 0 && strings.HasPrefix(argv[0], "--") {
		options[argv[0]], argv = true, argv[1:]
	}
	switch strings.Join(argv[:min(3, len(argv))], " ") {
	case "list Open_vSwitch":
		pairs := [][2]string{}
		for _, k := range slices.Sorted(maps.Keys(r.externalIDs)) {
			pairs = append(pairs, [2]string{k, r.externalIDs[k]})
		}
		return table([]string{"external_ids"}, []any{[]any{"map", pairs}}), nil
	case "list Bridge":
		var rows [][]any
		for _, b := range slices.Sorted(maps.Keys(r.bridges)) {
			var ports [][]string
			for _, p := range r.bridges[b] {
				ports = append(ports, []string{"uuid", "of-" + p})
			}
			rows = append(rows, []any{b, []any{"set", ports}})
		}
		return table([]string{"name", "ports"}, rows...), nil
	case "list Port":
		var rows [][]any
		for _, b := range slices.Sorted(maps.Keys(r.bridges)) {
			for _, p := range r.bridges[b] {
				rows = append(rows, []any{[]string{"uuid", "of-" + p}, p})
			}
		}
		return table([]string{"_uuid", "name"}, rows...), nil
	case "set Open_vSwitch .":
		key, value, ok := strings.Cut(strings.TrimPrefix(argv[3], "external_ids:"), "=")
		var text string
		if err := json.Unmarshal([]byte(value), &text); !ok || err != nil {
			return "", fmt.Errorf("%s: %w", argv[3], err)
		}
		r.externalIDs[key] = text
		return "", nil
	case "remove Open_vSwitch .":
		delete(r.externalIDs, argv[4])
		return "", nil
	}
	return "", r.shape(options["--may-exist"], argv)
}

func table(headings []string, rows ...[]any) string {
	if rows == nil {
		rows = [][]any{}
	}
	raw, err := json.Marshal(map[string]any{"headings": headings, "data": rows})
	if err != nil {
		panic(err)
	}
	return string(raw) + "\n"
}

// shape is the commands for bridges and ports.
func (r *remembered) shape(mayExist bool, argv []string) error {
	at := func(port string) string {
		for b, ports := range r.bridges {
			if slices.Contains(ports, port) {
				return b
			}
		}
		return ""
	}
	switch argv[0] {
	case "add-br":
		if at(argv[1]) != "" {
			return fmt.Errorf("cannot create a bridge named %s because one already exists", argv[1])
		}
		r.bridges[argv[1]] = []string{argv[1]}
	case "del-br":
		if r.bridges[argv[1]] == nil {
			return fmt.Errorf("no bridge named %s", argv[1])
		}
		delete(r.bridges, argv[1])
	case "add-port":
		switch b := at(argv[2]); {
		case r.bridges[argv[1]] == nil:
			return fmt.Errorf("no bridge named %s", argv[1])
		case b == argv[1] && mayExist:
		case b != "":
			return fmt.Errorf("cannot create a port named %s because a port of that name already exists on bridge %s", argv[2], b)
		default:
			r.bridges[argv[1]] = append(r.bridges[argv[1]], argv[2])
			r.columns = map[string]string{argv[2]: strings.Join(argv[3:], " ")}
		}
	case "del-port":
		b := at(argv[1])
		if b == "" || b == argv[1] {
			return fmt.Errorf("no port named %s", argv[1])
		}
		r.bridges[b] = slices.DeleteFunc(r.bridges[b], func(p string) bool { return p == argv[1] })
	default:
		return fmt.Errorf("unknown command %q", argv)
	}
	return nil
}

// database is Open vSwitch's own, with the real ovs-vsctl and no switch behind it.
type database struct{ socket string }

func (d database) run(argv []string) (string, error) {
	own := slices.DeleteFunc(slices.Clone(argv), func(a string) bool { return strings.HasPrefix(a, "--db=") })
	out, err := exec.Command(own[0], append([]string{"--no-wait", "--db=unix:" + d.socket}, own[1:]...)...).CombinedOutput() //nolint:gosec,noctx // a test's
	if err != nil {
		return "", fmt.Errorf("%q: %w: %s", argv, err, out)
	}
	return string(out), nil
}

// realSwitch starts a database where this host has Open vSwitch's tools.
func realSwitch(t *testing.T, schema string) vswitch {
	t.Helper()
	dir := t.TempDir()
	d := database{socket: filepath.Join(dir, "db.sock")}
	if out, err := exec.CommandContext(t.Context(), "ovsdb-tool", "create", dir+"/db", schema).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	server := exec.CommandContext(t.Context(), "ovsdb-server", "--remote=punix:"+d.socket, "--unixctl="+dir+"/ctl", dir+"/db") //nolint:gosec // same
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	for range 100 {
		if _, err := os.Stat(d.socket); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if _, err := d.run([]string{"ovs-vsctl", "init"}); err != nil {
		t.Fatal(err)
	}
	return d
}

// switches are makers of an empty Open vSwitch: the one in memory always, the real one where the host has it.
func switches(t *testing.T) map[string]func(*testing.T) vswitch {
	t.Helper()
	all := map[string]func(*testing.T) vswitch{"remembered": func(*testing.T) vswitch {
		return &remembered{externalIDs: map[string]string{}, bridges: map[string][]string{}}
	}}
	vsctl, err := exec.LookPath("ovs-vsctl")
	if err != nil {
		t.Log("this host has no ovs-vsctl: the one in memory alone is asked")
		return all
	}
	vsctl, _ = filepath.EvalSymlinks(vsctl)
	schema := filepath.Join(filepath.Dir(vsctl), "../share/openvswitch/vswitch.ovsschema")
	all["real"] = func(t *testing.T) vswitch { return realSwitch(t, schema) }
	return all
}

// fakeIP is ip and bridge on a folder: a file a link, with its state and its other end.
const fakeIP = `#!/bin/sh
cd "$LINKS" || exit 1
fail() { echo "$*" >&2; exit 1; }
case "$(basename "$0") $*" in
"ip -d -j addr")
	n=0; sep=
	printf '['
	for f in *; do
		n=$((n+1)); read -r state end address <"$f"
		flags='"BROADCAST"'; [ "$state" = down ] || flags='"BROADCAST","UP"'
		printf '%s{"ifindex":%d,"ifname":"%s","mtu":1500,"flags":[%s],"addr_info":[%s]}' "$sep" $n "$f" "$flags" "$address"
		sep=,
	done
	echo ']' ;;
"ip link show dev "*) [ -e "$4" ] || fail "Device \"$4\" does not exist." ;;
"ip link add name "*" type bridge vlan_filtering 1") [ ! -e "$4" ] || fail "File exists"; echo "down -" >"$4" ;;
"ip link add name "*" type veth peer name "*) [ ! -e "$4" ] || fail "File exists"; echo "down $9" >"$4"; echo "down $4" >"$9" ;;
"ip link del dev "*) [ -e "$4" ] || fail "Cannot find device"; read -r state end <"$4"; rm -f "$4"; [ "$end" = - ] || rm -f "$end" ;;
"ip link set dev "*" master "*) [ -e "$4" ] && [ -e "$6" ] || fail "Cannot find device" ;;
"ip link set dev "*) [ -e "$4" ] || fail "Cannot find device"; read -r state rest <"$4"; echo "$5 $rest" >"$4" ;;
"bridge vlan add dev "*" vid "*) [ -e "$4" ] || fail "Cannot find device"; echo "$6" >>"$LINKS/../vlans" ;;
*) fail "not understood: $*" ;;
esac
`

// fakeNode is a node: its commands are run in this host's shell, with ip and bridge on a folder, and an Open vSwitch.
type fakeNode struct {
	t      *testing.T
	ovs    vswitch
	links  string // the folder
	calls  int
	broken int // the number of the call that is cut off, 0 for none
	done   bool
}

var errCut = errors.New("cut off")

func newFakeNode(t *testing.T, ovs vswitch, links map[string]string) *fakeNode {
	t.Helper()
	dir := t.TempDir()
	n := &fakeNode{t: t, ovs: ovs, links: filepath.Join(dir, "links")}
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"ip", "bridge"} {
		if err := os.WriteFile(filepath.Join(dir, "bin", tool), []byte(fakeIP), 0o755); err != nil { //nolint:gosec // a command
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(n.links, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, state := range links {
		if err := os.WriteFile(filepath.Join(n.links, name), []byte(state+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func (n *fakeNode) Place() string { return "node n1" }

// Run runs a command; the one that is cut off has happened or not, as done says, and every later one fails, as after a kill.
func (n *fakeNode) Run(ctx context.Context, argv ...string) (string, error) {
	n.calls++
	if n.broken > 0 && (n.calls > n.broken || n.calls == n.broken && !n.done) {
		return "", errCut
	}
	out, err := n.do(ctx, argv)
	if n.calls == n.broken {
		return "", errCut
	}
	return out, err
}

func (n *fakeNode) do(ctx context.Context, argv []string) (string, error) {
	if argv[0] == "ovs-vsctl" {
		if _, ok := n.ovs.(*remembered); ok { // its options before the first command
			argv = argv[slices.Index(argv, "--"):]
		}
		return n.ovs.run(argv)
	}
	bin := filepath.Join(n.links, "../bin")
	if argv[0] == "ip" {
		argv = append([]string{filepath.Join(bin, "ip")}, argv[1:]...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // a test's
	cmd.Env = append(os.Environ(), "LINKS="+n.links, "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return "", &bed.CommandError{Place: n.Place(), Command: bed.CommandLine(argv), ExitCode: failed.ExitCode(), Stderr: string(failed.Stderr)}
	}
	return string(out), err
}

// state is all that a node has that the physical side might change, as text.
func (n *fakeNode) state() string {
	n.t.Helper()
	now, err := nodeSwitch{name: "n1", runner: &fakeNode{t: n.t, ovs: n.ovs, links: n.links}}.read(n.t.Context(), true)
	if err != nil {
		n.t.Fatal(err)
	}
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(now.externalIDs)) {
		fmt.Fprintf(&b, "%s=%s\n", k, now.externalIDs[k])
	}
	for _, k := range slices.Sorted(maps.Keys(now.bridges)) {
		slices.Sort(now.bridges[k])
		fmt.Fprintf(&b, "bridge %s: %v\n", k, now.bridges[k])
	}
	for _, l := range now.links {
		fmt.Fprintf(&b, "link %s %v\n", l.Name, l.Flags)
	}
	return b.String()
}
