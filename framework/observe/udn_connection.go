package observe

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/vmnet-project/vmnet/framework/bed"
	"github.com/vmnet-project/vmnet/framework/model"
)

const (
	// echoPort is where the guest sends back what it receives.
	echoPort = 7007
	// exchanges are so many answers: before the connection counts as open, and after what happened as still alive.
	exchanges = 5
	// openTimeout bounds the first of them, aliveTimeout the last: TCP tries again after ever longer times.
	openTimeout  = 30 * time.Second
	aliveTimeout = 60 * time.Second
	// exchangePoll is how often one looks how many there were.
	exchangePoll = 500 * time.Millisecond
)

// echoScript starts, in the guest, what answers one connection and ends with it. It prints the group of its processes.
var echoScript = fmt.Sprintf(`f=/run/vmnet-echo; rm -f $f; mkfifo $f || exit 1
if command -v nc.openbsd >/dev/null; then echo='nc.openbsd -l %[1]d </run/vmnet-echo | cat >/run/vmnet-echo'
elif command -v python3 >/dev/null; then echo='python3 -c "
import socket
c, _ = socket.create_server((\"\", %[1]d)).accept()
for b in iter(lambda: c.recv(512), b\"\"): c.sendall(b)"'
else echo "neither nc.openbsd nor python3 in the guest" >&2; exit 127; fi
setsid sh -c "$echo" </dev/null >/dev/null 2>&1 &
echo $!`, echoPort)

// exchange is what the client does on its connection: it sends a number, waits for it to come back, says when it did by
// its own clock, in milliseconds, and goes on after 200 ms. socat leaves no quotes in a command, so it is a variable's.
const exchange = `export EXCHANGE='i=0; while echo "$i"; do echo "sent $i" >&2; ` +
	`read -r x || { echo "ended $i" >&2; break; }; echo "answered $x $(date +%s%3N)" >&2; i=$((i+1)); sleep 0.2; done'
`

// exchangeScript holds one TCP connection from a pod's network: socat connects once, and ends with the connection.
func exchangeScript(pattern, address string) string {
	return bed.ProcessPrelude + exchange + fmt.Sprintf(`P=$(of '%s'); [ -n "$P" ] || { echo "no process of the pod on this node" >&2; exit 1; }
exec nsenter -t "$P" -n socat TCP4:%s:%d,connect-timeout=5,retry=20,interval=0.5,nodelay SYSTEM:'eval $EXCHANGE'`,
		pattern, address, echoPort)
}

// openConnection is one from the pod client to a guest.
type openConnection struct {
	o       *observer
	vm      string
	process bed.Watched
	echo    string // the process group in the guest
	err     error
}

// open opens one, and waits until it is in use.
func (o *observer) open(ctx context.Context, vm string) *openConnection {
	c := &openConnection{o: o, vm: vm}
	client, address := o.fixtures["client"], o.vmAddress(vm, primary)
	if client.node == "" || address == "" {
		c.err = errors.New("pod client or the address of " + vm + " is not known")
		return c
	}
	answers, err := o.visit(ctx, vm, []ask{{id: "echo", show: echoScript}})
	if a := answers["echo"]; err == nil && a.code != 0 {
		err = fmt.Errorf("the guest's echo: exit code %d: %s", a.code, firstOf(a.stderr))
	}
	if c.err = err; err != nil {
		return c
	}
	c.echo = strings.TrimSpace(answers["echo"].stdout)
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if c.process, c.err = o.bed.StartOn(ctx, client.node, "sh", "-c", exchangeScript(bed.CGroupOf(client.uid), address)); c.err == nil {
		if c.err = c.answers(ctx, 0); c.err != nil {
			_, said := c.process.Printed()
			c.err = fmt.Errorf("the connection did not open: %w: %s", c.err, firstOf(said))
		}
	}
	return c
}

// answers waits for some more answers than there were.
func (c *openConnection) answers(ctx context.Context, were int) error {
	return wait.PollUntilContextCancel(ctx, exchangePoll, true, func(context.Context) (bool, error) {
		_, said := c.process.Printed()
		r, err := exchanged(said)
		if err == nil && r.Broken != "" {
			err = errors.New(r.Broken)
		}
		return r.Answered >= were+exchanges, err
	})
}

// close waits for answers after what happened, ends the connection and says how it fared.
func (c *openConnection) close(ctx context.Context) model.Read[model.Connection] {
	r := model.Read[model.Connection]{Place: "pod client",
		Command: fmt.Sprintf("nsenter -t PID -n socat TCP4:ADDRESS:%d: a number each 200 ms, and its answer # PID: a process of pod client; at %s: nc -l %d", echoPort, c.vm, echoPort)}
	if c.process != nil {
		if c.err == nil {
			_, said := c.process.Printed()
			before, _ := exchanged(said) // an error shows itself below
			alive, cancel := context.WithTimeout(ctx, aliveTimeout)
			late := c.answers(alive, before.Answered)
			cancel()
			_, r.Raw = c.process.Printed() // before the end that we make
			if r.Value, c.err = exchanged(r.Raw); c.err == nil && r.Value.Broken == "" && late != nil {
				r.Value.Broken = fmt.Sprintf("no %d answers more within %s of the migration's end", exchanges, aliveTimeout)
			}
		}
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), WatchTimeout)
		_, _, err := c.process.Stop(ending)
		cancel()
		c.err = errors.Join(c.err, err)
	}
	c.endEcho(ctx)
	if c.err == nil {
		c.err = ctx.Err() // an interrupted wait says nothing of the connection
	}
	r.At, r.Value.From, r.Value.To = time.Now().UTC(), "pod/client", "vm/"+c.vm
	if c.err != nil {
		r.Err = c.err.Error()
	}
	return r
}

// endEcho leaves nothing in the guest. One that cannot be entered now has lost it with the rest.
func (c *openConnection) endEcho(ctx context.Context) {
	if _, err := strconv.Atoi(c.echo); err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), WatchTimeout)
	defer cancel()
	_, _ = c.o.visit(ctx, c.vm, []ask{{id: "end", show: "kill -- -" + c.echo + " 2>/dev/null; rm -f /run/vmnet-echo"}})
}

// exchanged reads what the client said: each answer must be what was sent, and the longest gap is between two of them.
func exchanged(said string) (model.Connection, error) {
	var c model.Connection
	var last int64
	for _, line := range strings.Split(said, "\n") {
		f := strings.Fields(line)
		switch {
		case len(f) == 2 && f[0] == "sent":
			c.Sent++
		case len(f) == 3 && f[0] == "answered":
			at, err := strconv.ParseInt(f[2], 10, 64)
			if err != nil {
				return c, fmt.Errorf("the connection's client: %q is no time in milliseconds", f[2])
			}
			if f[1] != strconv.Itoa(c.Answered) {
				return c, fmt.Errorf("the connection's client: answer %q where %d was sent", f[1], c.Answered)
			}
			if gap := float64(at-last) / 1000; c.Answered > 0 && gap > c.LongestGap {
				c.LongestGap = gap
			}
			last = at
			c.Answered++
		case len(f) == 2 && f[0] == "ended" && c.Broken == "":
			c.Broken = "the other side ended it after answer " + strconv.Itoa(c.Answered-1)
		case strings.Contains(line, "socat[") && strings.Contains(line, " E "):
			c.Broken = firstOf(line)
		}
	}
	return c, nil
}
