// Package tail is the end of what a program said, which is where it says what went wrong.
package tail

import (
	"os"
	"strings"
)

// Lines is the last n lines of text that are not blank, without the blanks at their ends; fewer where it has fewer.
func Lines(text string, n int) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n\t "); line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-n):]
}

// Line is the last line of text that is not blank, and otherwise where there is none.
func Line(text, otherwise string) string {
	for _, line := range Lines(text, 1) {
		return line
	}
	return otherwise
}

// File is Lines of the end of a file, none where it cannot be read.
func File(path string, n int) []string {
	const most = 64 << 10
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	buf := make([]byte, min(info.Size(), most))
	k, _ := f.ReadAt(buf, info.Size()-int64(len(buf)))
	return Lines(string(buf[:k]), n)
}
