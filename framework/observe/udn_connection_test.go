package observe

import (
	"reflect"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

func TestExchanged(t *testing.T) {
	got, err := exchanged("sent 0\nanswered 0 1000\nsent 1\nanswered 1 1210\nsent 2\nanswered 2 4710\nsent 3\n")
	want := model.Connection{Sent: 4, Answered: 3, LongestGap: 3.5}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for text, broken := range map[string]bool{
		"sent 0\nanswered 0 1\nsent 1\nended 1\n":                              true,
		"2026/11/25 socat[9] E read(5, 0x5, 8192): Connection reset by peer\n": true,
		"2026/11/25 socat[9] N whatever\n":                                     false,
	} {
		if got, err := exchanged(text); err != nil || (got.Broken != "") != broken {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"answered 1 5\n", "answered 0 soon\n"} {
		if got, err := exchanged(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func FuzzExchanged(f *testing.F) {
	f.Add("sent 0\nanswered 0 1000\nended 1\n")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = exchanged(text) })
}
