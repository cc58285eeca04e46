package machine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vmnet-project/vmnet/internal/files"
)

// bootTimeout bounds the time from the kernel's start to an answer of Docker: four seconds on an idle core, a
// hundred on one that twenty processes want.
const bootTimeout = 5 * time.Minute

// Start makes the machine, waits until its Docker answers and returns it. One that runs is returned as it is; what
// is left of one that ended is removed first, its disk included. If it fails nothing is left but the console's log.
func Start(ctx context.Context, o Options, disk, kernel string) (_ *Machine, err error) {
	o, err = o.complete()
	if err != nil {
		return nil, err
	}
	if err := requireRoot(); err != nil {
		return nil, err
	}
	unlock, err := files.Lock(ctx, filepath.Join(o.stateDir(), lockFile))
	if err != nil {
		return nil, err
	}
	defer unlock()
	done := o.Step("machine: start")
	defer func() { done(err) }()
	ctx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()

	m, running := Find(o)
	if !running {
		if m, err = launch(ctx, o, disk, kernel); err != nil {
			return nil, errors.Join(err, undo(context.WithoutCancel(ctx), o))
		}
	}
	if err := m.ready(ctx); err != nil {
		if running { // it may hold a cluster: leave it to the caller
			return nil, err
		}
		return nil, errors.Join(err, undo(context.WithoutCancel(ctx), o))
	}
	return m, nil
}

func (m *Machine) ready(ctx context.Context) error {
	if err := m.poll(ctx, "SSH", func(ctx context.Context) error {
		_, err := output(ctx, filepath.Join(m.BinDir, "ssh"), "-o", "ConnectTimeout=1", "root@"+m.Address, "true")
		return err
	}); err != nil {
		return err
	}
	return m.poll(ctx, "Docker", func(ctx context.Context) error {
		_, err := m.Docker(ctx, "info", "--format", "{{.ServerVersion}}")
		return err
	})
}

// launch makes everything up to the process, each thing after it is in the state file.
func launch(ctx context.Context, o Options, disk, kernel string) (*Machine, error) {
	for _, f := range []string{disk, kernel} {
		if _, err := os.Stat(f); err != nil {
			return nil, fmt.Errorf("machine: %w", err)
		}
	}
	if err := undo(ctx, o); err != nil {
		return nil, err
	}
	if err := ensureIdentity(o.identityDir()); err != nil {
		return nil, err
	}
	used, err := usedSubnets(ctx)
	if err != nil {
		return nil, err
	}
	s := &state{Name: o.Name, Links: o.links(), Disk: disk, Kernel: kernel, Root: o.Root, Created: time.Now().UTC()}
	if s.Root == "" {
		s.Root = rootOf(disk)
	}
	if s.Host, s.Address, err = chooseSubnet(used); err != nil {
		return nil, err
	}
	count, err := readSetting(mapCountPath)
	if err != nil {
		return nil, fmt.Errorf("machine: %w", err)
	}
	if want := mapsFor(o.MemoryMiB); count < want {
		s.MapCount = &savedValue{Old: count, Set: want}
	}
	if err := s.write(o.stateDir()); err != nil {
		return nil, err
	}
	if s.MapCount != nil {
		if err := writeSetting(mapCountPath, s.MapCount.Set); err != nil {
			return nil, fmt.Errorf("machine: %w", err)
		}
	}
	// A pair that is there has this directory's name but not its state: the state was deleted by hand.
	if err := removeCable(ctx, s.Links); err != nil {
		return nil, err
	}
	if err := makeCable(ctx, s); err != nil {
		return nil, err
	}
	if err := writeWrappers(o, s); err != nil {
		return nil, err
	}
	if err := spawn(o, s); err != nil {
		return nil, err
	}
	return newMachine(o, s), nil
}

// launcher gets the memory's directory and size, the cores, and the machine's command. It waits for a line before
// it does anything, so that no machine runs that is not in the state file; without the line it ends. The memory's
// file system lives in its mount namespace only, and ends with the machine. The scheduler shares a core out by session,
// however nice its processes are: the machine's counts more than a build's beside it (sched(7), autogroup).
const launcher = `read -r _ || exit 1
ram=$1 size=$2 cores=$3; shift 3
echo -10 > /proc/self/autogroup || :
mount -t tmpfs -o "huge=always,size=$size,mode=700" memory "$ram" || mount -t tmpfs -o "size=$size,mode=700" memory "$ram" || exit 1
export TMPDIR="$ram"
exec taskset -c "$cores" "$@" < /dev/null`

// spawn starts the process in a session of its own: it outlives this one.
func spawn(o Options, s *state) error {
	dir := o.stateDir()
	ram := filepath.Join(dir, "ram")
	if err := os.MkdirAll(ram, 0o700); err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	cores := o.Cores
	if cores == "" {
		var err error
		if cores, err = lastCore(); err != nil {
			return err
		}
	}
	console, err := os.OpenFile(filepath.Join(dir, consoleFile), os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	defer func() { _ = console.Close() }()
	gate, open, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	defer func() { _ = open.Close() }()
	argv := append([]string{"--mount", "--propagation", "private", "sh", "-c", launcher, "sh",
		ram, strconv.Itoa(o.MemoryMiB+256) + "m", cores}, commandLine(o, s)...)
	cmd := exec.Command("unshare", argv...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, gate, console, console
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	_ = gate.Close()
	if err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	go func() { _ = cmd.Wait() }() // reaped if it ends before this process does
	if s.Process, err = identify(cmd.Process.Pid); err != nil {
		return err
	}
	if err := s.write(dir); err != nil {
		return err
	}
	if _, err := open.WriteString("go\n"); err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	return nil
}

// commandLine is the kernel with its arguments. Paths of sockets are relative to the state directory, for they
// have a maximum length. Devices that drivers make by themselves are turned off: each would show in every pod.
func commandLine(o Options, s *state) []string {
	id := sha256.Sum256([]byte(s.Links[1]))
	mac := fmt.Sprintf("52:54:00:%02x:%02x:%02x", id[0], id[1], id[2])
	return []string{
		s.Kernel,
		"mem=" + strconv.Itoa(o.MemoryMiB) + "M", "ncpus=1", "seccomp=on", "umid=" + o.Name, "uml_dir=uml/",
		"ubda=" + filepath.Join(o.stateDir(), cowFile) + "," + s.Disk,
		"root=/dev/ubda", "rw", "rootflags=noinit_itable,nobarrier",
		"con=null", "con0=null,fd:1", "console=tty0", "quiet", "loglevel=4", "panic=1", "noreboot",
		"fb_tunnels=none", "dummy.numdummies=0", "ifb.numifbs=0", "bonding.max_bonds=0",
		"vec0:transport=raw,ifname=" + s.Links[1] + ",depth=128,mac=" + mac,
		"vm.name=" + o.Name, "vm.ip=" + s.Address.String() + "/" + strconv.Itoa(s.Host.Bits()), "vm.gw=" + s.Host.Addr().String(),
		"vm.mac0=" + mac, "systemd.hostname=" + o.Name, "systemd.machine_id=" + hex.EncodeToString(id[:16]),
	}
}

const cowFile = "disk.cow"

// lastCore leaves the first ones, which the host's own work tends to use, alone.
func lastCore() (string, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return "", fmt.Errorf("cores of the host: %w", err)
	}
	for c := max(runtime.NumCPU(), 1024) - 1; c >= 0; c-- {
		if set.IsSet(c) {
			return strconv.Itoa(c), nil
		}
	}
	return "", errors.New("cores of the host: none")
}

// rootOf is the root that a disk of BuildDisk was made from, "" for another disk.
func rootOf(disk string) string {
	data, err := os.ReadFile(filepath.Join(filepath.Dir(disk), "root"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
