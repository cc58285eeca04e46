package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// makeCable makes the veth pair: the host's end with an address, the machine's end for User-Mode Linux' vector
// driver, which opens it with a packet socket.
func makeCable(ctx context.Context, s *state) error {
	host, machine := s.Links[0], s.Links[1]
	steps := [][]string{
		{"ip", "link", "add", host, "mtu", "1500", "type", "veth", "peer", "name", machine, "mtu", "1500"},
		// The machine's end has no address and must not answer for the host's own.
		{"ip", "link", "set", machine, "arp", "off"},
		{"ip", "addr", "add", s.Host.String(), "dev", host},
	}
	for _, argv := range steps {
		if _, err := output(ctx, argv...); err != nil {
			return fmt.Errorf("network of the machine: %w", err)
		}
	}
	for _, dev := range s.Links {
		err := writeSetting(filepath.Join("/proc/sys/net/ipv6/conf", dev, "disable_ipv6"), 1)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("network of the machine: %w", err)
		}
		// The driver's buffers hold one MTU, and nobody behind it finishes a checksum: frames have to be cut and
		// summed before they get there.
		if _, err := output(ctx, "ethtool", "-K", dev, "tx", "off", "tso", "off", "gso", "off", "gro", "off"); err != nil {
			return fmt.Errorf("network of the machine: %w", err)
		}
		if _, err := output(ctx, "ip", "link", "set", dev, "up"); err != nil {
			return fmt.Errorf("network of the machine: %w", err)
		}
	}
	return nil
}

// removeCable removes both ends; none there is fine.
func removeCable(ctx context.Context, links [2]string) error {
	for _, dev := range links {
		if _, err := net.InterfaceByName(dev); err != nil {
			continue
		}
		if _, err := output(ctx, "ip", "link", "delete", dev); err != nil {
			return fmt.Errorf("network of the machine: %w", err)
		}
	}
	return nil
}

// mapCountPath is the most mappings that a process may have. Each page of the machine's memory that does not
// continue the last one is a mapping of the host.
const mapCountPath = "/proc/sys/vm/max_map_count"

// mapsFor is how many mappings a machine may need in one process: each of its pages, and some for the program.
func mapsFor(memoryMiB int) int { return memoryMiB*256 + 1<<19 }

func readSetting(path string) (int, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}

// writeSetting does not create what is not there.
func writeSetting(path string, value int) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strconv.Itoa(value))
	return errors.Join(err, f.Close())
}
