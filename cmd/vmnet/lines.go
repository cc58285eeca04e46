package main

import (
	"strings"

	"github.com/vmnet-project/vmnet/internal/progress"
)

// lines writes whole lines above a status line.
type lines struct{ p *progress.Reporter }

func (l lines) Write(text []byte) (int, error) {
	l.p.Printf("%s", strings.TrimSuffix(string(text), "\n"))
	return len(text), nil
}
