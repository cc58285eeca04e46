package fault

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/vmnet-project/vmnet/framework/model"
)

// network is a stand-in for what steps change: one word. The engine is tested here, not the network.
type network struct {
	state string
	log   []string
}

type fakeStep struct {
	n                *network
	to               string
	failDo, failUndo error
	leaves           string
	cancel           context.CancelFunc
}

func (fakeStep) Reversible() bool { return true }

func (s fakeStep) Do(context.Context, *World) (Undo, error) {
	was := s.n.state
	s.n.state = s.to
	s.n.log = append(s.n.log, "do "+s.to)
	if s.cancel != nil {
		s.cancel()
	}
	return func(ctx context.Context) error {
		s.n.log = append(s.n.log, "undo "+s.to)
		s.n.state = was
		if s.leaves != "" {
			s.n.state = s.leaves
		}
		return errors.Join(ctx.Err(), s.failUndo)
	}, s.failDo
}

func testEngine(n *network, told *[]string) *engine {
	return &engine{
		look: func(ctx context.Context, _ string) (model.Observation, error) {
			return model.Observation{Scenario: n.state}, ctx.Err()
		},
		judge: func(o model.Observation) []model.Judgement {
			if o.Scenario == "broken" || o.Scenario == "stuck" {
				return []model.Judgement{judged("A", model.Fail, "it is "+o.Scenario)}
			}
			return []model.Judgement{judged("A", model.Pass, "")}
		},
		step: func(string) func(error) { return func(error) {} },
		tell: func(s string) { *told = append(*told, s) },
	}
}

func alone(faults ...Fault) [][]Fault { return group(faults, true) }

func TestEngine(t *testing.T) {
	broken := red("A", "^it is broken$")
	fault := func(id string, steps ...Step) Fault { return Fault{ID: id, Red: broken, Steps: steps} }
	t.Run("killed and restored", func(t *testing.T) {
		n, told := &network{state: "fine"}, []string(nil)
		out, err := testEngine(n, &told).run(t.Context(), alone(fault("one", fakeStep{n: n, to: "odd"}, fakeStep{n: n, to: "broken"}), fault("two", fakeStep{n: n, to: "odd"})))
		if err != nil || len(out) != 2 || !out[0].Killed || !out[0].Restored || out[0].Looks != 1 || out[1].Killed || !out[1].Restored {
			t.Fatalf("%v %+v", err, out)
		}
		if want := []string{"do odd", "do broken", "undo broken", "undo odd", "do odd", "undo odd"}; !slices.Equal(n.log, want) {
			t.Errorf("steps: %v", n.log)
		}
		if !strings.Contains(told[0], "1/2 one: killed in") || !strings.Contains(told[1], "two: NOT KILLED") {
			t.Errorf("told %q", told)
		}
	})
	t.Run("two at once", func(t *testing.T) {
		n, told := &network{state: "fine"}, []string(nil)
		e := testEngine(n, &told)
		e.judge = func(o model.Observation) []model.Judgement {
			js := []model.Judgement{judged("A", model.Pass, ""), judged("B", model.Pass, "")}
			if o.Scenario == "broken" {
				js[0], js[1] = judged("A", model.Fail, "it is broken"), judged("B", model.Fail, "it is else")
			}
			return js
		}
		other := Fault{ID: "two", Red: red("B", "^it is broken$"), Steps: []Step{fakeStep{n: n, to: "broken"}}}
		out, err := e.run(t.Context(), group([]Fault{fault("one", fakeStep{n: n, to: "odd"}), other}, false))
		if err != nil || len(out) != 2 || !out[0].Killed || out[1].Killed || !out[1].Restored || out[1].With[0] != "one" {
			t.Fatalf("%v %+v", err, out)
		}
		if len(n.log) != 4 || n.state != "fine" {
			t.Errorf("left %s after %v", n.state, n.log)
		}
	})
	t.Run("an injection that fails half-way is taken back", func(t *testing.T) {
		n, told := &network{state: "fine"}, []string(nil)
		out, err := testEngine(n, &told).run(t.Context(), alone(fault("one", fakeStep{n: n, to: "odd"}, fakeStep{n: n, to: "broken", failDo: errors.New("no such link")})))
		if err != nil || out[0].Killed || !out[0].Restored || n.state != "fine" || !strings.Contains(out[0].Problems[0], "no such link") {
			t.Fatalf("%v %+v %s", err, out, n.state)
		}
	})
	t.Run("an injection that fails leaves those beside it", func(t *testing.T) {
		n, told := &network{state: "fine"}, []string(nil)
		e := testEngine(n, &told)
		judge := e.judge
		e.judge = func(o model.Observation) []model.Judgement { return append(judge(o), judged("B", model.Pass, "")) }
		other := Fault{ID: "two", Red: red("B", "^it is broken$"), Steps: []Step{fakeStep{n: n, to: "odd", failDo: errors.New("no such link")}}}
		out, err := e.run(t.Context(), group([]Fault{other, fault("one", fakeStep{n: n, to: "broken"})}, false))
		if err != nil || len(out) != 2 || out[0].Killed || !strings.Contains(out[0].Problems[0], "no such link") || !out[1].Killed || len(out[1].Problems) > 0 {
			t.Fatalf("%v %+v", err, out)
		}
		if len(out[0].Cells) > 0 || !out[0].Restored || !out[1].Restored || n.state != "fine" {
			t.Errorf("left %s: %+v", n.state, out)
		}
	})
	t.Run("nobody looks where nothing was injected", func(t *testing.T) {
		n, told := &network{state: "fine"}, []string(nil)
		out, err := testEngine(n, &told).run(t.Context(), alone(fault("one", fakeStep{n: n, to: "broken", failDo: errors.New("no such link")})))
		if err != nil || out[0].Killed || len(out[0].Problems) != 1 || len(out[0].Cells) > 0 || out[0].Detect != 0 || !out[0].Restored {
			t.Fatalf("%v %+v", err, out)
		}
	})
	t.Run("an interrupt still takes back", func(t *testing.T) {
		n, told := &network{state: "fine"}, []string(nil)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := testEngine(n, &told).run(ctx, alone(fault("one", fakeStep{n: n, to: "broken", cancel: cancel}), fault("two", fakeStep{n: n, to: "odd"})))
		if !errors.Is(err, context.Canceled) || n.state != "fine" || len(n.log) != 2 {
			t.Fatalf("%v, left %s after %v", err, n.state, n.log)
		}
		if errors.As(err, new(*undoError)) {
			t.Errorf("the undo ran with a context that had ended: %v", err)
		}
	})
	t.Run("an undo that fails ends the run", func(t *testing.T) {
		n, told := &network{state: "fine"}, []string(nil)
		out, err := testEngine(n, &told).run(t.Context(), alone(fault("one", fakeStep{n: n, to: "broken", failUndo: errors.New("gone")}), fault("two", fakeStep{n: n, to: "odd"})))
		if !errors.As(err, new(*undoError)) || len(out) != 1 {
			t.Fatalf("%v %+v", err, out)
		}
	})
	t.Run("green but other than before is not restored", func(t *testing.T) {
		n, told := &network{state: "fine"}, []string(nil)
		out, err := testEngine(n, &told).run(t.Context(), alone(fault("one", fakeStep{n: n, to: "broken", leaves: "other"}), fault("two", fakeStep{n: n, to: "broken"})))
		if err != nil || out[0].Restored || out[0].Looks != looksToSettle || len(out[0].Differences) != 1 || !out[1].Restored {
			t.Fatalf("%v %+v", err, out)
		}
	})
	t.Run("red after the undo ends the run", func(t *testing.T) {
		n, told := &network{state: "fine"}, []string(nil)
		_, err := testEngine(n, &told).run(t.Context(), alone(fault("one", fakeStep{n: n, to: "broken", leaves: "stuck"})))
		var red *NotGreenError
		if !errors.As(err, &red) || !strings.Contains(red.Error(), "A FAIL: it is stuck") {
			t.Fatal(err)
		}
	})
	t.Run("nothing is broken on a network that is not green", func(t *testing.T) {
		n, told := &network{state: "stuck"}, []string(nil)
		_, err := testEngine(n, &told).run(t.Context(), alone(fault("one", fakeStep{n: n, to: "broken"})))
		if !errors.As(err, new(*NotGreenError)) || len(n.log) != 0 {
			t.Fatalf("%v %v", err, n.log)
		}
	})
}

// TestScriptsParse: a script with a slip would fail on the cluster only, after the fault.
func TestScriptsParse(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell here")
	}
	parse := func(what, script string) {
		if out, err := exec.CommandContext(t.Context(), sh, "-n", "-c", "set -e\n"+script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", what, err, out)
		}
	}
	parse("into a pod", intoPod)
	parse("guest", guestTools)
	parse("switch", switchTools)
	parse("northbound", northboundTools)
	for _, f := range All() {
		for _, s := range f.Steps {
			if s, ok := s.(Script); ok {
				for _, part := range []string{s.Save, s.Change, s.Revert, s.Effect, s.Undone} {
					parse(f.ID, part)
				}
			}
		}
	}
}
