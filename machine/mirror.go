package machine

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// debianKeyring signs what every mirror of Debian holds.
const debianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// source is one line or stanza of apt's sources, see sources.list(5).
type source struct {
	uri, suites, signedBy string
}

// debian is true for Debian's own archive, and false for its security archive and for other archives.
func (s source) debian() bool {
	if strings.Contains(s.suites, "security") || strings.HasSuffix(strings.TrimRight(s.uri, "/"), "-security") {
		return false
	}
	return path.Base(strings.TrimRight(s.uri, "/")) == "debian" || path.Base(s.signedBy) == path.Base(debianKeyring)
}

// parseSources reads the one-line format (name ends in .list) or the deb822 format (.sources). What is disabled or
// for source packages only is left out.
func parseSources(name, text string) []source {
	if strings.HasSuffix(name, ".list") {
		return parseOneLine(text)
	}
	var all []source
	for _, stanza := range strings.Split(text, "\n\n") {
		fields := map[string]string{}
		last := ""
		for _, line := range strings.Split(stanza, "\n") {
			if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
				continue
			}
			if line[0] == ' ' || line[0] == '\t' { // continuation
				fields[last] += " " + strings.TrimSpace(line)
				continue
			}
			key, value, ok := strings.Cut(line, ":")
			if !ok {
				continue
			}
			last = strings.ToLower(strings.TrimSpace(key))
			fields[last] = strings.TrimSpace(value)
		}
		if strings.EqualFold(fields["enabled"], "no") || !contains(strings.Fields(fields["types"]), "deb") {
			continue
		}
		for _, uri := range strings.Fields(fields["uris"]) {
			all = append(all, source{uri: uri, suites: fields["suites"], signedBy: fields["signed-by"]})
		}
	}
	return all
}

func parseOneLine(text string) []source {
	var all []source
	for _, line := range strings.Split(text, "\n") {
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != "deb" {
			continue
		}
		f = f[1:]
		s := source{}
		if strings.HasPrefix(f[0], "[") {
			for len(f) > 0 {
				option := f[0]
				f = f[1:]
				if v, ok := strings.CutPrefix(strings.Trim(option, "[]"), "signed-by="); ok {
					s.signedBy = v
				}
				if strings.HasSuffix(option, "]") {
					break
				}
			}
		}
		if len(f) < 2 {
			continue
		}
		s.uri, s.suites = f[0], f[1]
		all = append(all, s)
	}
	return all
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// debianMirror is the mirror given, or the one in the apt sources under etc (/etc/apt).
func debianMirror(given, etc string) (string, error) {
	if given != "" {
		return given, nil
	}
	files := []string{filepath.Join(etc, "sources.list")}
	for _, pattern := range []string{"*.list", "*.sources"} {
		more, err := filepath.Glob(filepath.Join(etc, "sources.list.d", pattern))
		if err != nil {
			return "", fmt.Errorf("apt sources: %w", err)
		}
		files = append(files, more...)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("apt sources: %w", err)
		}
		for _, s := range parseSources(name, string(text)) {
			if !s.debian() {
				continue
			}
			if list, ok := strings.CutPrefix(s.uri, "mirror+file:"); ok { // as Debian's cloud images have it
				if s.uri, err = firstLine(list); err != nil {
					return "", fmt.Errorf("apt sources: %w", err)
				}
			}
			return s.uri, nil
		}
	}
	return "", fmt.Errorf("no mirror of Debian in the apt sources under %s: name one in the options", etc)
}

func firstLine(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if w := strings.Fields(lines.Text()); len(w) > 0 && !strings.HasPrefix(w[0], "#") {
			return w[0], nil
		}
	}
	return "", fmt.Errorf("%s names no mirror", name)
}
