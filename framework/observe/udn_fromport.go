package observe

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vmnet-project/vmnet/framework/model"
)

// portMark begins the line in which curl says its own port.
const portMark = "vmnet-port"

// The exit codes of curl that say that there was no answer: not connected, in time or at all, hung up. With any other the
// attempt could not be made (src/tool_main: CURLcode of include/curl/curl.h).
var noAnswer = []int{7, 28, 52, 55, 56}

// fromPort is an HTTP exchange from a port of its own, tried so many times until one passes.
func (o *observer) fromPort(name, from, to, url string, tries, seconds int, understand func(*model.Path, answer) error) probe {
	port := o.clientPort()
	command := fmt.Sprintf("curl -sS --max-time %d --local-port %d -w '\\n%s %%{local_port}' %s", seconds, port, portMark, url)
	one := probe{name: name, path: model.Path{From: from, To: to, Kind: "http", Target: url, ClientPort: port},
		ask: ask{id: name, show: command, script: fmt.Sprintf("try %d here %s", tries, command)}}
	if tries > 1 {
		one.ask.show += fmt.Sprintf(" # up to %d times", tries)
	}
	one.understand = func(p *model.Path, a answer) error {
		if a.code != 0 && !slices.Contains(noAnswer, a.code) {
			return fmt.Errorf("exit code %d: %s", a.code, firstOf(a.stderr, a.stdout))
		}
		var said string
		a.stderr, _ = ownPort(a.stderr)
		if a.stdout, said = ownPort(a.stdout); a.code == 0 {
			var err error
			if p.ClientPort, err = strconv.Atoi(said); err != nil {
				return fmt.Errorf("curl's own port: %q", said)
			}
		}
		return understand(p, a)
	}
	return one
}

// ownPort parts what curl printed from the port that it says to have used.
func ownPort(text string) (rest, port string) {
	rest, port, _ = strings.Cut(text, portMark)
	return strings.TrimSpace(rest), strings.TrimSpace(port)
}
