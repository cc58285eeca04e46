// Package parse turns what tools and APIs answer into the nouns of package model.
//
// Every function is pure: text in, values out. An error names the row and the field that it cannot read,
// and quotes it; nothing is guessed, and no input makes a function panic (all of them are fuzzed).
package parse

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// errEmpty is an answer without content: a command that printed nothing has not been read.
var errEmpty = errors.New("empty answer")

func decode(text string, into any) error {
	if strings.TrimSpace(text) == "" {
		return errEmpty
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("%w in %q", err, clip(text))
	}
	return nil
}

func clip(text string) string {
	const most = 60
	text = strings.TrimSpace(text)
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
