package report

import (
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

// lost is a claim on a path that was lost on its way.
func lost() model.Judgement {
	const hop = "first hop that does not pass: bridge mapping (node worker)"
	e := model.Evidence{What: "vm-l reaches the peer", Place: "guest vm-l", Command: "ping", Expected: "passes", Observed: "does not pass",
		Hop: hop, Way: []string{"guest NIC (guest vm-l): passes", "bridge mapping (node worker): does not pass", "peer (peer vlan-1924): not read: ssh:\x1b[2J gone"}}
	return model.Judgement{ID: "LN-05", Text: "A VM reaches the peer", Verdict: model.Fail, Evidence: []model.Evidence{e},
		Reason: "vm-l reaches the peer: expected passes, observed does not pass; " + hop, Expected: e.Expected, Observed: e.Observed}
}

func TestDetailsShowTheWay(t *testing.T) {
	var out strings.Builder
	if err := WriteDetails(&out, []model.Judgement{lost()}, View{}); err != nil {
		t.Fatal(err)
	}
	const want = `
FAIL LN-05  A VM reaches the peer
  vm-l reaches the peer: expected passes, observed does not pass; first hop that does not pass: bridge mapping (node worker)
  vm-l reaches the peer
    expected  passes
    observed  does not pass
    its way   guest NIC (guest vm-l): passes
              bridge mapping (node worker): does not pass
              peer (peer vlan-1924): not read: ssh:�[2J gone
    read at   guest vm-l: ping
`
	if out.String() != want {
		t.Errorf("want:%s\ngot:%s", want, out.String())
	}
}

func TestTableAndJUnitNameTheHop(t *testing.T) {
	var out strings.Builder
	if err := WriteTable(&out, []model.Judgement{lost()}, View{Width: 400}); err != nil {
		t.Fatal(err)
	}
	body, err := JUnit(Report{Claims: []model.Judgement{lost()}})
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"table": out.String(), "junit": string(body)} {
		if !strings.Contains(text, "first hop that does not pass: bridge mapping (node") {
			t.Errorf("the %s does not name the hop:\n%s", what, text)
		}
	}
}
