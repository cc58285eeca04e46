package bed

import (
	"errors"
	"io/fs"
	"strings"
)

// unwrapPath leaves out the path that a file error repeats.
func unwrapPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// oneLine joins a parser's many lines.
func oneLine(err error) error {
	return errors.New(strings.Join(strings.Fields(err.Error()), " "))
}
