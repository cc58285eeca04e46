package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// process names one process for good: a PID is used again, a PID with its start time is not.
type process struct {
	PID int `json:"pid"`
	// Started is in clock ticks since the host's boot, field 22 of /proc/PID/stat.
	Started uint64 `json:"started"`
	// Boot is the host's boot id: start times begin anew with each boot.
	Boot string `json:"boot"`
}

// stat is what is read of /proc/PID/stat, see proc_pid_stat(5).
type stat struct {
	state   byte
	session int
	started uint64
}

// parseStat reads the line from its last parenthesis on: the command's name before it may hold anything.
func parseStat(data []byte) (stat, error) {
	i := bytes.LastIndexByte(data, ')')
	if i < 0 {
		return stat{}, errors.New("process status: no command name")
	}
	f := strings.Fields(string(data[i+1:]))
	if len(f) < 20 || len(f[0]) != 1 {
		return stat{}, fmt.Errorf("process status: %d fields after the command name, at least 20 expected", len(f))
	}
	session, err := strconv.Atoi(f[3])
	if err != nil {
		return stat{}, fmt.Errorf("process status: session: %w", err)
	}
	started, err := strconv.ParseUint(f[19], 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("process status: start time: %w", err)
	}
	return stat{state: f[0][0], session: session, started: started}, nil
}

func readStat(pid int) (stat, error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return stat{}, err
	}
	return parseStat(data)
}

func bootID() (string, error) {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("boot id of the host: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// identify describes the process that has pid now.
func identify(pid int) (*process, error) {
	st, err := readStat(pid)
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	return &process{PID: pid, Started: st.started, Boot: boot}, nil
}

// alive is false for another process with the same PID and for one that has ended but was not waited for.
func (p *process) alive() bool {
	if p == nil {
		return false
	}
	boot, err := bootID()
	if err != nil || boot != p.Boot {
		return false
	}
	st, err := readStat(p.PID)
	return err == nil && st.started == p.Started && st.state != 'Z' && st.state != 'X'
}

// kill ends the process and those of its session (User-Mode Linux has one for each process in the machine) and
// waits until they are gone. The others are looked for only while the leader lives: later its session's number
// may be another one's.
func (p *process) kill(ctx context.Context) error {
	if !p.alive() {
		return nil
	}
	all := append(p.session(), p)
	for i := len(all) - 1; i >= 0; i-- {
		if err := all[i].signal(unix.SIGKILL); err != nil {
			return err
		}
	}
	for _, q := range all {
		for q.alive() {
			select {
			case <-ctx.Done():
				return fmt.Errorf("process %d does not end: %w", q.PID, context.Cause(ctx))
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	return nil
}

// session lists the other members of the session that the process leads.
func (p *process) session() []*process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var members []*process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == p.PID {
			continue
		}
		if st, err := readStat(pid); err == nil && st.session == p.PID {
			members = append(members, &process{PID: pid, Started: st.started, Boot: p.Boot})
		}
	}
	return members
}

// signal opens a handle to the process before it looks whether it is the right one, so that the signal cannot
// reach a later process of the same PID.
func (p *process) signal(sig unix.Signal) error {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("process %d: %w", p.PID, err)
	}
	defer func() { _ = unix.Close(fd) }()
	if !p.alive() {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("process %d: signal: %w", p.PID, err)
	}
	return nil
}

// exited is closed when the process has ended, whoever started it.
func (p *process) exited() <-chan struct{} {
	gone := make(chan struct{})
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err != nil || !p.alive() {
		if err == nil {
			_ = unix.Close(fd)
		}
		close(gone)
		return gone
	}
	go func() {
		defer close(gone)
		defer func() { _ = unix.Close(fd) }()
		for {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
			if n > 0 || (err != nil && !errors.Is(err, unix.EINTR)) {
				return
			}
		}
	}()
	return gone
}
