package tail

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	if got := File(file, 3); got != nil {
		t.Errorf("no file: %q", got)
	}
	for text, want := range map[string][]string{
		"": nil, "\n \r\n": nil, "a\r\nb\n": {"a", "b"}, "1\n2\n3\n4": {"2", "3", "4"}, "  1 \n\n\n2\n\n": {"  1", "2"},
		strings.Repeat("x\n", 100<<10) + "end": {"x", "x", "end"},
	} {
		if got := Lines(text, 3); !slices.Equal(got, want) {
			t.Errorf("%.40q: got %q, want %q", text, got, want)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := File(file, 3); !slices.Equal(got, want) {
			t.Errorf("file of %.40q: got %q, want %q", text, got, want)
		}
	}
	if got := Line("a\nb\n\n", "none"); got != "b" {
		t.Errorf("last line: %q", got)
	}
	if got := Line("\n", "none"); got != "none" {
		t.Errorf("last line of nothing: %q", got)
	}
}
