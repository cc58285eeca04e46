package machine

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// child starts a process in a session of its own and has it reaped.
func child(t *testing.T, argv ...string) *process {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, err := identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(waited) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-waited })
	return p
}

func TestKillEndsTheSession(t *testing.T) {
	p := child(t, "sh", "-c", "sleep 100 & sleep 100 & wait")
	deadline := time.Now().Add(10 * time.Second)
	for len(p.session()) < 2 && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	members := p.session()
	if len(members) != 2 {
		t.Fatalf("%d members beside the leader, want 2", len(members))
	}
	gone := p.exited()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := p.kill(ctx); err != nil {
		t.Fatal(err)
	}
	for _, q := range append(members, p) {
		if q.alive() {
			t.Errorf("process %d lives", q.PID)
		}
	}
	select {
	case <-gone:
	case <-ctx.Done():
		t.Error("the end of the process was not noticed")
	}
	if err := p.kill(ctx); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

func TestReusedPIDIsLeftAlone(t *testing.T) {
	p := child(t, "sleep", "100")
	for name, other := range map[string]process{
		"another start time": {PID: p.PID, Started: p.Started - 1, Boot: p.Boot},
		"another boot":       {PID: p.PID, Started: p.Started, Boot: "0"},
	} {
		if other.alive() {
			t.Errorf("%s: taken for the same process", name)
		}
		if err := other.kill(context.Background()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		select {
		case <-other.exited():
		default:
			t.Errorf("%s: exited is open", name)
		}
	}
	if !p.alive() {
		t.Error("the process was killed")
	}
}

func TestNoProcess(t *testing.T) {
	var p *process
	if p.alive() {
		t.Error("nil is alive")
	}
	if err := p.kill(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestParseStat(t *testing.T) {
	const line = "15752 (a) b (c)) R 1 15752 15752 0 -1 4194560 5 6 7 8 9 10 11 12 20 0 1 0 253984 14708632 901056 1\n"
	st, err := parseStat([]byte(line))
	if err != nil || st.state != 'R' || st.session != 15752 || st.started != 253984 {
		t.Errorf("got %+v, %v", st, err)
	}
	own, err := readStat(os.Getpid())
	if err != nil || own.started == 0 {
		t.Errorf("this process: %+v, %v", own, err)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("1 (sh) S 0 1 1 0 -1 4194560 5 6 7 8 9 10 11 12 20 0 1 0 42 1 1"))
	f.Add([]byte("1 (sh"))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = parseStat(data) })
}
