package scenario

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/vmnet-project/vmnet/framework/internal/sshtest"
	"github.com/vmnet-project/vmnet/framework/model"
	"github.com/vmnet-project/vmnet/framework/transport"
)

// lane is a way by name alone.
type lane string

func (l lane) Name() string { return string(l) }
func (lane) Dial(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("not dialled")
}

func TestEnterByTheNextWay(t *testing.T) {
	inside := &transport.Guest{}
	ways := []transport.Dialer{lane("port-forward"), lane("jump-pod")}
	for name, c := range map[string]struct {
		down  string // these ways
		tried string
		fails bool
	}{
		"all open":      {"", "port-forward", false},
		"the first one": {"port-forward", "port-forward jump-pod", false},
		"both":          {"port-forward jump-pod", "port-forward jump-pod", true},
	} {
		var tried []string
		got, err := enter(t.Context(), ways, func(ctx context.Context, way transport.Dialer) (*transport.Guest, error) {
			tried = append(tried, way.Name())
			if _, bounded := ctx.Deadline(); bounded != (way.Name() == "port-forward") {
				t.Errorf("%s: %s is bounded: %t", name, way.Name(), bounded)
			}
			if strings.Contains(c.down, way.Name()) {
				return nil, errors.New(way.Name() + " is down")
			}
			return inside, nil
		})
		if strings.Join(tried, " ") != c.tried || (err != nil) != c.fails || (got == inside) == c.fails {
			t.Errorf("%s: tried %v, %v", name, tried, err)
		}
	}
	if _, err := enter(t.Context(), nil, nil); err == nil {
		t.Error("entered by no way")
	}
}

// A command that could not begin, for the connection had just broken, is run on a new one; here no way leads to that.
func TestBrokenConnectionIsNotUsedAgain(t *testing.T) {
	id, err := transport.NewIdentity("root")
	if err != nil {
		t.Fatal(err)
	}
	host, err := ssh.ParsePrivateKey([]byte(id.HostPrivatePEM))
	if err != nil {
		t.Fatal(err)
	}
	server := sshtest.Start(t, host, id.Signer.PublicKey())
	for range 20 { // who hears of the end first is chance
		c, err := transport.Connect(t.Context(), sshtest.Loopback(server.Address), "ns", "vm-a", *id)
		if err != nil {
			t.Fatal(err)
		}
		g := &guest{running: &Running{Specs: []model.VMSpec{{Name: "vm-a", Interfaces: []model.InterfaceSpec{{Network: "udn"}}}}}, vm: "vm-a", current: c}
		_ = c.Close()
		if _, err := g.Run(t.Context(), "true"); err == nil || !strings.Contains(err.Error(), "no way leads into the guest") {
			t.Fatal(err)
		}
	}
}

// A guest that boots is asked on one way; one that was entered before, or should be up by now, on all.
func TestUsableWays(t *testing.T) {
	ways := []transport.Dialer{lane("port-forward"), lane("jump-pod")}
	for name, c := range map[string]struct {
		guest *guest
		want  int
	}{
		"boots":       {&guest{tried: time.Now()}, 1},
		"was entered": {&guest{tried: time.Now(), entered: true}, 2},
		"for long":    {&guest{tried: time.Now().Add(-2 * bootTime)}, 2},
	} {
		if got := c.guest.usable(ways); len(got) != c.want {
			t.Errorf("%s: %d ways", name, len(got))
		}
		if got := c.guest.usable(nil); len(got) != 0 {
			t.Errorf("%s: %d of no ways", name, len(got))
		}
	}
}
